/** kafkajs's own modules: its package has no `exports`, so each can be required, mended or replaced by its path. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** What the module below `kafkajs/src` exports; whoever asks gets the same object. */
export function kafkajsModule<T>(path: string): T {
  return require(`kafkajs/src/${path}`) as T
}

/** Every module of kafkajs that is loaded from now on gets `exports` in place of this one's. */
export function replaceKafkajsModule(path: string, exports: unknown): void {
  const resolved = require.resolve(`kafkajs/src/${path}`)
  require(resolved)
  require.cache[resolved]!.exports = exports
}
