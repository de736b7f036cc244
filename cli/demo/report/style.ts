/** The report's style sheet: light and dark by the reader's preference, narrow and wide screens, keyboard focus, print. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --line: #dfe3e8; --ink: #1b2230; --soft: #566072; --accent: #0b63c5;
  --good: #0f7a43; --good-ground: #e3f6ea; --bad: #b3261e; --bad-ground: #fdeceb;
  --original: #46505f; --same-bytes: #7a2fc4; --same-picture: #0b63c5; --near-copy: #0a766c; --copy-ink: #fff;
  --image: #2f7de1; --video: #d9822b; --audio: #2a9d6f; --shadow: 0 1px 2px #0f172a14, 0 4px 14px #0f172a0d; }
@media (prefers-color-scheme: dark) { :root { --ground: #10141b; --card: #191f29; --line: #2c3543; --ink: #e8ecf2; --soft: #a2adbd; --accent: #79b3ff;
  --good: #62d394; --good-ground: #12301f; --bad: #ff8a80; --bad-ground: #3a1a1a;
  --original: #b6c0ce; --same-bytes: #cba3ff; --same-picture: #8fc0ff; --near-copy: #6fdccf; --copy-ink: #10141b;
  --image: #5b9bf0; --video: #f0a257; --audio: #58c798; --shadow: none; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 4rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main, header > div, footer, nav ul { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding: 2.5rem 0 1.5rem; }
h1 { font-size: clamp(1.7rem, 4vw, 2.4rem); line-height: 1.15; margin: 0 0 .35rem; letter-spacing: -.02em; }
h2 { font-size: 1.35rem; margin: 3rem 0 .25rem; letter-spacing: -.01em; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: .25rem 0 1rem; max-width: 65ch; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; z-index: 3; }
.soft { color: var(--soft); } small, .small { font-size: .8125rem; line-height: 1.35; }
nav { position: sticky; top: 0; z-index: 2; background: color-mix(in srgb, var(--ground) 88%, transparent); backdrop-filter: blur(8px); border-bottom: 1px solid var(--line); }
nav ul { display: flex; gap: 1.25rem; overflow-x: auto; list-style: none; scrollbar-width: none; }
nav a { display: block; padding: .7rem 0; color: var(--soft); text-decoration: none; white-space: nowrap; font-size: .9rem; } nav a:hover { color: var(--ink); }
.verdict { display: inline-block; border-radius: 99px; padding: .25rem .9rem; font-weight: 600; background: var(--good-ground); color: var(--good); }
.verdict.bad { background: var(--bad-ground); color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1.5rem 0 0; padding: 0; }
.figures div, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.figures div { padding: .85rem 1rem; display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.figures dt { color: var(--soft); font-size: .85rem; } .figures dd { margin: 0; font-size: 1.65rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card { padding: 1rem; margin: 1rem 0; }
.card > header { padding: 0; display: flex; flex-wrap: wrap; gap: .15rem .75rem; align-items: baseline; margin-bottom: .75rem; }
.card > header:last-child { margin: 0; }
img { display: block; width: 100%; background: var(--line); border-radius: 8px; }
figure { margin: 0; min-width: 0; } figcaption { padding-top: .4rem; overflow-wrap: anywhere; }
.name { font-weight: 600; display: block; } .file { display: block; color: var(--soft); }
.group { display: grid; grid-template-columns: minmax(12rem, 17rem) 1fr; gap: 1.25rem; align-items: start; }
.copies { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 1rem .85rem; list-style: none; margin: 0; padding: 0; }
.copies img, .group > figure img, .hits img { aspect-ratio: 4 / 3; object-fit: cover; }
.badge { display: inline-block; border-radius: 5px; padding: .05rem .45rem; font-size: .75rem; font-weight: 650; color: var(--copy-ink); white-space: nowrap; }
.badge.original { background: var(--original); } .badge.same-bytes { background: var(--same-bytes); }
.badge.same-picture { background: var(--same-picture); } .badge.near-copy { background: var(--near-copy); }
.distance { font-variant-numeric: tabular-nums; font-size: .8125rem; color: var(--soft); margin-left: .3rem; white-space: nowrap; }
.wall { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.75rem, 1fr)); gap: .35rem; list-style: none; margin: 0; padding: 0; }
.wall img { aspect-ratio: 1; object-fit: cover; border-radius: 6px; } .wall .stranger img { outline: 3px solid var(--bad); outline-offset: -3px; }
.mark { position: relative; display: block; } .mark::after { content: attr(data-mark); position: absolute; right: .25rem; bottom: .25rem; background: #000b; color: #fff; border-radius: 4px; padding: 0 .3rem; font-size: .6875rem; }
.wave img { height: 4.5rem; object-fit: fill; }
.strip { display: flex; gap: .5rem; overflow-x: auto; padding: .25rem .25rem .5rem; margin: 0 -.25rem; list-style: none; }
.strip li { flex: none; } .strip img { height: 6.25rem; width: auto; } .strip time { font-size: .75rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.hits { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: .85rem; list-style: none; margin: 0; padding: 0; }
.query { border-right: 2px solid var(--line); padding-right: .85rem; }
.placeholder { aspect-ratio: 4 / 3; border-radius: 8px; background: var(--line); display: grid; place-items: center; color: var(--soft); font-size: 1.6rem; }
.wall .placeholder { aspect-ratio: 1; } .group .placeholder { aspect-ratio: auto; height: 4.5rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .8125rem; } th, td { padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { overflow-wrap: anywhere; display: table-cell; } code { font: .85em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { margin: .35rem 0 0; padding: .7rem .9rem; background: var(--ground); border: 1px solid var(--line); border-radius: 8px; white-space: pre-wrap; user-select: all; }
.wrong td { background: var(--bad-ground); } .wrong .fault { color: var(--bad); font-weight: 600; }
details { margin: 1rem 0; } summary { cursor: pointer; color: var(--accent); width: fit-content; }
.chart svg { display: block; width: 100%; height: 11rem; } .axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .8125rem; border-top: 1px solid var(--line); padding-top: .25rem; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; margin: 0 0 .75rem; font-size: .9rem; }
.legend i { display: inline-block; width: .75rem; height: .75rem; border-radius: 3px; margin-right: .4rem; }
.columns { display: grid; gap: .85rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); } .columns .card { margin: 0; }
footer { padding-top: 2.5rem; padding-bottom: 3rem; color: var(--soft); font-size: .875rem; }
@media (max-width: 44rem) { .group { grid-template-columns: 1fr; } .copies { grid-template-columns: repeat(2, 1fr); } .query { border: 0; padding: 0; }
  .figures { grid-template-columns: repeat(2, 1fr); } .wall { grid-template-columns: repeat(4, 1fr); } }
@media print { nav, .skip { display: none; } .card { break-inside: avoid; box-shadow: none; } body { background: #fff; } }
`
