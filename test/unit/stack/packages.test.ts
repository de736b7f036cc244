import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ensurePackages } from '../../../bin/packages.mjs'

const made: string[] = []
after(() => made.forEach((path) => rmSync(path, { recursive: true, force: true })))

type Packages = Record<string, { version: string; optional?: boolean }>

/** A checkout whose lock file and installed packages are these; there is no package.json, so npm would fail. */
function checkout(locked: Packages, installed: Packages): string {
  const root = mkdtempSync(join(tmpdir(), 'sluice-packages-'))
  made.push(root)
  mkdirSync(join(root, 'node_modules'))
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: { '': { version: '0' }, ...locked } }))
  writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }))
  return root
}

/** What was said while ensuring: nothing when the packages are as they should be. */
async function said(root: string): Promise<string[]> {
  const lines: string[] = []
  await ensurePackages(root, (line) => lines.push(line)).catch(() => undefined)
  return lines
}

const INSTALLING = ['Installing packages (npm ci)']

test('packages that somebody installed by npm ci are not installed again', async () => {
  const packages = { 'node_modules/a': { version: '1.0.0' } }
  assert.deepEqual(await said(checkout(packages, packages)), [])
})

test('a package of another version is installed anew', async () => {
  assert.deepEqual(await said(checkout({ 'node_modules/a': { version: '1.0.1' } }, { 'node_modules/a': { version: '1.0.0' } })), INSTALLING)
})

test('a package that is missing is installed, unless it is for another platform', async () => {
  assert.deepEqual(await said(checkout({ 'node_modules/a': { version: '1.0.0' } }, {})), INSTALLING)
  assert.deepEqual(await said(checkout({ 'node_modules/a': { version: '1.0.0', optional: true } }, {})), [])
})

test('a lock file that changed after the last look leads to a new installation', async () => {
  const packages = { 'node_modules/a': { version: '1.0.0' } }
  const root = checkout(packages, packages)
  assert.deepEqual(await said(root), [])
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: { 'node_modules/a': { version: '2.0.0' } } }))
  assert.deepEqual(await said(root), INSTALLING)
})
