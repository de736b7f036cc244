/** Whether md calls the array clean. Each change is written to the superblock of every member (drivers/md/md.c, `md_write_start`). */
export class SafeMode {
  readonly #delayUs: number
  readonly #writeSuperblocks: () => void
  /** While the array is active. */
  #lastWriteUs: number | undefined

  constructor(delayUs: number, writeSuperblocks: () => void) {
    this.#delayUs = delayUs
    this.#writeSuperblocks = writeSuperblocks
  }

  write(nowUs: number): void {
    if (this.#lastWriteUs === undefined) this.#writeSuperblocks()
    this.#lastWriteUs = nowUs
  }

  advance(nowUs: number): void {
    if (this.#lastWriteUs !== undefined && nowUs - this.#lastWriteUs >= this.#delayUs) this.finish()
  }

  finish(): void {
    if (this.#lastWriteUs === undefined) return
    this.#lastWriteUs = undefined
    this.#writeSuperblocks()
  }
}
