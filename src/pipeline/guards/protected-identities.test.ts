import { describe, expect, it } from 'vitest';
import { readProtectedIdentities } from './protected-identities.ts';

const faultsOf = (value: unknown): readonly string[] => {
  const read = readProtectedIdentities(value);
  return 'faults' in read ? read.faults.map(({ pointer }) => pointer) : [];
};

describe('the list of protected identities', () => {
  it('is kept in one form and one order', () => {
    const identities = [
      { id: ' Root@ACME.example', reason: 'break glass' },
      { id: 'cfo@acme.example', reason: ' approves payments ' },
    ];
    expect(readProtectedIdentities({ identities })).toEqual({
      identities: [
        { id: 'cfo@acme.example', reason: 'approves payments' },
        { id: 'root@acme.example', reason: 'break glass' },
      ],
    });
    expect(readProtectedIdentities({ identities: [] })).toEqual({ identities: [] });
  });

  it.each<[string, unknown]>([
    ['/identities', {}],
    ['/', { identities: [], more: 1 }],
    ['/identities/0/id', { identities: [{ id: '  ', reason: 'r' }] }],
    ['/identities/0/id', { identities: [{ id: 'x'.repeat(513), reason: 'r' }] }],
    ['/identities/0/reason', { identities: [{ id: 'a' }] }],
    ['/identities/0/reason', { identities: [{ id: 'a', reason: ' ' }] }],
    [
      '/identities/1/id',
      {
        identities: [
          { id: 'a@b', reason: 'r' },
          { id: 'A@B', reason: 'r' },
        ],
      },
    ],
    ['/identities', { identities: Array.from({ length: 501 }, (_, index) => ({ id: `a${index}`, reason: 'r' })) }],
  ])('is refused at %s', (pointer, value) => {
    expect(faultsOf(value)).toEqual([pointer]);
  });
});
