/** The log: one line of JSON an event, on standard error. */
import { pino, type Logger } from 'pino'

export type Log = Logger

/** A logger for one part; `level` as pino names it, 'silent' to be quiet. */
export function createLog(name: string, level = 'info'): Log {
  return pino({ name, level, base: { pid: process.pid }, redact: { paths: SECRET_KEYS, censor: '[redacted]' } }, pino.destination({ dest: 2, sync: true }))
}

const SECRET_KEYS = ['password', 'token', 'authorization', 'cookie', '*.password', '*.token', '*.authorization', '*.cookie']
