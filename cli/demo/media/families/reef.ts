/** Under water: light from above through teal water, fish, bubbles and weed. */
import { Noise } from '../noise.ts'
import { type Colour, type Raster, blank, ellipse, glow, mix, paint, ramp } from '../raster.ts'
import type { Random } from '../random.ts'

const FISH: readonly Colour[] = [[250, 190, 60], [255, 128, 60], [240, 240, 220], [255, 220, 110]]

export function reef(random: Random, width: number, height: number): Raster {
  const raster = blank(width, height)
  const noise = new Noise(random)
  const surface: Colour = [random.between(90, 150), random.between(205, 230), random.between(205, 225)]
  const deep: Colour = [4, random.between(48, 70), random.between(74, 100)]
  const sunX = width * random.between(0.1, 0.9)
  const rays = random.between(10, 24)
  paint(raster, (x, y) => {
    const depth = y / height
    const ray = noise.fractal(Math.atan2(x - sunX, y + height * 0.25) * rays, 3, 2)
    const murk = noise.fractal(x / width * 5, y / height * 5, 4) - 0.5
    const water = mix(surface, deep, depth ** 0.7 + murk * 0.45)
    return mix(water, [214, 250, 240], ramp(0.48, 0.85, ray) * (1 - depth) * 0.75)
  })
  glow(raster, sunX, 0, width * 0.3, [120, 150, 130], 0.9)
  paintFloor(raster, random, noise)
  for (let school = random.whole(2, 4); school > 0; school--) paintSchool(raster, random)
  for (let n = random.whole(20, 60); n > 0; n--) paintBubble(raster, random)
  return raster
}

/** Rock and coral along the bottom, with weed that grows from it. */
function paintFloor(raster: Raster, random: Random, noise: Noise): void {
  const { width, height } = raster
  const base = height * random.between(0.68, 0.92)
  const hilly = random.between(0.15, 0.5)
  const spread = random.between(2, 5)
  const crest = (x: number): number => base - (noise.fractal(x / width * spread, 71, 4) - 0.5) * height * hilly * 2
  for (let n = random.whole(10, 22); n > 0; n--) paintWeed(raster, random, width * random.next(), crest)
  for (let x = 0; x < width; x++) {
    for (let y = Math.max(0, Math.floor(crest(x))); y < height; y++) {
      const coral = noise.fractal(x / width * 26, y / height * 22, 3)
      const colour = mix([8, 40, 52], [74, 140, 128], ramp(0.3, 0.75, coral) * (1 - (y - base) / height))
      const i = (y * width + x) * 3
      raster.pixels.set(colour, i)
    }
  }
}

function paintWeed(raster: Raster, random: Random, x: number, crest: (x: number) => number): void {
  const tall = raster.height * random.between(0.12, 0.42)
  const sway = random.between(-0.5, 0.5)
  const colour: Colour = [random.between(6, 40), random.between(70, 130), random.between(60, 90)]
  const root = crest(Math.min(raster.width - 1, x))
  const blade = raster.width * 0.008
  for (let t = 0; t < 1; t += 0.012) {
    const bend = Math.sin(t * 5 + sway * 9) * blade * 2 + sway * tall * t * t
    ellipse(raster, x + bend, root - tall * t, { rx: blade * (1.3 - t), ry: blade * 2 }, colour, 0.9)
  }
}

function paintSchool(raster: Raster, random: Random): void {
  const { width, height } = raster
  const centre = { x: width * random.between(0.15, 0.85), y: height * random.between(0.15, 0.7) }
  const length = width * random.between(0.018, 0.06)
  const heading = random.pick([1, -1])
  const colour = random.pick(FISH)
  for (let n = random.whole(3, 12); n > 0; n--) {
    const x = centre.x + width * random.between(-0.2, 0.2)
    const y = centre.y + height * random.between(-0.13, 0.13)
    ellipse(raster, x - heading * length * 1.15, y, { rx: length * 0.42, ry: length * 0.34, angle: 0.7 }, mix(colour, [20, 60, 80], 0.35))
    ellipse(raster, x, y, { rx: length, ry: length * 0.45 }, colour)
    ellipse(raster, x + length * 0.1, y, { rx: length * 0.09, ry: length * 0.4 }, [20, 40, 60], 0.7)
    ellipse(raster, x + heading * length * 0.62, y - length * 0.08, { rx: length * 0.1, ry: length * 0.1 }, [10, 16, 24])
  }
}

function paintBubble(raster: Raster, random: Random): void {
  const radius = raster.width * random.between(0.003, 0.018)
  const x = raster.width * random.next()
  const y = raster.height * random.between(0, 0.9)
  ellipse(raster, x, y, { rx: radius, ry: radius }, [170, 230, 230], 0.35)
  ellipse(raster, x - radius * 0.3, y - radius * 0.3, { rx: radius * 0.35, ry: radius * 0.35 }, [255, 255, 255], 0.8)
}
