/** CRC-32C (Castagnoli), the checksum of Kafka's record batches (KIP-98), by the processor's own instruction where it has one. */
import { crc32c as checksum } from '@node-rs/crc32'

/** Unsigned 32-bit checksum of `bytes` from `start` on. */
export function crc32c(bytes: Buffer, start = 0): number {
  return checksum(bytes.subarray(start))
}
