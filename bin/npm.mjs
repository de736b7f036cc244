/** Running npm, whichever there is. */
import { spawn } from 'node:child_process'

/**
 * Runs npm to its end, quietly.
 * @throws Error with what npm said
 */
export function npm(args, cwd) {
  // Started by `npm run`, we use that very npm; it is a script for the running Node.
  const own = process.env.npm_execpath
  const isScript = own !== undefined && /\.c?js$/.test(own)
  return output(isScript ? process.execPath : 'npm', isScript ? [own, ...args] : args, { cwd, env: withoutCaller(process.env) })
}

/** What `npm run` tells its children of its own package would send our npm to the wrong folder. The user's settings stay. */
function withoutCaller(env) {
  const foreign = /^npm_(package_|lifecycle_|command$|config_(prefix|local_prefix|global_prefix)$)/i
  return Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)))
}

/** What a program prints; rejects with all it said when it fails. */
export function output(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said = (said + chunk).slice(-20_000) })
    child.on('error', (error) => reject(new Error(`${file} could not be run: ${error.message}`)))
    child.on('close', (code) => (code === 0 ? resolve(said.trim()) : reject(new Error(said.trim() || `${file} ended with ${code}`))))
  })
}
