import { describe, expect, it } from 'vitest';
import type { Execution, Progress } from '../../src/demo/follow.ts';
import { createLiveView, duration } from '../../src/demo/live-view.ts';
import { holds, resultTable, resultOf, type Result } from '../../src/demo/report.ts';
import { terminalOf } from '../../src/demo/terminal.ts';
import type { Io } from '../../src/cli/io.ts';

const ACTION = {
  actionId: 'action_suspend',
  actionType: 'ACCOUNT_SUSPEND',
  status: 'RUNNING',
  phase: 'awaiting_approval',
  verification: null,
  children: [],
};
const DONE = { ...ACTION, actionType: 'STEP_UP_CHALLENGE', status: 'SUCCESS', phase: 'settled', verification: 'holds' };

function progress(actions: Execution['stages'][number]['actions'], over = false): Progress {
  const stages = [
    { stage: 1, actions: [DONE] },
    { stage: 2, actions },
  ];
  const label = {
    id: '2fa-bypass',
    type: 'REPEATED_2FA_BYPASS',
    accounts: ['a'],
    sourceIp: '',
    from: 0,
    to: 0,
    expected: [],
  };
  const at = '2026-11-02T16:00:00Z';
  const endedAt = over ? at : null;
  const status = over ? 'COMPLETED' : 'AWAITING_APPROVAL';
  const execution = { status, records: 9, startedAt: at, endedAt, containedAt: endedAt, stages, timeline: [] };
  return {
    label,
    executionId: 'exe_1',
    execution,
    votes: ['Ada Admin approved'],
    businessMs: over ? 903_000 : null,
    realMs: over ? 2_140 : null,
    soFar: { businessMs: 12_000, realMs: 700 },
  };
}

function fakeIo(isTTY: boolean, env: Record<string, string>): { io: Io; written: () => string } {
  let text = '';
  const stdout = { isTTY, write: (more: string) => (text += more) };
  const never = new Promise<void>(() => undefined);
  const io: Io = {
    stdout,
    stderr: stdout,
    env,
    readInput: async () => Promise.reject(new Error('unused')),
    readTextSync: () => '',
    stopRequested: async () => never,
  };
  return { io, written: () => text };
}

function shown(isTTY: boolean, env: Record<string, string>, columns = 160): string {
  const { io, written } = fakeIo(isTTY, env);
  const view = createLiveView(terminalOf(io, columns));
  view.say('hello');
  view.show([progress([ACTION])]);
  view.show([progress([ACTION])]);
  view.say('there');
  view.show([progress([{ ...ACTION, status: 'SUCCESS', phase: 'settled', verification: 'holds' }], true)]);
  return written();
}

describe('the live view', () => {
  it('writes a line for each change where there is no terminal, without an escape byte', () => {
    expect(shown(false, {})).toBe(
      [
        'hello',
        '2FA bypass: stage 2/2, account suspend (asks people), verified 1/1; Ada Admin approved',
        'there',
        '2FA bypass: stage 2/2, completed, verified 2/2; Ada Admin approved',
        '',
      ].join('\n'),
    );
  });

  it.each<Record<string, string>>([{ NO_COLOR: '1' }, { TERM: 'dumb' }])(
    'writes no escape byte on a terminal with %o',
    (env) => {
      expect(shown(true, env)).toBe(shown(false, {}));
    },
  );

  it('paints rows over the former ones on a terminal, and cuts them to its width', () => {
    const text = shown(true, {}, 60);
    expect(text).toContain('\u001b[2A\u001b[0J');
    // oxlint-disable-next-line no-control-regex -- colours are what is taken out
    const rows = text.replaceAll(/\u001b\[\d+[AJm]/g, '').split('\n');
    expect(rows.filter((row) => row.length > 60)).toEqual([]);
    expect(rows.filter((row) => row.startsWith('2FA bypass')).length).toBe(4);
  });

  it('says durations as people do', () => {
    expect([null, 0, 850, 2_440, 903_000].map(duration)).toEqual(['-', '0 ms', '850 ms', '2.4 s', '15 min 3 s']);
  });
});

describe('the closing report', () => {
  const verdict = { scenarios: { '2fa-bypass': { verifiedAtTarget: true, why: '' } }, falseAlarms: 0, details: [] };
  const good = { holds: true, said: '' };
  const settled = progress([{ ...ACTION, status: 'SUCCESS', phase: 'settled' }], true);

  it('holds when everything does', () => {
    const result = resultOf(settled, verdict, good, { ...good, records: 47 });
    expect(result).toEqual({
      scenario: '2fa-bypass',
      contained: true,
      verifiedAtTarget: true,
      auditVerified: true,
      replayIdentical: true,
      falseAlarms: 0,
      mttcMs: 903_000,
      realMs: 2_140,
      records: 47,
    });
    expect(holds(result)).toBe(true);
    expect(resultTable([result], [settled])).toMatch(
      /^2FA bypass +yes +yes +15 min 3 s +2\.1 s +0 +47 +verified +identical$/m,
    );
  });

  it.each<Partial<Result>>([
    { contained: false },
    { verifiedAtTarget: false },
    { auditVerified: false },
    { replayIdentical: false },
    { falseAlarms: 1 },
  ])('does not hold with %o', (fault) => {
    const result = { ...resultOf(settled, verdict, good, { ...good, records: 47 }), ...fault };
    expect(holds(result)).toBe(false);
  });

  it('does not call contained what did not end well, and verified what the verifier did not name', () => {
    const open = resultOf(progress([ACTION]), { ...verdict, scenarios: {} }, good, { ...good, records: 1 });
    expect(open).toMatchObject({ contained: false, verifiedAtTarget: false, mttcMs: null });
  });
});
