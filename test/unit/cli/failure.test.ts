import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidSubmissionError } from '#client'
import { describeFailure, exitCodeOf, UsageError } from '#cli/failure.ts'
import { Halt, RetryLater } from '#runtime/errors.ts'

test('the exit code says whose turn it is: 2 the user\'s, 3 a refusal, 4 a dependency\'s, 1 anything else', () => {
  assert.equal(exitCodeOf(new UsageError('no such option')), 2)
  assert.equal(exitCodeOf(new Halt('config.invalid', 'x', 'y')), 2)
  assert.equal(exitCodeOf(new InvalidSubmissionError('uri', 'is odd')), 2)
  assert.equal(exitCodeOf(new Halt('topics.refused', 'x', 'y')), 3)
  assert.equal(exitCodeOf(new Halt('kafka.unreachable', 'x', 'y')), 4)
  assert.equal(exitCodeOf(new RetryLater('registry.unreachable', 'x')), 4)
  assert.equal(exitCodeOf(new Halt('stack.tool-missing', 'x', 'y')), 4)
  assert.equal(exitCodeOf(new Halt('embed.model-missing', 'x', 'y')), 1)
  assert.equal(exitCodeOf(new TypeError('a defect')), 1)
})

test('a verdict is found beneath the errors that wrap it', () => {
  assert.equal(exitCodeOf(new Error('wrapped', { cause: new Halt('kafka.unreachable', 'x', 'y') })), 4)
})

test('a failure is told with its code, reason and remedy, and a defect without a stack', () => {
  assert.deepEqual(describeFailure(new Halt('embed.model-missing', 'There is none.', 'Get one.')), { code: 'embed.model-missing', reason: 'There is none.', remedy: 'Get one.' })
  assert.deepEqual(describeFailure(new TypeError('a defect')), { code: 'unexpected', reason: 'a defect', remedy: undefined })
  assert.match(describeFailure(new RetryLater('registry.unreachable', 'x')).remedy ?? '', /SCHEMA_REGISTRY_URL/)
})
