/** What a stage needs from the world, declared so that a test can give a double in its place. */
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'

export interface ServiceEnvironment {
  config: Config
  clock: Clock
  log: Log
  /** For fault tests. */
  at?: Failpoint | undefined
}

/** Opened at most once per process, shared by the stages that name it, closed when the process ends. */
export interface Service<T> {
  name: string
  open(environment: ServiceEnvironment): Promise<T> | T
  close?(opened: T): Promise<void> | void
}

export type Services = Record<string, Service<any>>
export type Opened<S extends Services> = { [K in keyof S]: S[K] extends Service<infer T> ? T : never }

export function defineService<T>(service: Service<T>): Service<T> {
  return Object.freeze(service)
}
