/**
 * Decodes the partitions of a fetch response at the same time. kafkajs waits for each before it reads the next, so an answer
 * of ten compressed batches waits ten times for a turn of the event loop, and a busy one takes milliseconds for a turn.
 *
 * Loads the module of brokers, and with it all that speaks the protocol: to be loaded after what replaces such modules.
 */
import { kafkajsModule, replaceKafkajsModule } from './kafkajs-modules.ts'
import { decodeRecordSet, type RecordSet } from './record-set.ts'

interface ResponseDecoder {
  readInt32(): number
  canReadBytes(length: number): boolean
  readBytes(length: number): Buffer
}

/** Of one partition, while that of the others begins. */
interface Decoding { set: Promise<RecordSet> }

/** The field as it stands in a fetch response: its length, then the batches. */
async function decodeField(decoder: ResponseDecoder): Promise<Decoding> {
  const length = decoder.readInt32()
  const set = decodeRecordSet(length <= 0 || !decoder.canReadBytes(length) ? Buffer.alloc(0) : decoder.readBytes(length))
  set.catch(() => {}) // told below
  return { set }
}

replaceKafkajsModule('protocol/requests/fetch/v4/decodeMessages', decodeField)

interface FetchAnswer { responses: { partitions: { messages: Decoding | RecordSet }[] }[] }
interface Broker { fetch(request: unknown): Promise<FetchAnswer> }

const broker = kafkajsModule<{ prototype: Broker }>('broker').prototype
const { fetch } = broker

broker.fetch = async function (request) {
  const answer = await fetch.call(this, request)
  const partitions = answer.responses.flatMap((topic) => topic.partitions)
  await Promise.all(partitions.map(async (each) => { each.messages = await (each.messages as Decoding).set }))
  return answer
}
