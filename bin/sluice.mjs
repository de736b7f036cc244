#!/usr/bin/env node
/**
 * The entry of everything: makes sure that Node 24 and the packages are there, then becomes the program that was asked
 * for.
 *
 *   sluice.mjs ARGS…            cli/main.ts ARGS…
 *   sluice.mjs exec FILE ARGS…  FILE ARGS…
 *
 * Plain JavaScript for Node 18 and later, without packages: it runs before there are any.
 */
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { become } from './become.mjs'
import { node24 } from './node24.mjs'
import { ensurePackages } from './packages.mjs'

/** As all of sluice's commands: something that it depends on cannot be had. */
const EXIT_DEPENDENCY = 4

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function say(line) {
  process.stderr.write(`${line}\n`)
}

async function main([first, ...rest]) {
  const node = await node24(say)
  await ensurePackages(root, say)
  const exec = first === 'exec' && rest.length > 0
  const program = exec ? [resolve(rest[0]), ...rest.slice(1)] : [join(root, 'cli', 'main.ts'), ...(first === undefined ? [] : [first, ...rest])]
  become(node, ['--disable-warning=ExperimentalWarning', ...program])
}

main(process.argv.slice(2)).catch((error) => {
  say(`sluice: ${error.message}`)
  process.exitCode = EXIT_DEPENDENCY
})
