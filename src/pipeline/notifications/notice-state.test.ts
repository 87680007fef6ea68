import { describe, expect, it } from 'vitest';
import { deliveryViews, foldNotice, isOwed, type NoticeRecord } from './notice-state.ts';

const notice = {
  kind: 'execution.failed',
  severity: 'HIGH',
  title: 'FAILED',
  lines: [],
  facts: [],
  about: { type: 'execution', id: 'exe_1' },
  ask: null,
};
const ways = [
  { channel: 'IN_APP', userId: 'usr_1' },
  { channel: 'SLACK', userId: null },
];
const raised: NoticeRecord = {
  type: 'notice.raised',
  at: 10,
  seq: 1,
  data: { cause: null, leftOut: 0, notice, ways },
};
const tried = (seq: number, result: string): NoticeRecord => ({
  type: 'notice.tried',
  at: 10 + seq,
  seq,
  data: { code: result === 'sent' ? null : 'busy', deliveries: [1], reference: null, result },
});
const statuses = (records: readonly NoticeRecord[]) =>
  foldNotice('ntc_1', records).deliveries.map(({ status, tries }) => `${status} ${tries}`);

describe('a notice', () => {
  it('is what its records make of it', () => {
    expect(statuses([raised])).toEqual(['UNREAD 0', 'PENDING 0']);
    expect(statuses([raised, tried(2, 'failed')])).toEqual(['UNREAD 0', 'PENDING 1']);
    expect(statuses([raised, tried(2, 'failed'), tried(3, 'sent')])).toEqual(['UNREAD 0', 'SENT 2']);
    expect(statuses([raised, tried(2, 'outdated')])).toEqual(['UNREAD 0', 'OUTDATED 1']);
    const dead = [raised, tried(2, 'dead')];
    expect(statuses(dead)).toEqual(['UNREAD 0', 'DEAD 1']);
    const resent = { type: 'notice.resent', at: 20, seq: 3, data: { by: 'usr_2', deliveries: [1] } };
    expect(statuses([...dead, resent])).toEqual(['UNREAD 0', 'PENDING 0']);
    const read = { type: 'notice.read', at: 20, seq: 2, data: { by: 'usr_1', deliveries: [0] } };
    expect(statuses([raised, read])).toEqual(['READ 0', 'PENDING 0']);
  });

  it('is owed as long as something of it has to go out', () => {
    expect(isOwed(foldNotice('ntc_1', [raised]))).toBe(true);
    expect(isOwed(foldNotice('ntc_1', [raised, tried(2, 'failed')]))).toBe(true);
    expect(isOwed(foldNotice('ntc_1', [raised, tried(2, 'dead')]))).toBe(false);
  });

  it('has a row for each way, and only in-app holds all that was said', () => {
    const [inApp, slack] = deliveryViews(foldNotice('ntc_1', [raised, tried(2, 'sent')]));
    expect(inApp).toMatchObject({
      id: 'ntc_1.0',
      subject: 'usr_1',
      type: 'IN_APP',
      status: 'UNREAD',
      ref: 'ntc_1',
      parent: null,
    });
    expect(inApp?.body).toHaveProperty('notice');
    expect(slack).toMatchObject({ id: 'ntc_1.1', subject: null, type: 'SLACK', status: 'SENT', at: 10 });
    expect(slack?.body).not.toHaveProperty('notice');
  });

  it('has no other records', () => {
    expect(() => foldNotice('ntc_1', [])).toThrow('begins with notice.raised');
    expect(() => foldNotice('ntc_1', [tried(1, 'sent')])).toThrow('begins with notice.raised');
    const strange = { type: 'notice.lost', at: 1, seq: 2, data: { deliveries: [0] } };
    expect(() => foldNotice('ntc_1', [raised, strange])).toThrow('has no record notice.lost');
  });
});
