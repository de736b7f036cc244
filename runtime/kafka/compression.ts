/**
 * Compression codecs: kafkajs ships gzip only. zstd by Node itself; snappy and lz4 so that a topic which another tool
 * wrote never stops us.
 */
import { promisify } from 'node:util'
import { constants, zstdCompressSync, zstdDecompress } from 'node:zlib'
import * as lz4 from 'lz4-napi'
import snappyCodec from 'kafkajs-snappy'
import { CompressionCodecs, CompressionTypes } from './patches.ts'

/** 1 MiB: with the default of 16 KiB decompression runs at a fifth of the speed. */
const CHUNK_BYTES = 1 << 20

/** What one compressed batch may become; above it the batch is a bomb. A batch holds at most a few MiB of records. */
const MAX_BATCH_BYTES = 256 << 20

interface Encoder { buffer: Buffer }

const decompress = promisify(zstdDecompress)

/** Synchronous: level 1 takes less than the hop to the thread pool for the batches that we write. */
const zstd = {
  async compress(encoder: Encoder): Promise<Buffer> {
    return zstdCompressSync(encoder.buffer, { chunkSize: CHUNK_BYTES, params: { [constants.ZSTD_c_compressionLevel]: 1 } })
  },
  decompress: (buffer: Buffer): Promise<Buffer> => decompress(buffer, { chunkSize: CHUNK_BYTES, maxOutputLength: MAX_BATCH_BYTES }),
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
