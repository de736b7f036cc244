/** The bounds of decoding and of the normal form. Changing the normal form changes every hash: raise NORMAL_VERSION then. */

export const NORMAL_VERSION = 1

/**
 * Sides of a frame's normal form, pixels. 336 is the largest input of common encoders (CLIP ViT-L/14@336), and the
 * perceptual hashes need 64 to 512. The long side allows 6:1 panoramas at full height; beyond that both shrink.
 */
export const FRAME_SHORT_SIDE = 336
export const FRAME_LONG_SIDE = 2016

/** Full chroma at 92 keeps the perceptual hashes within 2 of 256 bits of those of the undamaged pixels. */
export const JPEG_QUALITY = 92

/** 50 Mpx is 150 MB as RGB: more than any camera phone's default, small enough for a child's memory bound. */
export const MAX_PIXELS = 50_000_000

/** Key frames kept of a video, and frames of an animation. */
export const MAX_VIDEO_FRAMES = 32
export const MAX_ANIMATION_FRAMES = 16

/** Pixels that an animation's frames may cost: reaching frame n decodes all before it. Large animations keep fewer frames. */
export const ANIMATION_PIXEL_BUDGET = 1_500_000_000

/** Up to here one pass that decodes every key frame is faster than one seek for each chosen frame (about 90 ms each). */
export const MAX_KEY_FRAMES_IN_ONE_PASS = 256

/** Sound kept in the normal form; the whole duration is reported all the same. */
export const MAX_SOUND_SECONDS = 600

/** A day: no asset of ours is longer, and a forged header claims anything. */
export const MAX_DURATION_MICROS = 24 * 3600 * 1_000_000

/** A day at 60 frames a second. */
export const MAX_PACKETS = 5_200_000

/** ffmpeg: largest single allocation. A 10-bit 8K frame takes 100 MB. */
export const FFMPEG_MAX_ALLOC_BYTES = 1 << 28

/** Longest run of one job in a decoder process. */
export const JOB_DEADLINE_MS = 60_000

/** Resident memory of a decoder process and its ffmpeg together. A 50-Mpx progressive JPEG takes about 500 MB. */
export const MAX_RESIDENT_BYTES = 1 << 30

/** A decoder process is replaced after so many jobs: leaks of the native decoders stay small. */
export const JOBS_PER_PROCESS = 500
