import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAddress } from './ip.ts';

describe('readAddress', () => {
  it.each([
    // Leading zeros are read decimal and flagged; parsers that read octal would say 61.40.255.67.
    ['075.050.255.67', '75.50.255.67', true],
    ['089.1.1.1', '89.1.1.1', true],
    ['0000000008.8.8.8', '8.8.8.8', true],
    ['8.8.8.8', '8.8.8.8', false],
    // One client, one text.
    ['::ffff:1.2.3.4', '1.2.3.4', false],
    ['::ffff:0102:0304', '1.2.3.4', false],
    ['::FFFF:010.2.3.4', '10.2.3.4', true],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1', false],
    ['2a00:1450:4001:081B::200E', '2a00:1450:4001:81b::200e', false],
    // Ports, brackets and zones are not the address.
    ['1.2.3.4:443', '1.2.3.4', false],
    ['[::1]:80', '::1', false],
    ['[2a00::1]', '2a00::1', false],
    ['fe80::1%eth0', 'fe80::1', false],
    [' 8.8.4.4 ', '8.8.4.4', false],
  ])('reads %s as %s', (text, ip, normalised) => {
    expect(readAddress(text)).toMatchObject({ ip, normalised, service: null });
  });

  it.each([
    ['8.8.8.8', 'public'],
    ['10.1.2.3', 'private'],
    ['192.168.0.1', 'private'],
    ['fd12::1', 'private'],
    ['100.64.0.1', 'cgnat'],
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.1.1', 'linklocal'],
    ['fe80::1', 'linklocal'],
    ['192.0.2.1', 'reserved'],
    ['203.0.113.7', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['169.254.169.254', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['0.0.0.0', 'reserved'],
    ['224.0.0.1', 'reserved'],
    ['::ffff:10.0.0.1', 'private'],
    ['2a00:1450::1', 'public'],
    ['4000::1', 'reserved'],
    // Deprecated IPv4-compatible form: not the IPv4 address it looks like.
    ['::1.2.3.4', 'reserved'],
  ])('calls %s %s', (text, ipClass) => {
    expect(readAddress(text).ipClass).toBe(ipClass);
  });

  it.each(['cloudformation.amazonaws.com', 'AWS Internal', 'ecs.amazonaws.com'])('keeps %s as a service', (text) => {
    expect(readAddress(text)).toEqual({ ip: null, ipClass: null, normalised: false, service: text });
  });

  it.each([
    '',
    'unknown',
    'null',
    '1.2.3.4, 5.6.7.8',
    '1.2.3',
    '1.2.3.256',
    '256.1.1.1',
    '2130706433',
    '0x7f.0.0.1',
    '0x7f000001',
    '1:2:3',
    ':::',
    '[::1',
    '::ffff:1.2.3.999',
    '::1.2.3',
    `a${'b'.repeat(200)}`,
    '<script>',
    '1.2.3.4\u0000',
  ])('finds no address in %j', (text) => {
    const reading = readAddress(text);
    expect(reading.ip).toBeNull();
    expect(reading.service).toBeNull();
  });

  it('gives every IPv4 address one text, however it is written', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const pad = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), pad, (octets, zeros) => {
        const plain = octets.join('.');
        const padded = octets.map((each) => '0'.repeat(zeros) + String(each)).join('.');
        expect(readAddress(padded)).toMatchObject({ ip: plain, normalised: zeros > 0 });
        expect(readAddress(`::ffff:${plain}`).ip).toBe(plain);
        expect(readAddress(`${plain}:8080`).ip).toBe(plain);
      }),
    );
  });

  it('never throws, and what it reads it reads again', () => {
    const characters = fc.constantFrom(...'0123456789abcdefx.:[]%/ -,'.split(''));
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: characters, maxLength: 45 }), fc.string({ unit: 'binary' }), fc.ipV6()),
        (text) => {
          const { ip, ipClass } = readAddress(text);
          expect(ip === null).toBe(ipClass === null);
          if (ip !== null) expect(readAddress(ip)).toMatchObject({ ip, ipClass, normalised: false });
        },
      ),
      { numRuns: 500 },
    );
  });
});
