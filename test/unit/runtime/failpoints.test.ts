import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { armFailpoints } from '#runtime/failpoints.ts'

const FAILPOINTS = join(import.meta.dirname, '..', '..', '..', 'runtime', 'failpoints.ts')

/** A process that comes by `before-fence` three times and says so each time. */
function passes(armed: string) {
  const script = `import { armFailpoints } from ${JSON.stringify(FAILPOINTS)}
    const at = armFailpoints(${JSON.stringify(armed)})
    for (let pass = 1; pass <= 3; pass++) { await at('before-fence'); console.log(pass) }`
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8', timeout: 20_000 })
}

test('nothing is armed by an empty text', () => {
  assert.equal(armFailpoints(''), undefined)
})

test('a process kills itself at the pass that is named, and says so first', () => {
  const { stdout, stderr, signal } = passes('before-fence:2:kill')
  assert.deepEqual([stdout, signal], ['1\n', 'SIGKILL'])
  assert.match(stderr, /^failpoint before-fence 2 kill$/m)
})

test('a failpoint throws once, and other names pass', async () => {
  const { stdout, status } = passes('after-fence:1:kill,before-fence:3:throw')
  assert.deepEqual([stdout, status], ['1\n2\n', 1])
})

test('a process that hangs at a failpoint goes no further', () => {
  assert.equal(passes('before-fence:2:hang').stdout, '1\n')
})

test('a failpoint that does not exist is refused with the names that do', () => {
  assert.throws(() => armFailpoints('nowhere:1:kill'), { code: 'config.invalid', message: /"nowhere:1:kill" is not NAME:N:ACTION/, remedy: /after-poll, .*hang/ })
  assert.throws(() => armFailpoints('after-poll:0:kill'), { code: 'config.invalid' })
})
