/** The topics of the workload. Their names begin with the round's prefix, so that rounds on one broker do not meet. */
import { defineTopic, type Topic } from '#runtime/api.ts'

export interface MadeEvent {
  /** UUID. */
  id: string
  key: string
  /** What the stateful stage compares by; a function of key and seq. */
  family: string
  /** Counts up within a key. */
  seq: number
  /** 'plain'; 'spoiled' is rejected, and on 'throws' the handler throws. */
  kind: string
  /** The database refuses a row with a negative one. */
  weight: number
  payload: Buffer
  /** Known to a later version of the schema only. */
  remark?: string
}

export interface CheckedEvent extends MadeEvent {
  digest: string
}

export interface JudgedEvent extends Pick<MadeEvent, 'id' | 'key' | 'family' | 'seq' | 'weight'> {
  digest: string
  verdict: 'original' | 'copy'
  /** Id of the original. */
  of: string | null
}

export interface Remembered { id: string; family: string; of: string | null }
export interface KeptEvent { id: string; verdict: string; of: string | null }
/** With the coordinates of the record that failed, or '' and -1 where the key tells which event it is. */
export interface FailedEvent { key: string; stage: string; code: string; topic: string; partition: number; offset: number }

type Field = { name: string; type: unknown; default?: unknown }

const text = (name: string): Field => ({ name, type: 'string' })
const whole = (name: string): Field => ({ name, type: 'int' })
const maybe = (name: string): Field => ({ name, type: ['null', 'string'], default: null })
const record = (name: string, ...fields: Field[]): object => ({ type: 'record', name, namespace: 'faults', fields })

const MADE = [text('id'), text('key'), text('family'), whole('seq'), text('kind'), whole('weight'), { name: 'payload', type: 'bytes' }]
const REMARK: Field = { name: 'remark', type: 'string', default: '' }

export const SCHEMAS = {
  made: record('EventMade', ...MADE),
  checked: record('EventChecked', ...MADE, text('digest')),
  judged: record('EventJudged', text('id'), text('key'), text('family'), whole('seq'), whole('weight'), text('digest'), text('verdict'), maybe('of')),
  remembered: record('EventRemembered', text('id'), text('family'), maybe('of')),
  kept: record('EventKept', text('id'), text('verdict'), maybe('of')),
  failed: record('EventFailed', text('key'), text('stage'), text('code'), text('topic'), whole('partition'), { name: 'offset', type: 'long' }),
} as const

/** Fewer than the stateful stage has tasks, so that transactions of two tasks overlap on one partition. */
const JUDGED_PARTITIONS = 2
const PARTITIONS = 3

export interface WorkloadTopics {
  made: Topic<MadeEvent>
  checked: Topic<CheckedEvent>
  judged: Topic<JudgedEvent>
  remembered: Topic<Remembered>
  kept: Topic<KeptEvent>
  failed: Topic<FailedEvent>
}

/** `version` 2 writes and reads the evolved schema of event.checked. */
export function topicsOf(prefix: string, version: 1 | 2): WorkloadTopics {
  const named = <V>(name: string, schema: object, keyOf: (value: V) => string, partitions = PARTITIONS): Topic<V> =>
    defineTopic<V>({ name: `${prefix}-${name}`, schema, keyOf, partitions })
  const checked = named<CheckedEvent>('event.checked', SCHEMAS.checked, ({ family }) => family)
  return {
    made: named<MadeEvent>('event.made', SCHEMAS.made, ({ key }) => key),
    checked: version === 2 ? evolved(checked) : checked,
    judged: named<JudgedEvent>('event.judged', SCHEMAS.judged, ({ family }) => family, JUDGED_PARTITIONS),
    remembered: defineTopic<Remembered>({ name: `${prefix}-event.remembered`, schema: SCHEMAS.remembered, keyOf: ({ id }) => id, partitions: PARTITIONS, cleanup: 'compact' }),
    kept: named<KeptEvent>('event.kept', SCHEMAS.kept, ({ id }) => id),
    failed: named<FailedEvent>('event.failed', SCHEMAS.failed, ({ key }) => key),
  }
}

/** The same topic with a later version of its schema, by which older records can be read as well. */
export function evolved<V>(topic: Topic<V>): Topic<V> {
  const schema = topic.schema as { fields: Field[] }
  return defineTopic<V>({ ...topic, schema: { ...schema, fields: [...schema.fields, REMARK] } })
}
