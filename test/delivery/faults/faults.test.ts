/** Faults of processes, of their logs and by operators: rows F1 to F5, F7, F12 and F14 to F19 of the matrix, about five minutes. */
import { testRounds } from './rounds-as-tests.ts'

// F16, F17 and F18 strike when their round has come to rest and was found to be in order.
testRounds([
  { rows: { F1: 36, F12: 1, F16: 1 }, faultSeconds: 40 },
  { rows: { F2: 2, F17: 1 }, faultSeconds: 40 },
  { rows: { F3: 12, F14: 1, F18: 1 }, faultSeconds: 30 },
  { rows: { F4: 6 }, faultSeconds: 35 },
  { rows: { F5: 6, F7: 1 }, faultSeconds: 50 },
  { rows: { F15: 6, F19: 6 }, faultSeconds: 30 },
])
