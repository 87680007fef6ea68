import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirebreakError } from '../../platform/errors.ts';
import { egressContext, MAX_EGRESS_ENTRIES, parseEgressList } from './egress.ts';
import { T0 } from './test-event.ts';

const LIST = parseEgressList([
  { cidr: '203.0.113.0/24', label: 'office', expires: '2027-01-01' },
  { cidr: '203.0.113.64/26', label: 'guests', expires: '2027-01-01' },
  { cidr: '198.51.100.7', label: 'VPN', expires: '2026-11-02T10:00:00Z' },
  { cidr: '2001:db8:1::/48', label: 'office six', expires: '2027-01-01' },
  { asn: 64500, label: 'proxy', expires: '2027-01-01' },
]);

function faultsOf(input: unknown): readonly string[] {
  try {
    parseEgressList(input);
    return [];
  } catch (thrown) {
    return thrown instanceof FirebreakError ? thrown.faults.map(({ pointer, detail }) => `${pointer} ${detail}`) : [];
  }
}

describe('the egress list', () => {
  const context = egressContext(LIST, T0);

  it.each([
    ['203.0.113.1', null, 'office'],
    ['203.0.113.65', null, 'guests'],
    ['203.0.114.1', null, null],
    ['198.51.100.7', null, 'VPN'],
    ['198.51.100.8', null, null],
    ['2001:db8:1:5::9', null, 'office six'],
    ['2001:db8:2::9', null, null],
    ['192.0.2.1', 64500, 'proxy'],
    ['203.0.113.1', 64500, 'office'],
    [null, 64500, 'proxy'],
    [null, null, null],
    ['203.0.113.001', null, null],
    ['nonsense/24', null, null],
  ])('labels %s in AS %s as %s', (ip, asn, label) => {
    expect(context.egressLabel(ip, asn)).toBe(label);
  });

  it('forgets an entry once it expires', () => {
    const hour = 3_600_000;
    expect(egressContext(LIST, T0 + hour - 1).egressLabel('198.51.100.7', null)).toBe('VPN');
    expect(egressContext(LIST, T0 + hour).egressLabel('198.51.100.7', null)).toBe(null);
  });

  it('refuses every faulty entry with its pointer', () => {
    expect(faultsOf({})[0]).toContain('must be a list');
    expect(faultsOf(Array.from({ length: MAX_EGRESS_ENTRIES + 1 }, () => ({})))[0]).toContain('more than');
    const label = 'x';
    const expires = '2027-01-01';
    expect(
      faultsOf([
        7,
        { label, expires },
        { cidr: '1.1.1.1', asn: 1, label, expires },
        { cidr: '010.0.0.0/8', label, expires },
        { cidr: '10.0.0.0/33', label, expires },
        { cidr: '::/129', label, expires },
        { asn: 0, label, expires },
        { asn: 1, label: '', expires },
        { asn: 1, label },
        { asn: 1, label, expires: '1.1.2027' },
        { asn: 1, label, expires, note: 'x' },
      ]).map((fault) => fault.split(' ')[0]),
    ).toEqual([
      '/0',
      '/1',
      '/2',
      '/3/cidr',
      '/4/cidr',
      '/5/cidr',
      '/6/asn',
      '/7/label',
      '/8/expires',
      '/9/expires',
      '/10',
    ]);
  });

  it('never throws, whatever the address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (ip) => {
        const label = context.egressLabel(ip, null);
        expect(label === null || typeof label === 'string').toBe(true);
      }),
      { seed: 20261121 },
    );
  });
});
