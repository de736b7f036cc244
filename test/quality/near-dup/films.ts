/** Small films cut together from photos, and what is done to films, by ffmpeg. */
import { execFileSync } from 'node:child_process'

function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { timeout: 120_000 })
}

export interface Scene {
  photo: string
  seconds: number
}

/** Each scene pans slowly over its photo; cuts are hard, so that encoders place key frames there. */
export function film(scenes: Scene[], target: string, introSeconds = 0): void {
  const inputs = scenes.flatMap(({ photo, seconds }) => ['-loop', '1', '-framerate', '30', '-t', String(seconds), '-i', photo])
  const pans = scenes.map(({ seconds }, at) =>
    `[${at}]scale=720:405:force_original_aspect_ratio=increase,crop=640:360:'(iw-640)*t/${seconds}':'(ih-360)/2',setsar=1,format=yuv420p[s${at}]`)
  const join = `${scenes.map((_, at) => `[s${at}]`).join('')}concat=n=${scenes.length}[film]`
  const intro = `[film]tpad=start_duration=${introSeconds}:color=black[out]`
  ffmpeg(...inputs, '-filter_complex', [...pans, join, intro].join(';'), '-map', '[out]', '-c:v', 'libx264', '-preset', 'superfast', '-crf', '20', target)
}

export interface Treatment {
  name: string
  extension: string
  options: string[]
  /** Where in the original the copy begins. */
  beginsSeconds?: number
}

const X264 = ['-c:v', 'libx264', '-preset', 'superfast']

export const TREATMENTS: Treatment[] = [
  { name: 'low bit rate', extension: 'mp4', options: [...X264, '-crf', '35'] },
  { name: 'half the size', extension: 'mp4', options: ['-vf', 'scale=iw/2:-2', ...X264] },
  { name: '24 frames a second', extension: 'mp4', options: ['-r', '24', ...X264] },
  { name: 'MPEG-4 in AVI', extension: 'avi', options: ['-c:v', 'mpeg4', '-q:v', '6'] },
  { name: 'brighter', extension: 'mp4', options: ['-vf', 'eq=brightness=0.06', ...X264] },
  { name: 'a key frame every 0.6 s', extension: 'mp4', options: [...X264, '-g', '17'] },
  { name: 'a key frame every 10 s only', extension: 'mp4', options: [...X264, '-g', '300', '-sc_threshold', '0'] },
  { name: 'without the first 5 s', extension: 'mp4', options: ['-ss', '5', ...X264], beginsSeconds: 5 },
  { name: 'the first 9 s', extension: 'mp4', options: ['-t', '9', ...X264] },
  { name: '3 s of black before it', extension: 'mp4', options: ['-vf', 'tpad=start_duration=3:color=black', ...X264], beginsSeconds: -3 },
]

export function treat(source: string, target: string, { options }: Treatment): void {
  ffmpeg('-i', source, ...options, '-an', target)
}
