/** A broker's refusal, in Kafka's own words. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly type: string

  constructor(type: string) {
    super(type)
    this.type = type
  }
}
