import assert from 'node:assert/strict'
import { test } from 'node:test'
import { givenAddresses, asVariables } from '#stack/addresses.ts'
import { renderConfig as renderKafka } from '#stack/parts/kafka.ts'
import { renderConfig as renderPostgres } from '#stack/parts/postgres.ts'

/** Name and value of each line, whichever way they are written. */
function settingsOf(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '')
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf('=')
    return [line.slice(0, at).trim(), line.slice(at + 1).trim().replaceAll("'", '')]
  }))
}

test('a single Kafka node can run transactions', () => {
  const settings = settingsOf(renderKafka({ kafka: 20_001, controller: 20_002 }, '/d'))
  assert.equal(settings['transaction.state.log.replication.factor'], '1')
  assert.equal(settings['transaction.state.log.min.isr'], '1')
  assert.equal(settings['offsets.topic.replication.factor'], '1')
})

test('Kafka never makes a topic that was not declared', () => {
  assert.equal(settingsOf(renderKafka({ kafka: 1, controller: 2 }, '/d'))['auto.create.topics.enable'], 'false')
})

test('Kafka listens on loopback only, at the chosen ports', () => {
  const settings = settingsOf(renderKafka({ kafka: 20_001, controller: 20_002 }, '/d'))
  assert.equal(settings.listeners, 'PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002')
  assert.equal(settings['advertised.listeners'], settings.listeners)
  assert.equal(settings['controller.quorum.bootstrap.servers'], '127.0.0.1:20002')
})

test('a backslash in Kafka\'s data folder is not read as an escape', () => {
  assert.match(renderKafka({ kafka: 1, controller: 2 }, '/odd\\name'), /^log\.dirs=\/odd\\\\name$/m)
})

test('a folder\'s name that is not ASCII reaches Kafka unharmed', () => {
  // U+00FC in Java's properties format.
  assert.match(renderKafka({ kafka: 1, controller: 2 }, '/m\u00fcll'), /^log\.dirs=\/m\\u00fcll$/m)
})

test('Postgres listens on loopback and on a socket in its own folder', () => {
  const settings = settingsOf(renderPostgres({ postgres: 20_003 }, '/tmp/s'))
  assert.equal(settings.listen_addresses, '127.0.0.1')
  assert.equal(settings.port, '20003')
  assert.equal(settings.unix_socket_directories, '/tmp/s')
})

test('only variables that say something give an address', () => {
  assert.deepEqual(givenAddresses({ KAFKA_BROKERS: 'k:9092', DATABASE_URL: '' }), { kafka: 'k:9092' })
})

test('addresses come back under the names they are given by', () => {
  assert.deepEqual(asVariables({ kafka: 'k', registry: 'r', postgres: 'p' }), { KAFKA_BROKERS: 'k', SCHEMA_REGISTRY_URL: 'r', DATABASE_URL: 'p' })
})
