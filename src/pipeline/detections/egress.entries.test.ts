import { describe, expect, it } from 'vitest';
import { FirebreakError } from '../../platform/errors.ts';
import { egressContext, parseEgressList } from './egress.ts';

const EXPIRES = '2027-01-01';

/** Pointers of the faults of one entry; empty when it is fine. */
function faultsOf(entry: unknown): readonly string[] {
  try {
    parseEgressList([entry]);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof FirebreakError)) throw thrown;
    return thrown.faults.map(({ pointer }) => pointer);
  }
}

describe('an entry of the egress list', () => {
  it.each([[null], [undefined], [7], ['203.0.113.0/24'], [true]])('is an object: %s', (entry) => {
    expect(faultsOf(entry)).toEqual(['/0']);
  });

  it('has an AS number of 32 bits', () => {
    const numbered = (asn: unknown): readonly string[] => faultsOf({ asn, label: 'x', expires: EXPIRES });
    for (const asn of [1, 65_535, 4_294_967_295]) expect(numbered(asn)).toEqual([]);
    for (const asn of [0, -1, 1.5, 4_294_967_296, Number.NaN, '64500']) expect(numbered(asn)).toEqual(['/0/asn']);
  });

  it('has an address or a network that has one reading', () => {
    const at = (cidr: unknown): readonly string[] => faultsOf({ cidr, label: 'x', expires: EXPIRES });
    for (const cidr of [
      '203.0.113.7',
      '203.0.113.0/24',
      '0.0.0.0/0',
      '203.0.113.7/32',
      '2001:db8::/48',
      '2001:db8::1/128',
    ])
      expect(at(cidr)).toEqual([]);
    const wrong = [
      '',
      '203.0.113.07',
      '203.0.113',
      '203.0.113.0/33',
      '203.0.113.0/-1',
      '203.0.113.0/',
      '203.0.113.0/2 4',
    ];
    wrong.push('203.0.113.0/24/8', '2001:db8::/129', 'fe80::1%eth0', '0xcb.0.113.7', `203.0.113.0/24${' '.repeat(60)}`);
    for (const cidr of [...wrong, 7, {}]) expect(at(cidr)).toEqual(['/0/cidr']);
  });

  it('has one of the two', () => {
    expect(faultsOf({ label: 'x', expires: EXPIRES })).toEqual(['/0']);
    expect(faultsOf({ cidr: '203.0.113.7', asn: 1, label: 'x', expires: EXPIRES })).toEqual(['/0']);
    expect(faultsOf({ cidr: '203.0.113.7', asn: null, label: 'x', expires: EXPIRES })).toEqual([]);
  });

  it('has a label that can be shown', () => {
    const labelled = (label: unknown): readonly string[] => faultsOf({ asn: 1, label, expires: EXPIRES });
    expect(labelled('x'.repeat(80))).toEqual([]);
    for (const label of ['', '  ', 'x'.repeat(81), '\ud800', 7, undefined])
      expect(labelled(label)).toEqual(['/0/label']);
  });

  it('ends some day', () => {
    const until = (expires: unknown): readonly string[] => faultsOf({ asn: 1, label: 'x', expires });
    for (const expires of [EXPIRES, '2027-01-31T00:00:00Z', '2027-01-31T00:00:00.123Z'])
      expect(until(expires)).toEqual([]);
    const wrong = ['', 'never', '2027-13-01', '2027-01-31T00:00:00', '2027-01-31T00:00:00+01:00', '2027-1-31', 0];
    for (const expires of [...wrong, undefined, ` ${EXPIRES}`]) expect(until(expires)).toEqual(['/0/expires']);
  });

  it('knows no other member', () => {
    expect(faultsOf({ asn: 1, label: 'x', expires: EXPIRES, note: 'y' })).toEqual(['/0']);
  });
});

describe('the label of an address', () => {
  const context = egressContext(
    parseEgressList([
      { cidr: '10.0.0.0/8', label: 'wide', expires: EXPIRES },
      { cidr: '10.1.0.0/16', label: 'narrow', expires: EXPIRES },
      { cidr: '10.1.2.128/25', label: 'narrowest', expires: EXPIRES },
      { cidr: 'a01::/16', label: 'six', expires: EXPIRES },
      { cidr: '::/0', label: 'any six', expires: EXPIRES },
    ]),
    0,
  );

  it('is that of the narrowest network around it', () => {
    const labels = ['10.1.2.128', '10.1.2.127', '10.2.0.1', '11.0.0.1'].map((ip) => context.egressLabel(ip, null));
    expect(labels).toEqual(['narrowest', 'narrow', 'wide', null]);
  });

  it('is of its own family: the same first bytes mean nothing in the other', () => {
    expect(context.egressLabel('a01:203::1', null)).toBe('six');
    expect(context.egressLabel('10.1.0.1', null)).toBe('narrow');
    expect(context.egressLabel('2001:db8::1', null)).toBe('any six');
  });

  it('is never that of an address with a zone', () => {
    expect(context.egressLabel('fe80::1%eth0', null)).toBe(null);
  });
});
