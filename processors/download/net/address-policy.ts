/** Which addresses may be dialled: public unicast, and what the operator allows besides. Everything else is refused. */
import ipaddr from 'ipaddr.js'
import { Halt } from '#runtime/api.ts'

export type Standing = 'public' | 'allowed' | 'refused'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Range = [Address, number]

/**
 * Not globally reachable by the IANA IPv4 special-purpose registry, multicast and reserved space, and one address
 * that looks public but is a cloud's metadata service.
 */
const REFUSED_V4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24',
  '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32',
].map(range)

/** The only block of IPv6 that is handed out as global unicast. */
const GLOBAL_V6 = range('2000::/3')

/** Within it: protocol assignments with Teredo and benchmarking, documentation, 6to4. */
const REFUSED_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'].map(range)

const MAPPED = range('::ffff:0:0/96')
const NAT64 = range('64:ff9b::/96')

export class AddressPolicy {
  #allowed: Range[]

  /**
   * @param allowed CIDR ranges or single addresses that may be reached besides public ones
   * @throws Halt `config.invalid`
   */
  constructor(allowed: readonly string[]) {
    this.#allowed = allowed.map(allowedRange)
  }

  /** Judges the bytes of an address, not its spelling. What is no address is refused. */
  standingOf(text: string): Standing {
    const written = parse(text)
    if (written === undefined) return 'refused'
    const address = unmapped(written)
    if (this.#allowed.some((allowed) => contains(allowed, address))) return 'allowed'
    return isPublic(address) ? 'public' : 'refused'
  }
}

function isPublic(address: Address): boolean {
  if (address.kind() === 'ipv4') return !REFUSED_V4.some((refused) => contains(refused, address))
  // A NAT64 gateway forwards to the IPv4 address inside, so that one decides.
  if (contains(NAT64, address)) return isPublic(lastFourBytes(address))
  if (!contains(GLOBAL_V6, address) || REFUSED_V6.some((refused) => contains(refused, address))) return false
  return !isIsatap(address) || isPublic(lastFourBytes(address))
}

/** An IPv4 address in IPv6 clothes is dialled as IPv4. */
function unmapped(address: Address): Address {
  return contains(MAPPED, address) ? lastFourBytes(address) : address
}

/** RFC 5214: an interface identifier 0000:5efe or 0200:5efe, then the IPv4 address that packets are tunnelled to. */
function isIsatap(address: Address): boolean {
  const bytes = address.toByteArray()
  return (bytes[8]! & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe
}

function lastFourBytes(address: Address): Address {
  return ipaddr.fromByteArray(address.toByteArray().slice(-4))
}

function contains([network, bits]: Range, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network as never, bits)
}

function parse(text: string): Address | undefined {
  // A zone (%eth0) says which link: only link-local addresses have one.
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  return bare.includes('%') || !ipaddr.isValid(bare) ? undefined : ipaddr.parse(bare)
}

function range(cidr: string): Range {
  return ipaddr.parseCIDR(cidr)
}

function allowedRange(text: string): Range {
  try {
    if (text.includes('/')) return range(text)
    const address = ipaddr.parse(text)
    return [address, address.kind() === 'ipv4' ? 32 : 128]
  } catch (cause) {
    throw new Halt('config.invalid', `SLUICE_ALLOW_ADDRESSES holds "${text}", which is no address range`, 'Write CIDR ranges such as 10.1.0.0/16, separated by commas.', { cause })
  }
}
