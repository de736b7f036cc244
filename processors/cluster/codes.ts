/** Why cluster gives up on a record or stops: code, meaning and remedy. */
export const CODES = {
  'cluster.bad-vector': 'The vector has no direction, or another length than its model gives; run embed again for this asset.',
  'cluster.full': 'The representatives of one model fill the memory that can be addressed; start a new run with a lower cluster threshold.',
} as const
