import ipaddr from 'ipaddr.js';
import { expect, test } from 'vitest';
import { isPublicAddress } from './public-address.ts';

test.each([
  ['a name server', '8.8.8.8'],
  ['just below 10/8', '9.255.255.255'],
  ['just above 10/8', '11.0.0.0'],
  ['just below 100.64/10', '100.63.255.255'],
  ['just above 100.64/10', '100.128.0.0'],
  ['just above loopback', '128.0.0.1'],
  ['just below 169.254/16', '169.253.255.255'],
  ['just above 172.16/12', '172.32.0.0'],
  ['just below 198.18/15', '198.17.255.255'],
  ['just above 198.18/15', '198.20.0.0'],
  ['the last one before multicast', '223.255.255.255'],
  ['a neighbour of the Azure address', '168.63.129.17'],
  ['global IPv6', '2606:4700::1111'],
  ['global IPv6 just above 2001::/23', '2001:200::1'],
  ['global IPv6 just above 2002::/16', '2003::1'],
  ['a public IPv4 address through NAT64', '64:ff9b::808:808'],
])('%s is public: %s', (_, address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  ['unspecified', '0.0.0.0'],
  ['this network', '0.1.2.3'],
  ['private 10/8', '10.0.0.1'],
  ['the end of 10/8', '10.255.255.255'],
  ['carrier-grade NAT', '100.64.0.1'],
  ["Alibaba's metadata", '100.100.100.200'],
  ['loopback', '127.0.0.1'],
  ['the end of loopback', '127.255.255.255'],
  ["Azure's metadata", '168.63.129.16'],
  ['link-local', '169.254.0.1'],
  ['the metadata of most clouds', '169.254.169.254'],
  ['private 172.16/12', '172.16.0.1'],
  ['the end of 172.16/12', '172.31.255.255'],
  ["Oracle's metadata", '192.0.0.192'],
  ['documentation 192.0.2/24', '192.0.2.1'],
  ['6to4 relays', '192.88.99.1'],
  ['private 192.168/16', '192.168.1.1'],
  ['benchmarking', '198.19.255.255'],
  ['documentation 198.51.100/24', '198.51.100.7'],
  ['documentation 203.0.113/24', '203.0.113.7'],
  ['multicast', '224.0.0.1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['unspecified IPv6', '::'],
  ['loopback IPv6', '::1'],
  ['loopback IPv6 in full', '0000:0000:0000:0000:0000:0000:0000:0001'],
  ['loopback as IPv4-mapped', '::ffff:127.0.0.1'],
  ['loopback as IPv4-mapped in hex', '::ffff:7f00:1'],
  ['even a public IPv4 address as IPv4-mapped', '::ffff:8.8.8.8'],
  ['IPv4-compatible', '::127.0.0.1'],
  ['IPv4-translated', '::ffff:0:127.0.0.1'],
  ['loopback through NAT64', '64:ff9b::7f00:1'],
  ['metadata through NAT64', '64:ff9b::169.254.169.254'],
  ['private through NAT64', '64:ff9b::10.0.0.1'],
  ['local-use NAT64', '64:ff9b:1::808:808'],
  ['discard-only', '100::1'],
  ['Teredo', '2001:0:53aa:64c:0:0:0:1'],
  ['benchmarking IPv6', '2001:2::1'],
  ['ORCHID', '2001:20::1'],
  ['documentation IPv6', '2001:db8::1'],
  ['6to4 of loopback', '2002:7f00:1::'],
  ['documentation 3fff::/20', '3fff::1'],
  ['segment routing', '5f00::1'],
  ['unique-local', 'fc00::1'],
  ["AWS's metadata", 'fd00:ec2::254'],
  ["Google's metadata", 'fd20:ce::254'],
  ['link-local IPv6', 'fe80::1'],
  ['link-local IPv6 with a zone', 'fe80::1%eth0'],
  ['a public address with a zone', '2606:4700::1111%eth0'],
  ['site-local', 'fec0::1'],
  ['multicast IPv6', 'ff02::1'],
  ['outside of what is given out', '4000::1'],
  ['octal notation', '0177.0.0.1'],
  ['a number', '2130706433'],
  ['a short form', '127.1'],
  ['brackets', '[2606:4700::1111]'],
  ['a name', 'localhost'],
  ['nothing', ''],
])('%s is not public: %s', (_, address) => {
  expect(isPublicAddress(address)).toBe(false);
});

/** An address in each /16, of both families. */
const sweep = Array.from({ length: 65_536 }, (_, i) => [
  `${i >> 8}.${i & 255}.0.77`,
  `${i.toString(16)}::77`,
]).flat();

test('no address that ipaddr.js, which others maintain, calls special is public', () => {
  const missed = sweep
    .filter(isPublicAddress)
    .filter((address) => ipaddr.parse(address).range() !== 'unicast');
  expect(missed).toEqual([]);
});

test('most of IPv4 and all but three /16s of 2000::/3 are public', () => {
  const open = sweep.filter(isPublicAddress);
  expect(open.filter((address) => address.includes('.')).length).toBeGreaterThan(0.85 * 65_536);
  expect(open.filter((address) => address.includes(':')).length).toBe(8192 - 3);
});
