/** Moving scenes: a window that drifts over a painted picture, cut after cut, as raw frames for ffmpeg. */
import type { Family } from './families/index.ts'
import type { Painters } from './painters.ts'
import { type Raster, blank } from './raster.ts'
import { seeded } from './random.ts'

/** 16:9; both sides even, as 4:2:0 chroma needs. */
export const FILM = { width: 480, height: 270, framesPerSecond: 25 } as const
/** The window covers all but this share of the painted picture. */
const ROOM = 0.2

export interface Scene {
  /** 'black' is a leader without any picture. */
  family: Family | 'black'
  seed: string
  frames: number
}

interface Size {
  width: number
  height: number
}

/** Raw RGB frames of the scenes, one after the other. Each frame is a new buffer. */
export async function* filmFrames(paint: Painters['paint'], scenes: readonly Scene[], size: Size = FILM): AsyncGenerator<Uint8Array> {
  for (const scene of scenes) yield* sceneFrames(paint, scene, size)
}

async function* sceneFrames(paint: Painters['paint'], { family, seed, frames }: Scene, size: Size): AsyncGenerator<Uint8Array> {
  const room = { width: Math.round(size.width * (1 + ROOM)), height: Math.round(size.height * (1 + ROOM)) }
  const backdrop = family === 'black' ? blank(room.width, room.height) : await paint(family, seed, room)
  const random = seeded(`drift ${seed}`)
  const from = { x: random.next(), y: random.next() }
  const to = { x: 1 - from.x, y: 1 - from.y }
  for (let frame = 0; frame < frames; frame++) {
    const t = frame / frames
    const left = Math.round((from.x + (to.x - from.x) * t) * (room.width - size.width))
    const top = Math.round((from.y + (to.y - from.y) * t) * (room.height - size.height))
    yield cut(backdrop, left, top, size)
  }
}

function cut(raster: Raster, left: number, top: number, { width, height }: Size): Uint8Array {
  const frame = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * raster.width + left) * 3
    frame.set(raster.pixels.subarray(start, start + width * 3), y * width * 3)
  }
  return frame
}

/** Scenes of one family, about 1.4 s each. */
export function scenesOf(family: Family, seed: string, seconds: number): Scene[] {
  const random = seeded(`cuts ${family} ${seed}`)
  const scenes: Scene[] = []
  for (let left = Math.round(seconds * FILM.framesPerSecond), n = 0; left > 0; n++) {
    // A rest too short to be seen joins the scene before it.
    const frames = left < 45 ? left : random.whole(28, 42)
    scenes.push({ family, seed: `${seed} scene ${n}`, frames })
    left -= frames
  }
  return scenes
}
