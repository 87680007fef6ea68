import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, overlap, prefixOf } from './prefixes.ts';

describe('prefixOf', () => {
  it.each([
    ['10.0.0.5', '10.0.0.5'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.5/32', '10.0.0.5'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['FD00:0:0::1', 'fd00::1'],
    ['fd00::/8', 'fd00::/8'],
    ['::1/128', '::1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('reads %s', (text, expected) => {
    expect(prefixOf(text)?.text).toBe(expected);
  });

  it.each([
    '',
    '10.0.0.5/24',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0/8',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    'fd00::1/64',
    'host',
    '10.0.0.1; flush',
    '10.0.0.0/8/8',
    '010.0.0.1',
    '10.0.0.0/-1',
  ])('refuses %j', (text) => {
    expect(prefixOf(text)).toBeNull();
  });

  it('agrees with the runtime about what lies in a prefix', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), (base, length, address) => {
        const list = new BlockList();
        list.addSubnet(base, length, 'ipv4');
        const first = prefixOf(`${base}/${length}`);
        // Only the first address of a network names it.
        fc.pre(first !== null);
        expect(covers([first], address)).toBe(list.check(address));
      }),
    );
  });

  it('sees that networks overlap, whichever is the wider', () => {
    const [wide, narrow, other, six] = ['10.0.0.0/8', '10.9.0.0/16', '11.0.0.0/8', '::/0'].map((text) =>
      prefixOf(text),
    );
    if (!wide || !narrow || !other || !six) throw new Error('these are prefixes');
    expect([overlap(wide, narrow), overlap(narrow, wide), overlap(wide, other), overlap(wide, six)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
