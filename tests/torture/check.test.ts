import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** The checker on made-up files: who adds up has to be right about what is wrong, and about what is not. */

const CHECKER = fileURLToPath(new URL('../../torture/check.js', import.meta.url));
const PERSON = 'p1@torture.test';

/** A run in which all went well, to be changed by a test; every member is plain JSON. */
function goodRun() {
  const action = { verification: 'holds', target: PERSON };
  return {
    ledger: [
      { kind: 'execution', id: 'exe_1', playbookId: 'contain', userId: PERSON },
      { kind: 'vote', approvalId: 'apr_1', voterId: 'usr_1', vote: 'approve' },
      { kind: 'events', batch: 0, count: 2 },
      { kind: 'attack', playbookId: 'travel', userId: 'p2@torture.test' },
    ],
    receiver: [{ order: PERSON, step: 'hook', key: 'key-hook', at: 1_000 }],
    company: {
      effects: [
        { effect: 'account.suspend', target: PERSON, key: 'key-suspend' },
        { effect: 'session.kill', target: 'p2@torture.test', key: 'key-kill' },
      ],
      requests: 3,
      repeats: 1,
      suspended: [PERSON],
    },
    journal: {
      executions: [
        {
          id: 'exe_1',
          playbookId: 'contain',
          userId: PERSON,
          status: 'COMPLETED',
          parent: null as string | null,
          actions: [
            { ...action, actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND', status: 'SUCCESS', key: 'key-suspend' },
            {
              ...action,
              actionId: 'hook',
              actionType: 'CUSTOM_WEBHOOK',
              status: 'SUCCESS',
              verification: 'unverifiable',
              key: 'key-hook',
              settledAt: 2_000,
            },
          ],
        },
        {
          id: 'exe_2',
          playbookId: 'travel',
          userId: 'p2@torture.test',
          status: 'COMPLETED',
          parent: null as string | null,
          actions: [],
        },
      ],
      approvals: [{ id: 'apr_1', voters: ['usr_1'] }],
      acceptedAgain: [0],
    },
    audit: {
      verify: { intact: true },
      replays: { executions: 2, differing: [] as string[] },
      queued: 0,
    },
  };
}
type Run = ReturnType<typeof goodRun>;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'firebreak-check-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function check(change: (run: Run) => void): { line: string; status: number | null } {
  const run = goodRun();
  change(run);
  const lines = (items: readonly object[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');
  writeFileSync(join(directory, 'ledger.jsonl'), lines(run.ledger));
  writeFileSync(join(directory, 'receiver.jsonl'), lines(run.receiver));
  for (const name of ['company', 'journal', 'audit'] as const)
    writeFileSync(join(directory, `${name}.json`), JSON.stringify(run[name]));
  const { stdout, status } = spawnSync(process.execPath, [CHECKER, directory], { encoding: 'utf8' });
  return { line: stdout.trim(), status };
}

const [suspended, killed] = goodRun().company.effects;
if (suspended === undefined || killed === undefined) throw new Error('there are two effects');

function second({ executions }: Run['journal']): Run['journal']['executions'][number] {
  const found = executions[1];
  if (found === undefined) throw new Error('there are two executions');
  return found;
}

describe('the checker', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(check(() => undefined)).toEqual({
      line: 'executions 2 lost 0 duplicated 0 stuck 0 chain-errors 0',
      status: 0,
    });
  });

  it.each<[string, (run: Run) => void]>([
    ['an execution', ({ journal }) => journal.executions.shift()],
    ['an effect', ({ company }) => company.effects.shift()],
    ['a webhook', ({ receiver }) => receiver.pop()],
    ['a vote', ({ journal }) => journal.approvals.pop()],
    ['events', ({ journal }) => (journal.acceptedAgain[0] = 2)],
    ['an attack', ({ journal }) => journal.executions.pop()],
    ['a hold', ({ company }) => company.suspended.pop()],
  ])('counts %s that is lost', (_what, change) => {
    const { line, status } = check(change);
    expect(line).toMatch(/ lost [1-9]\d* /);
    expect(status).toBe(1);
  });

  it.each<[string, (run: Run) => void]>([
    ['an effect under one key', ({ company }) => company.effects.push(suspended)],
    ['an effect under another key', ({ company }) => company.effects.push({ ...killed, key: 'key-other' })],
    ['a webhook', ({ receiver }) => receiver.push({ order: PERSON, step: 'hook', key: 'key-hook', at: 1_000 })],
    ['a webhook after somebody had settled it', ({ receiver }) => receiver.forEach((call) => (call.at = 9_000))],
    ['a vote', ({ journal }) => journal.approvals[0]?.voters.push('usr_1')],
    ['an execution', ({ journal }) => journal.executions.push({ ...second(journal), id: 'exe_3' })],
  ])('counts %s that took place twice', (_what, change) => {
    expect(check(change)).toEqual({ line: expect.stringMatching(/ lost 0 duplicated 1 stuck 0 /), status: 1 });
  });

  it.each<[string, (run: Run) => void]>([
    ['an execution', ({ journal }) => (second(journal).status = 'RUNNING')],
    ['an owed effect', ({ audit }) => (audit.queued = 1)],
    ['a hold of nobody', ({ company }) => company.suspended.push('s1@torture.test')],
    [
      'a hold whose end never came',
      ({ journal }) => journal.executions.forEach((execution) => (execution.playbookId = 'lasting')),
    ],
  ])('counts %s that is stuck', (_what, change) => {
    expect(check(change).line).toMatch(/ duplicated 0 stuck [1-9]\d* chain-errors 0$/);
    expect(check(change).status).toBe(1);
  });

  it.each(['COMPENSATED', 'COMPENSATION_FAILED'])('knows who says so when a shared account is held: %s', (status) => {
    const { line } = check(({ company, journal }) => {
      const target = 's1@torture.test';
      company.suspended.push(target);
      const suspend = {
        actionId: 'suspend',
        actionType: 'ACCOUNT_SUSPEND',
        status,
        verification: 'holds',
        target,
        key: 'k',
      };
      const shared = { ...second(journal), id: 'exe_3', playbookId: 'shared', userId: target, actions: [suspend] };
      journal.executions.push(shared as ReturnType<typeof second>); // of an account that others have, too
    });
    expect(line).toContain(status === 'COMPENSATED' ? ' stuck 1 ' : ' stuck 0 ');
  });

  it('counts what does not verify and what does not replay', () => {
    const { line, status } = check(({ audit }) => {
      audit.verify.intact = false;
      audit.replays.differing.push('execution/exe_1');
    });
    expect(line).toBe('executions 2 lost 0 duplicated 0 stuck 0 chain-errors 2');
    expect(status).toBe(1);
  });
});
