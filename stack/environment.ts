/** The environment of the processes that we start. */

/**
 * The caller's, without settings for Java, Postgres, Kafka, the registry and Node that would change our servers; and
 * with a locale under which Java can open any file name.
 */
export function cleanEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const foreign = /^(PG[A-Z]+|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS|CLASSPATH|NODE_.*|(KAFKA|QUARKUS|APICURIO|LC)_.*)$/
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)))
  return process.platform === 'linux' ? { ...kept, LC_ALL: 'C.UTF-8' } : kept
}
