import { describe, expect, it } from 'vitest';
import { readBarrier } from './barrier-reading.ts';

const MARK = 'a'.repeat(24);
const elem = (val: string, rest: object = {}) => ({ elem: { val, comment: 'held', ...rest } });
function listing(elems: readonly unknown[], rest: readonly object[] = [], handle = 1): string {
  const set = { family: 'inet', name: `by_${MARK}`, table: 't', type: 'nf_proto', handle, elem: elems };
  return JSON.stringify({
    nftables: [{ metainfo: { version: '1.0.6' } }, { table: { name: 't', handle } }, { set }, ...rest],
  });
}
const rule = (packets: number) => ({
  rule: { chain: 'c', handle: packets, expr: [{ counter: { packets } }, { drop: null }] },
});

describe('readBarrier', () => {
  it('holds when both families stand there, as long as the shorter one', () => {
    const both = [elem('ipv4', { expires: 90 }), elem('ipv6', { expires: 80 })];
    expect(readBarrier(listing(both))).toMatchObject({ mark: MARK, state: 'held', leftMs: 80_000 });
    expect(readBarrier(listing([elem('ipv4'), elem('ipv6')]))).toMatchObject({ state: 'held', leftMs: null });
  });

  it('is over when one family is open', () => {
    expect(readBarrier(listing([elem('ipv4')]))).toMatchObject({ mark: MARK, state: 'over' });
    expect(readBarrier(listing([]))).toMatchObject({ state: 'over' });
    expect(readBarrier(listing([elem('ipv4'), 'ipv6'])).state).not.toBe('held');
  });

  it('is on trial until both are confirmed', () => {
    const half = [elem('ipv4'), elem('ipv6', { comment: 'trial' })];
    expect(readBarrier(listing(half)).state).toBe('trial');
  });

  it('sees the same rules whatever was counted, and others when one was added', () => {
    const both = [elem('ipv4', { expires: 9 }), elem('ipv6')];
    const before = readBarrier(listing(both, [rule(1)], 1));
    expect(readBarrier(listing([elem('ipv4'), elem('ipv6')], [rule(99)], 7)).rules).toBe(before.rules);
    expect(readBarrier(listing(both, [rule(1), rule(1)])).rules).not.toBe(before.rules);
  });

  it('does not take another table for its own', () => {
    const other = JSON.stringify({ nftables: [{ table: { name: 't' } }, { set: { name: 'by_x', elem: [] } }] });
    expect(readBarrier(other)).toMatchObject({ mark: null, present: true, state: 'over' });
    expect(readBarrier(null)).toMatchObject({ mark: null, present: false });
  });

  it.each(['', '[]', '{"nftables": 1}', 'Error: x'])('refuses the reply %j', (text) => {
    expect(() => readBarrier(text)).toThrow('not its listing');
  });
});
