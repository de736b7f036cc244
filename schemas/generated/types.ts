/** Generated from schemas by `npm run generate`. Do not edit. */

/** Sha256 on the wire: fixed length. */
export type Sha256 = Buffer

export interface ClaimedTag {
  /** The tag as the producer wrote it. */
  name: string
  /** 0 to 1. */
  confidence: number
}

/** What the producer said about the asset. */
export interface Submission {
  /** Name of the producing system, for example a crawler or a shop. */
  source: string
  /** The asset's identifier in that system. */
  sourceId: null | string
  /** Where the bytes are: http, https, file or blob. */
  uri: string
  /** SHA-256 that the bytes must have, when the producer knows it. */
  sha256: null | Sha256
  /** Tags that the producer claims. */
  tags: ClaimedTag[]
  /** The producer's own judgement; null when it made none. */
  nsfw: null | boolean
  /** Free attributes, passed through. */
  attributes: Record<string, string>
  /** The producer's own JSON, byte for byte, up to 64 KiB. */
  raw: null | Buffer
  /** When the producer made the event, Unix milliseconds. */
  submittedAt: number
}

/** A media file was submitted. */
export interface AssetSubmitted {
  /** UUIDv7, given at the edge, stable for ever. */
  assetId: string
  /** What the producer said. */
  submission: Submission
}

/** The bytes that were fetched. */
export interface Content {
  /** SHA-256 of the bytes; also their address in the blob store. */
  sha256: Sha256
  /** Length in bytes. */
  bytes: number
  /** MIME type by content, for example image/jpeg. */
  sniffedType: string
  /** MIME type that the server or the file name claimed. */
  declaredType: null | string
  /** URI after redirects, without credentials and query. */
  finalUri: string
  /** ETag or Last-Modified of the source. */
  validator: null | string
}

/** Its bytes are in the blob store. */
export interface AssetDownloaded {
  /** UUIDv7, given at the edge, stable for ever. */
  assetId: string
  /** What the producer said. */
  submission: Submission
  /** Learned by download. */
  content: Content
}

export interface Frame {
  /** Presentation time by the container, microseconds; 0 for a still. */
  ptsMicros: number
  /** Address of the frame's normal form, a JPEG. */
  blob: Sha256
  /** Pixels. */
  width: number
  /** Pixels. */
  height: number
}

/** The asset in its normal form: upright, sRGB, without alpha, of bounded size. */
export interface Normal {
  /** Version of the normal form's rules. */
  version: number
  /** image, video or audio, decided by content. */
  kind: string
  /** Width of the original once upright, pixels. */
  width: null | number
  /** Height of the original once upright, pixels. */
  height: null | number
  /** Playing time, microseconds. */
  durationMicros: null | number
  /** EXIF orientation that was found (1 to 8); for video clockwise degrees mapped to 1, 6, 3, 8. */
  orientation: number
  /** Format or codec of the original, as the decoder names it. */
  codec: string
  /** The picture, or the chosen key frames in order of time. Empty for sound. */
  frames: Frame[]
  /** Frames or key frames the original holds, of which frames is a bounded choice. */
  frameCount: null | number
  /** Address of the sound's normal form: 16 kHz mono FLAC. */
  audio: null | Sha256
  /** Integrated loudness by EBU R 128, LUFS. */
  loudnessLufs: null | number
  /** Address of a JPEG to show to people. */
  thumbnail: null | Sha256
}

/** It was brought to its normal form. */
export interface AssetNormalized {
  /** UUIDv7, given at the edge, stable for ever. */
  assetId: string
  /** What the producer said. */
  submission: Submission
  /** Learned by download. */
  content: Content
  /** Learned by normalize. */
  normal: Normal
}

export interface FrameFingerprint {
  /** Time of the frame. */
  ptsMicros: number
  /** SHA-256 over original width and height and the normal form's pixels: equal for copies that differ in metadata only. */
  pixels: Sha256
  /** 256-bit blockhash. */
  blockhash: Sha256
  /** 256-bit DCT hash (PDQ). */
  pdq: Sha256
  /** 0 to 100; below 50 the picture holds too little information for its hashes to be trusted. */
  quality: number
}

/** What copies are recognised by. */
export interface Fingerprint {
  /** Version of the algorithms. */
  version: number
  /** One for each frame of the normal form. */
  frames: FrameFingerprint[]
  /** Chromaprint: unsigned 32-bit little-endian words, about eight a second. */
  acoustic: null | Buffer
}

/** Its hashes are known. */
export interface AssetFingerprinted {
  /** UUIDv7, given at the edge, stable for ever. */
  assetId: string
  /** What the producer said. */
  submission: Submission
  /** Learned by download. */
  content: Content
  /** Learned by normalize. */
  normal: Normal
  /** Learned by fingerprint. */
  fingerprint: Fingerprint
}

/** How the asset relates to those seen before it. */
export interface DuplicateVerdict {
  /** original, same-bytes, same-picture or near-copy. */
  relation: string
  /** Asset id of the original that this one copies. */
  of: null | string
  /** Hamming distance (of 256 bits, PDQ) to the original; for video the mean over matched frames; for sound bit errors per 1,000. */
  distance: null | number
  /** Which test decided, for people. */
  evidence: string
  /** Share matched: the larger of this asset's frames found in the original and the original's found in this one; for sound the overlap's share of the shorter print; null for stills and exact copies. */
  matched: null | number
  /** Where in the original this copy begins. */
  timeOffsetMicros: null | number
  /** Normal-form frames of the original: the embedding is made from these, so that a copy shares its original's vector. */
  canonicalFrames: Sha256[]
}

/** It was compared with everything seen before it. */
export interface AssetDeduplicated {
  /** UUIDv7, given at the edge, stable for ever. */
  assetId: string
  /** What the producer said. */
  submission: Submission
  /** Learned by download. */
  content: Content
  /** Learned by normalize. */
  normal: Normal
  /** Learned by fingerprint. */
  fingerprint: Fingerprint
  /** Decided by dedupe. */
  verdict: DuplicateVerdict
}

/** Vectors of one model. */
export interface Embedding {
  /** Model id by its card. */
  model: string
  /** SHA-256 of the model file. */
  weightsSha256: Sha256
  /** Numbers in a vector. */
  dimensions: number
  /** Unit vector, IEEE 754 half precision, little-endian; for video the normalised mean of its frames. */
  vector: Buffer
  /** Vectors of the frames, in the same form; empty for stills. */
  frames: Buffer[]
}

/** Its vector is known; null for sound. */
export interface AssetEmbedded {
  /** UUIDv7, given at the edge, stable for ever. */
  assetId: string
  /** What the producer said. */
  submission: Submission
  /** Learned by download. */
  content: Content
  /** Learned by normalize. */
  normal: Normal
  /** Learned by fingerprint. */
  fingerprint: Fingerprint
  /** Decided by dedupe. */
  verdict: DuplicateVerdict
  /** Made by embed; null for sound. */
  embedding: null | Embedding
}

export interface Tag {
  /** Lower-case name. */
  name: string
  /** 0 to 1. */
  confidence: number
  /** claimed or predicted. */
  origin: string
}

/** Tags after normalisation. */
export interface Tags {
  /** Version of the normalisation rules. */
  vocabulary: number
  /** Best first; equal confidence by name. */
  tags: Tag[]
  /** Null when nobody said. */
  nsfw: null | boolean
  /** Tags that were refused, counted by reason. */
  dropped: Record<string, number>
}

/** Its tags were normalised. */
export interface AssetTagged {
  /** UUIDv7, given at the edge, stable for ever. */
  assetId: string
  /** What the producer said. */
  submission: Submission
  /** Learned by download. */
  content: Content
  /** Learned by normalize. */
  normal: Normal
  /** Learned by fingerprint. */
  fingerprint: Fingerprint
  /** Decided by dedupe. */
  verdict: DuplicateVerdict
  /** Made by embed; null for sound. */
  embedding: null | Embedding
  /** Normalised by tag. */
  tags: Tags
}

/** The topic cluster that the asset belongs to. */
export interface Placement {
  /** Cluster number, stable for ever. */
  cluster: number
  /** Cosine similarity to the nearest representative; 1 for a cluster's founder. */
  similarity: number
  /** Model whose vectors were compared. */
  model: string
  /** Whether this asset opened the cluster. */
  founded: boolean
}

/** It was placed in a cluster; null without a vector. */
export interface AssetClustered {
  /** UUIDv7, given at the edge, stable for ever. */
  assetId: string
  /** What the producer said. */
  submission: Submission
  /** Learned by download. */
  content: Content
  /** Learned by normalize. */
  normal: Normal
  /** Learned by fingerprint. */
  fingerprint: Fingerprint
  /** Decided by dedupe. */
  verdict: DuplicateVerdict
  /** Made by embed; null for sound. */
  embedding: null | Embedding
  /** Normalised by tag. */
  tags: Tags
  /** Decided by cluster; null without a vector. */
  placement: null | Placement
}

/** A stage gave the asset up; the failure's row is committed in Postgres. */
export interface AssetFailed {
  /** UUIDv7, or the record's key as it came when that is none; empty when there was no key. */
  assetId: string
  /** Stage that gave up. */
  stage: string
  /** Stable reason code. */
  code: string
  /** One sentence for people. */
  reason: string
}

/** The asset's row is committed in Postgres. */
export interface AssetStored {
  /** UUIDv7. */
  assetId: string
  /** original, same-bytes, same-picture or near-copy. */
  relation: string
  /** Asset id of the original, for a copy. */
  of: null | string
  /** Cluster number. */
  cluster: null | number
}

/** One decision of cluster: its changelog, keyed by asset id. */
export interface ClusterPlaced {
  /** The asset that was placed. */
  assetId: string
  /** Order of the decision, from 1. */
  sequence: number
  /** Model id; clusters of different models never mix. */
  model: string
  /** Cluster number; null for an asset without a vector. */
  cluster: null | number
  /** To the nearest representative. */
  similarity: number
  /** Whether it opened the cluster. */
  founded: boolean
  /** Half-precision vector, when this asset became one of the cluster's representatives. */
  representative: null | Buffer
}

export interface KnownFrame {
  /** Time of the frame. */
  ptsMicros: number
  /** Normal form. */
  blob: Sha256
  /** Pixel hash. */
  pixels: Sha256
  /** 256-bit blockhash. */
  blockhash: Sha256
  /** 256-bit PDQ. */
  pdq: Sha256
  /** 0 to 100. */
  quality: number
}

/** One decision of dedupe: its changelog, keyed by asset id. */
export interface DedupeDecided {
  /** The asset that was decided. */
  assetId: string
  /** Order of the decision, from 1. */
  sequence: number
  /** image, video or audio. */
  kind: string
  /** SHA-256 of its bytes. */
  content: Sha256
  /** original, same-bytes, same-picture or near-copy. */
  relation: string
  /** Asset id of the original. */
  of: null | string
  /** As in the verdict. */
  distance: null | number
  /** As in the verdict. */
  evidence: string
  /** As in the verdict. */
  matched: null | number
  /** As in the verdict. */
  timeOffsetMicros: null | number
  /** Filled for originals only: what later assets are compared with. */
  frames: KnownFrame[]
  /** Chromaprint of an original. */
  acoustic: null | Buffer
  /** Playing time of an original, microseconds. */
  durationMicros: null | number
}
