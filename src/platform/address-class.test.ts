import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressClass, canonicalAddress } from './address-class.ts';

describe('addressClass', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['2001:4860:4860::8888', 'public'],
    ['10.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['fd12::1', 'private'],
    ['100.64.0.1', 'cgnat'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.10.10', 'linklocal'],
    ['fe80::1', 'linklocal'],
    ['169.254.169.254', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['FD00:EC2::254', 'metadata'],
    ['192.0.2.1', 'documentation'],
    ['2001:db8::1', 'documentation'],
    ['0.0.0.0', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['::', 'reserved'],
    ['::ffff:8.8.8.8', 'reserved'],
    ['64:ff9b::808:808', 'reserved'],
    ['2002::1', 'reserved'],
    ['4000::1', 'reserved'],
    ['1:2:3:4:5:6:7:8', 'reserved'],
  ])('%s is %s', (text, expected) => {
    expect(addressClass(text)).toBe(expected);
  });

  it.each([
    '',
    '8.8.8',
    '8.8.8.8.8',
    '08.8.8.8',
    '0x8.8.8.8',
    '134744072',
    '256.1.1.1',
    'fe80::1%eth0',
    ' 8.8.8.8',
    '8.8.8.8/32',
    ':',
    '1.1.1.1 ',
  ])('%j is no plainly written address', (text) => {
    expect(addressClass(text)).toBeNull();
  });

  it('never throws, and the canonical text of a canonical text is itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.ipV4Extended()), (text) => {
        const canonical = canonicalAddress(text);
        expect(addressClass(text) === null).toBe(canonical === null);
        if (canonical !== null) {
          expect(canonicalAddress(canonical)).toBe(canonical);
          expect(addressClass(canonical)).toBe(addressClass(text));
        }
      }),
    );
  });
});
