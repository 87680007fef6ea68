import { describe, expect, it } from 'vitest';
import type { NoticeChannel } from './contract.ts';
import { waysOf, type RouteQuery } from './routing.ts';

const ALL: readonly NoticeChannel[] = ['EMAIL', 'IN_APP', 'PAGERDUTY', 'SLACK', 'TEAMS', 'WEBHOOK'];
const ada = { userId: 'ada', hasEmail: true, wantsEmail: true };
const ways = (query: Partial<RouteQuery>) =>
  waysOf({ kind: 'approval.requested', channels: null, configured: new Set(ALL), readers: [ada], ...query }).map(
    ({ channel, userId }) => (userId === null ? channel : `${channel} ${userId}`),
  );

describe('the ways of a notice', () => {
  it('are the usual ones where nobody named any, and nobody is woken by a request', () => {
    expect(ways({})).toEqual(['IN_APP ada', 'EMAIL ada', 'SLACK', 'TEAMS', 'WEBHOOK']);
    expect(ways({ kind: 'approval.escalated' })).toContain('PAGERDUTY');
  });

  it('are those that the gates name, and in-app', () => {
    expect(ways({ channels: ['SLACK'] })).toEqual(['IN_APP ada', 'SLACK']);
    expect(ways({ channels: ['IN_APP'] })).toEqual(['IN_APP ada']);
  });

  it('are the usual ones where none that was named leads anywhere', () => {
    expect(ways({ channels: ['SECURE_PORTAL'] })).toEqual(ways({}));
    expect(ways({ channels: ['SLACK'], configured: new Set<NoticeChannel>(['IN_APP', 'EMAIL']) })).toEqual([
      'IN_APP ada',
      'EMAIL ada',
    ]);
  });

  it('leave mail out for whom has none or wants none, and never in-app', () => {
    const readers = [
      { userId: 'bob', hasEmail: false, wantsEmail: true },
      { userId: 'eve', hasEmail: true, wantsEmail: false },
    ];
    expect(ways({ readers, channels: ['EMAIL'] })).toEqual(['IN_APP bob', 'IN_APP eve']);
  });

  it('are all of them for an alarm, whatever anybody chose to hear', () => {
    const readers = [{ userId: 'eve', hasEmail: true, wantsEmail: false }];
    const all = ['IN_APP eve', 'EMAIL eve', 'PAGERDUTY', 'SLACK', 'TEAMS', 'WEBHOOK'];
    expect(ways({ readers, kind: 'approval.broken_glass' })).toEqual(all);
  });

  it('reach shared channels also where nobody is to be told', () => {
    expect(ways({ readers: [], kind: 'execution.failed' })).toEqual(['PAGERDUTY', 'SLACK', 'TEAMS', 'WEBHOOK']);
  });
});
