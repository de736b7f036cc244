/** A copy of the working tree in which guards are switched off, so that the tree itself is never touched. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { existsSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from '#stack/command.ts'
import { mutate, type Mutant } from './mutant.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** Also removed when the run is called off. */
const open = new Set<string>()
process.on('exit', () => {
  for (const dir of open) rmSync(dir, { recursive: true, force: true })
})

export class Workspace {
  readonly dir: string

  private constructor(dir: string) {
    this.dir = dir
  }

  /** What git tracks, and what is new and not ignored; the installed packages are linked. */
  static async open(): Promise<Workspace> {
    const dir = await mkdtemp(join(tmpdir(), 'sluice-mutants-'))
    open.add(dir)
    for (const path of (await run('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: ROOT })).split('\0')) {
      if (path === '' || !existsSync(join(ROOT, path))) continue // deleted, but still in the index
      await mkdir(dirname(join(dir, path)), { recursive: true })
      await cp(join(ROOT, path), join(dir, path))
    }
    await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
    return new Workspace(dir)
  }

  /** Runs `work` with the mutant's guard switched off. @throws Error when the table is stale */
  async with<T>(mutant: Mutant, work: () => Promise<T>): Promise<T> {
    const path = join(this.dir, mutant.file)
    const original = await readFile(path, 'utf8')
    await writeFile(path, mutate(original, mutant))
    try {
      return await work()
    } finally {
      await writeFile(path, original)
    }
  }

  async remove(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true })
    open.delete(this.dir)
  }
}
