/**
 * Which addresses belong to the public internet. Everything else may be this machine, its neighbours
 * or the cloud's metadata service, and no stranger may point the server at it.
 *
 * Sources: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890, RFC 8190), read as
 * "globally reachable"; for IPv6 only 2000::/3 is given out at all (RFC 3513), so the rest is refused
 * without being listed.
 */

import { BlockList, isIPv4, isIPv6 } from 'node:net';

type Subnet = readonly [network: string, prefix: number];

const refusedIpv4: readonly Subnet[] = [
  ['0.0.0.0', 8], // this network; 0.0.0.0 reaches the machine itself
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // shared by carriers; 100.100.100.200 is Alibaba's metadata
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // a public address that Azure gives to its own metadata
  ['169.254.0.0', 16], // link-local; 169.254.169.254 is most clouds' metadata
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // IETF protocols; 192.0.0.192 is Oracle's metadata
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and 255.255.255.255
];

const refusedIpv6: readonly Subnet[] = [
  ['2001::', 23], // IETF protocols: Teredo, benchmarking, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4, which holds an IPv4 address
  ['3fff::', 20], // documentation
];

/** NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is reached, so its rules hold. */
const nat64 = '64:ff9b::';

const globalIpv6 = new BlockList();
globalIpv6.addSubnet('2000::', 3, 'ipv6');
globalIpv6.addSubnet(nat64, 96, 'ipv6');

const refused = new BlockList();
for (const [network, prefix] of refusedIpv4) {
  refused.addSubnet(network, prefix, 'ipv4');
  refused.addSubnet(nat64 + network, 96 + prefix, 'ipv6');
}
for (const [network, prefix] of refusedIpv6) refused.addSubnet(network, prefix, 'ipv6');

/**
 * True for an address of the public internet in the usual notation. Anything else is false: special
 * ranges, an IPv6 address with a zone, and text that is no address.
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !refused.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return false;
  return globalIpv6.check(address, 'ipv6') && !refused.check(address, 'ipv6');
}
