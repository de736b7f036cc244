/** Handing over to the program: same input and output, same signals, same exit code. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { withNodeFirst } from './node24.mjs'

const SETPRIV = '/usr/bin/setpriv'

/** Becomes the program where Node can replace itself (>= 22.15), else runs it as a child and ends as it ends. */
export function become(node, args) {
  const env = withNodeFirst(node)
  if (typeof process.execve === 'function') {
    process.removeAllListeners('warning') // that replacing is experimental is not the user's concern
    process.execve(node, [node, ...args], env)
  }
  const tied = process.platform === 'linux' && existsSync(SETPRIV) // ended by the kernel when we are killed
  const command = tied ? [SETPRIV, '--pdeathsig', 'TERM', '--', node, ...args] : [node, ...args]
  watch(spawn(command[0], command.slice(1), { stdio: 'inherit', env }))
}

function watch(child) {
  // In a terminal Ctrl-C reaches the child by itself; sent on, it would arrive twice, which means "now!" to many.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  process.on('SIGINT', () => onTerminal || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.on('SIGHUP', () => child.kill('SIGHUP'))
  child.on('error', (error) => {
    process.stderr.write(`sluice: ${error.message}\n`)
    process.exitCode = 4
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}
