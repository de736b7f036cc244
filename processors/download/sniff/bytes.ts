/** Small readings of a head that may end anywhere. */

/** Whether these Latin-1 characters stand at an offset. */
export function startsAt(head: Buffer, offset: number, characters: string): boolean {
  return head.toString('latin1', offset, offset + characters.length) === characters
}

/** Length of an ID3v2 tag at the start, with its header and footer; 0 when there is none. (id3.org, ID3v2.4 section 3.1) */
export function id3Length(head: Buffer): number {
  if (!startsAt(head, 0, 'ID3') || head.length < 10) return 0
  const [a, b, c, d] = head.subarray(6, 10) as unknown as [number, number, number, number]
  if ((a | b | c | d) & 0x80) return 0
  const footer = head[5]! & 0x10 ? 10 : 0
  return 10 + footer + ((a << 21) | (b << 14) | (c << 7) | d)
}
