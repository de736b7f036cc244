/** Faults of servers, networks and disks, and all at once: rows F6, F8 to F11, F13 and F20 of the matrix, about five minutes. */
import { testRounds } from './rounds-as-tests.ts'

testRounds([
  { rows: { F6: 3 }, faultSeconds: 50 },
  { rows: { F8: 4, F11: 3 }, faultSeconds: 35 },
  { rows: { F9: 10, F10: 5 }, faultSeconds: 40 },
  { rows: { F13: 1 }, faultSeconds: 25 },
  { rows: { F20: 16 }, faultSeconds: 30 },
])
