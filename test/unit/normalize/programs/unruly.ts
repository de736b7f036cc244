/** Stands in for the decoder process and does what the path of its job says. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'

process.on('disconnect', () => process.kill(-process.pid, 'SIGKILL'))

process.on('message', ({ id, path }: { id: number; path: string }) => {
  const [deed, argument] = path.split(':')
  const decoded = (codec: string) => process.send!({ id, decoded: { kind: 'image', codec, frames: [] } })
  if (deed === 'tell-pid') decoded(String(process.pid))
  if (deed === 'tell-environment') decoded(JSON.stringify(process.env))
  if (deed === 'refuse') process.send!({ id, refused: { code: argument, reason: 'as asked' } })
  if (deed === 'crash') process.kill(process.pid, 'SIGSEGV')
  if (deed === 'exit') process.exit(3)
  if (deed === 'spin') for (;;) Math.random()
  if (deed === 'allocate') hoard()
  if (deed === 'start-child-and-wait') writeFileSync(argument!, String(spawn('sleep', ['600']).pid))
})

process.send!({ ready: true })

function hoard(): void {
  const kept: Buffer[] = []
  setInterval(() => kept.push(Buffer.alloc(16 << 20, 1)), 5)
}
