/** node_modules as package-lock.json says. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { npm } from './npm.mjs'

/**
 * Makes sure that the installed packages are those of the lock file; a few milliseconds when they are. Two runs at once
 * do not install beside each other.
 */
export async function ensurePackages(root, say) {
  if (isInstalled(root)) return
  const onWait = () => say('Waiting for another process to install the packages')
  await withLock(join(root, '.sluice', 'install.lock'), async () => {
    if (isInstalled(root)) return
    say('Installing packages (npm ci)')
    await npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], root)
    record(root)
  }, { onWait })
}

function isInstalled(root) {
  const recorded = read(recordPath(root))
  if (recorded === wanted(root)) return true
  // Installed by hand, or by a version of us that left no record: npm's own account of node_modules will tell.
  if (recorded !== undefined || !agrees(root)) return false
  record(root)
  return true
}

/** The lock file's hash; with the platform, since a checkout may be shared with a container of another one. */
function wanted(root) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex')
  return `${hash} ${process.platform}-${process.arch}`
}

function recordPath(root) {
  return join(root, 'node_modules', '.sluice-lock')
}

function record(root) {
  try {
    writeFileSync(recordPath(root), wanted(root))
  } catch {
    // A read-only installation, as in an image: it is compared anew each time.
  }
}

/** Whether every package of the lock file that belongs on this system is installed in that version, and no other. */
function agrees(root) {
  const installed = parse(read(join(root, 'node_modules', '.package-lock.json')))?.packages
  const locked = parse(read(join(root, 'package-lock.json')))?.packages
  if (installed === undefined || locked === undefined) return false
  const same = ([path, { version, optional, devOptional, dev }]) =>
    installed[path] === undefined ? optional || devOptional || (dev && process.env.NODE_ENV === 'production') : installed[path].version === version
  const packages = Object.entries(locked).filter(([path]) => path !== '')
  return packages.every(same) && Object.keys(installed).every((path) => locked[path] !== undefined)
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
