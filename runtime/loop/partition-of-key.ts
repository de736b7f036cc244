/**
 * Kafka's default partitioner for keyed records, so that a producer in any language puts a key where we expect it:
 * murmur2 over the key's bytes, made positive, modulo the partitions (org.apache.kafka.common.utils.Utils#murmur2).
 */

const M = 0x5bd1e995
const SEED = 0x9747b28c

export function partitionOfKey(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

/** Signed 32-bit murmur2, as Java computes it. */
export function murmur2(data: Buffer): number {
  const blocks = data.length >> 2
  let hash = SEED ^ data.length
  for (let block = 0; block < blocks; block++) hash = mixBlock(hash, data.readInt32LE(block * 4))
  hash = mixTail(hash, data, blocks * 4)
  hash ^= hash >>> 13
  hash = Math.imul(hash, M)
  return (hash ^ (hash >>> 15)) | 0
}

function mixBlock(hash: number, word: number): number {
  let k = Math.imul(word, M)
  k = Math.imul(k ^ (k >>> 24), M)
  return Math.imul(hash, M) ^ k
}

function mixTail(hash: number, data: Buffer, start: number): number {
  const left = data.length - start
  if (left === 0) return hash
  if (left === 3) hash ^= data[start + 2]! << 16
  if (left >= 2) hash ^= data[start + 1]! << 8
  return Math.imul(hash ^ data[start]!, M)
}
