/** The report's style sheet: colours that colour-blind people tell apart (after Okabe and Ito), by day and by night. */
export const STYLE = `
:root { color-scheme: light dark; --page: #fbfbfa; --card: #ffffff; --edge: #dfe1e4; --text: #1d2126; --quiet: #5b6570; --grid: #e6e8eb;
  --old: #c4500a; --cleaned: #a5487f; --ours: #0a6aa8; --kafka: #56616c; --goal: #1f7a4d; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --card: #1c2024; --edge: #333a41; --text: #e8eaed; --quiet: #a3adb8; --grid: #2d333a;
  --old: #ff9152; --cleaned: #e08fbf; --ours: #58b4f0; --kafka: #9aa6b2; --goal: #5fcf97; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 19px; margin: 44px 0 8px; }
h3 { font-size: 15px; margin: 0; }
p { margin: 4px 0; max-width: 80ch; }
.quiet, figcaption span { color: var(--quiet); }
figure { margin: 14px 0; padding: 14px 16px 8px; background: var(--card); border: 1px solid var(--edge); border-radius: 8px; overflow-x: auto; }
figcaption { margin-bottom: 6px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 20px; }
@media (max-width: 860px) { .pair { grid-template-columns: 1fr; } }
svg { display: block; width: 100%; min-width: 780px; height: auto; font: 12px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
.pair > svg { min-width: min(440px, 100%); }
svg text { fill: var(--text); }
svg .tick, svg .unit, svg .absent { fill: var(--quiet); }
svg .tick, svg .unit, svg .goal-label { font-size: 11px; }
svg .absent { font-style: italic; }
svg .grid { stroke: var(--grid); }
svg .goal { stroke: var(--goal); stroke-width: 1.5; stroke-dasharray: 4 3; }
svg .goal-label { fill: var(--goal); }
svg .value, svg .absent { paint-order: stroke; stroke: var(--card); stroke-width: 7px; stroke-linejoin: round; }
.old { --tone: var(--old); } .cleaned { --tone: var(--cleaned); } .ours { --tone: var(--ours); } .kafka { --tone: var(--kafka); }
svg .lower { fill: var(--tone); }
svg .upper { fill: var(--tone); fill-opacity: 0.32; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 14px 0 0; padding: 0; list-style: none; font-size: 13px; }
.legend li { display: flex; align-items: center; gap: 7px; }
.legend i { width: 22px; height: 12px; border-radius: 2px; background: var(--tone); }
.legend i.both { background: linear-gradient(90deg, var(--kafka) 55%, color-mix(in srgb, var(--kafka) 32%, transparent) 55%); }
.legend i.line { height: 0; border-radius: 0; background: none; border-top: 2px dashed var(--goal); }
.scroll { overflow-x: auto; border: 1px solid var(--edge); border-radius: 8px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: 12.5px; line-height: 1.35; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 8px; text-align: right; border-bottom: 1px solid var(--edge); white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); white-space: pre; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
tbody th { color: var(--text); }
tr:last-child > * { border-bottom: 0; }
li { max-width: 90ch; }
`
