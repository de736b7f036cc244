/**
 * Compression codecs: kafkajs ships gzip only. zstd by Node itself; snappy and lz4 so that a topic which another tool
 * wrote never stops us.
 */
import { promisify } from 'node:util'
import { constants, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import * as lz4 from 'lz4-napi'
import snappyCodec from 'kafkajs-snappy'
import { CompressionCodecs, CompressionTypes } from './patches.ts'

/** 1 MiB: with the default of 16 KiB decompression runs at a fifth of the speed. */
const CHUNK_BYTES = 1 << 20

/** A small batch gets a small chunk, since what comes out keeps all of it in memory. */
const SLACK_BYTES = 1 << 10
/** Most batches become no larger than this times; the others take more than one chunk. */
const LIKELY_FACTOR = 8

/** Up to here the hop to the thread pool takes longer than the work. */
const SMALL_BYTES = 32 << 10

/** What one compressed batch may become; above it the batch is a bomb. A batch holds at most a few MiB of records. */
const MAX_BATCH_BYTES = 256 << 20

interface Encoder { buffer: Buffer }

const decompress = promisify(zstdDecompress)

/** Synchronous: level 1 takes less than the hop to the thread pool for the batches that we write. */
const zstd = {
  async compress(encoder: Encoder): Promise<Buffer> {
    const { buffer } = encoder
    return zstdCompressSync(buffer, { chunkSize: Math.min(CHUNK_BYTES, buffer.length + SLACK_BYTES), params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  },
  async decompress(buffer: Buffer): Promise<Buffer> {
    const options = { chunkSize: Math.min(CHUNK_BYTES, buffer.length * LIKELY_FACTOR + SLACK_BYTES), maxOutputLength: MAX_BATCH_BYTES }
    return buffer.length <= SMALL_BYTES ? zstdDecompressSync(buffer, options) : await decompress(buffer, options)
  },
}

const lz4Codec = {
  compress: (encoder: Encoder): Promise<Buffer> => lz4.compressFrame(encoder.buffer),
  decompress: (buffer: Buffer): Promise<Buffer> => lz4.decompressFrame(buffer),
}

/** Makes every codec of the protocol readable and writable. Idempotent. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4Codec
  CompressionCodecs[CompressionTypes.Snappy] = snappyCodec as never
}
