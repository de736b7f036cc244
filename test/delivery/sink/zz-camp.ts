import { strikeSink } from '#test/delivery/sink/campaign.ts'
const [strikes, kills] = process.argv.slice(2).map(Number)
const r = await strikeSink({ seed: process.argv[4] ?? '1', strikes: strikes!, kills: kills!, say: (l) => console.log(l) })
console.log({ ...r, differences: r.differences.slice(0, 20) }, r.differences.length)
