/** Turns an MP4 by its display matrix alone, as phones do: no pixel changes (ISO/IEC 14496-12, 8.3.2 track header). */

/** 16.16 fixed-point rows (a b u; c d v; x y w) that show the picture a quarter turn to the right. */
function quarterTurn(storedHeight: number): number[] {
  return [0, 0x10000, 0, -0x10000, 0, 0, storedHeight << 16, 0, 0x40000000]
}

/** A copy whose video track is shown a quarter turn to the right of how it is stored. */
export function withQuarterTurn(mp4: Buffer, storedHeight: number): Buffer {
  const copy = Buffer.from(mp4)
  const header = find(copy, ['moov', 'trak', 'tkhd'])
  if (!header) throw new Error('this MP4 has no track header')
  // Version 1 headers hold 64-bit times, which moves all behind them by 12 bytes.
  const matrixAt = header.start + (copy[header.start] === 1 ? 52 : 40)
  quarterTurn(storedHeight).forEach((number, i) => copy.writeInt32BE(number, matrixAt + i * 4))
  return copy
}

interface Box {
  /** Of the body. */
  start: number
  end: number
}

function find(bytes: Buffer, path: readonly string[], within: Box = { start: 0, end: bytes.length }): Box | undefined {
  const [name, ...rest] = path
  for (let at = within.start; at + 8 <= within.end;) {
    const size = bytes.readUInt32BE(at)
    if (size < 8) return undefined
    const box = { start: at + 8, end: at + size }
    if (bytes.toString('latin1', at + 4, at + 8) === name) return rest.length === 0 ? box : find(bytes, rest, box)
    at += size
  }
  return undefined
}
