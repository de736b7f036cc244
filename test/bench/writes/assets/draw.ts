/** Random numbers by number: the same number always starts the same sequence. */

/** The finaliser of MurmurHash3 (Appleby): one to one on 32 bits, so different numbers never mix to the same. */
export function mix(n: number): number {
  let h = n | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** xorshift32 (Marsaglia 2003): far cheaper than a hash, and good enough to be neither compressible nor regular. */
export class Draw {
  #state = 1

  /** Begins the sequence of number `n` for a purpose. */
  seed(n: number, purpose = 0): this {
    this.#state = mix(n + Math.imul(purpose, 0x9e3779b1)) || 0x6d2b79f5
    return this
  }

  /** 32 bits, never 0. */
  word(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  /** From 0 to `bound - 1`. */
  below(bound: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * bound)
  }

  /** Fills with random bytes; a multiple of four. */
  fill(bytes: Buffer): Buffer {
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(this.word(), at)
    return bytes
  }
}
