/** `sluice topics plan|apply`: brings broker and registry to what the topology declares. */
import type { Command } from 'commander'
import type { TopicChange, TopicsPlan, TopicSurroundings } from '#runtime/kafka/topic-plan.ts'
import { openLog, screenOf, settings, withKafka, withScreen } from '../command.ts'
import { columns, type Screen } from '../screen.ts'

export function topics(program: Command): void {
  const group = program.command('topics').description('plan and make topics and schemas').exitOverride()
  withScreen(group.command('plan')).description('show what apply would change; changes nothing')
    .action((_, command: Command) => plan(screenOf(command)))
  withScreen(group.command('apply')).description('make the changes; what may lose records only with --force')
    .option('--force', 'also make changes that may lose records')
    .action((options: { force?: boolean }, command: Command) => apply(screenOf(command), options.force ?? false))
}

async function plan(screen: Screen): Promise<void> {
  await withPlan(async ({ changes }) => {
    screen.answer(changes.map(forJson), () => (changes.length === 0 ? 'Everything is as declared.' : columns(changes.map(rowOf))))
  })
}

async function apply(screen: Screen, force: boolean): Promise<void> {
  const { applyTopics } = await import('#runtime/kafka/topic-apply.ts')
  await withPlan(async (plan, surroundings) => {
    await applyTopics(plan, surroundings, { force, onChange: (change) => screen.note(columns([rowOf(change)])) })
    screen.answer(plan.changes.map(forJson), () => (plan.changes.length === 0 ? 'Everything is as declared.' : `${plan.changes.length} changes made.`))
  })
}

async function withPlan(work: (plan: TopicsPlan, surroundings: TopicSurroundings) => Promise<void>): Promise<void> {
  const config = await settings()
  const [{ topology }, { planTopics }, { connectTopics }] = await Promise.all([
    import('#topology'), import('#runtime/kafka/topic-plan.ts'), import('../topics.ts'),
  ])
  await withKafka(config, await openLog(config), async (connection) => {
    const surroundings = connectTopics(config, connection)
    await work(await planTopics(topology, surroundings), surroundings)
  })
}

function rowOf({ kind, name, detail, destructive, refused }: TopicChange): string[] {
  const caution = refused === undefined ? (destructive ? 'may lose records' : '') : `refused: ${refused}`
  return [kind, name, detail, caution]
}

function forJson({ kind, name, detail, destructive, refused }: TopicChange): object {
  return { kind, name, detail, destructive, refused: refused ?? null }
}
