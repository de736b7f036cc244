/**
 * Lint, and the layers of the house. THINK before adding an exception here: each one is a change of architecture.
 * `test/contract/layering.test.ts` feeds one forbidden line per rule through this file, so a rule that no longer bites
 * is a failing test.
 */
import tseslint from 'typescript-eslint'

/** Import patterns by the layer that they lead to; relative and aliased forms. */
const to = {
  processors: ['#processors/**', '**/processors/**'],
  topics: ['#topics', '#topics/**', '**/topics/**'],
  topology: ['#topology', '../topology.ts', '../../topology.ts', '../../../topology.ts'],
  schemas: ['#schemas', '#schemas/**'],
  cli: ['#cli/**', '**/cli/**'],
  client: ['#client', '#client/**', '**/client/**'],
  stack: ['#stack/**', '**/stack/**'],
  test: ['#test/**', '**/test/support/**'],
  kafka: ['#runtime/kafka/**', '**/kafka/**', 'kafkajs'],
  postgres: ['#runtime/postgres/**', '**/postgres/**', 'pg', 'pg-copy-streams', 'pgvector'],
  avroClient: ['@kafkajs/confluent-schema-registry', 'avsc'],
  node: ['node:fs', 'node:fs/promises', 'node:child_process', 'node:http', 'node:https', 'node:net'],
}

/** Patterns are in the syntax of .gitignore, where a leading # begins a comment. */
const literal = (pattern) => (pattern.startsWith('#') ? `\\${pattern}` : pattern)

const forbid = (layer, reason) => ({ group: to[layer], message: reason })
const imports = (...patterns) => ({
  'no-restricted-imports': ['error', { patterns: patterns.map(({ group, message }) => ({ group: group.map(literal), message })) }],
})

const ASSETS = ['processors', 'topics', 'topology', 'schemas', 'cli', 'client', 'stack'].map((layer) => forbid(layer, 'The runtime knows nothing of assets.'))
const NO_TESTS = forbid('test', 'Only tests import test support.')
const KAFKA_HOME = { group: ['kafkajs'], message: 'kafkajs is imported in runtime/kafka only, through patches.ts.' }
const AVSC_HOME = { group: ['avsc'], message: 'avsc is imported through runtime/avro/bounded-avsc.ts only.' }

export default tseslint.config(
  { ignores: ['node_modules/', '.sluice/', 'schemas/generated/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  ...tseslint.configs.recommended.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-empty-object-type': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['warn', { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ['**/*.ts'], ignores: ['runtime/kafka/**', 'runtime/avro/**', 'test/**'], rules: imports(KAFKA_HOME, AVSC_HOME, NO_TESTS) },
  { files: ['runtime/**/*.ts'], rules: imports(...ASSETS, NO_TESTS, KAFKA_HOME, AVSC_HOME) },
  { files: ['runtime/kafka/**/*.ts'], rules: imports(...ASSETS, NO_TESTS) },
  { files: ['runtime/avro/**/*.ts'], rules: imports(...ASSETS, NO_TESTS, KAFKA_HOME) },
  {
    files: ['runtime/loop/**/*.ts'],
    rules: imports(...ASSETS, NO_TESTS, forbid('kafka', 'The loop has ports; Kafka implements them.'), forbid('postgres', 'The loop has ports; Postgres implements them.'), forbid('avroClient', 'The loop has a codec port.')),
  },
  {
    files: ['topics/**/*.ts'],
    rules: imports(forbid('processors', 'Topics do not know who reads them.'), forbid('cli', 'Topics stand below the command line.'), NO_TESTS, KAFKA_HOME, AVSC_HOME),
  },
  {
    files: ['processors/**/*.ts'],
    rules: imports(
      { group: ['#processors/**', '../*/**'], message: 'A stage never imports another stage.' },
      forbid('topology', 'A stage does not know the pipeline.'), forbid('cli', 'A stage stands below the command line.'), forbid('stack', 'A stage does not start its surroundings.'),
      NO_TESTS, KAFKA_HOME, AVSC_HOME,
    ),
  },
  {
    files: ['processors/*/processor.ts'],
    rules: imports(
      { group: ['#processors/**', '../*/**'], message: 'A stage never imports another stage.' },
      { group: ['#runtime/**', '!#runtime/api.ts'], message: 'A declaration imports the runtime through its api.' },
      forbid('node', 'A declaration has no hands: name a service in `uses`.'), forbid('postgres', 'A declaration has no hands: name a service.'),
      { group: ['sharp', 'undici', 'onnxruntime-node', 'fluent-ffmpeg'], message: 'A declaration has no hands: name a service in `uses`.' },
      forbid('topology', 'A stage does not know the pipeline.'), forbid('cli', 'A stage stands below the command line.'), NO_TESTS, KAFKA_HOME, AVSC_HOME,
    ),
  },
  { files: ['client/**/*.ts'], rules: imports(forbid('processors', 'The client starts quickly: it does not load the stages.'), forbid('cli', 'The client stands below the command line.'), NO_TESTS, KAFKA_HOME, AVSC_HOME) },
  {
    files: ['**/*.ts'],
    ignores: ['runtime/config.ts', 'stack/**', 'test/**', 'cli/**', 'scripts/**'],
    rules: { 'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'The environment is read in runtime/config.ts only.' }] },
  },
  {
    files: ['runtime/**/*.ts', 'processors/**/*.ts', 'topics/**/*.ts'],
    ignores: ['runtime/clock.ts', 'runtime/kafka/patches.ts', 'runtime/memory/run-processor.ts', 'runtime/avro/compatibility.ts'],
    rules: {
      'no-restricted-syntax': ['error',
        { selector: "MemberExpression[object.name='Date'][property.name='now']", message: 'Time comes from runtime/clock.ts.' },
        { selector: "CallExpression[callee.name='setTimeout']", message: 'Time comes from runtime/clock.ts.' },
        { selector: "CallExpression[callee.name='fetch']", message: 'There is one fetch module: processors/download.' },
      ],
    },
  },
  { files: ['cli/**/*.ts', 'scripts/**/*.ts', 'test/**/*.ts', 'stack/**/*.ts'], rules: { 'no-console': 'off' } },
  { files: ['test/**/*.ts'], rules: { 'max-lines-per-function': 'off', '@typescript-eslint/await-thenable': 'off', '@typescript-eslint/no-misused-promises': 'off', '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', name: ['test', 'it', 'describe', 'before', 'after', 'suite'], package: 'node:test' }] }] } },
)
