import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveCommand } from '../../src/cli/archive.ts';
import { auditExportCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { BASE, byHand, NOTIFY, SUSPEND } from '../support/playbooks.ts';
import { hasPython, secondAnswers } from '../support/second-verifier.ts';
import { startHarness, testIo, until, type Harness, type Person, type Reply, withLentKey } from '../support/server.ts';

/**
 * A backup is restored after more was done, signed and published: the journal does not know what was done outside since. The
 * server says so, takes events in and does nothing else, until two people have agreed to go on without what is lost.
 */

let house: Harness;
let second: Person;
let borrowed: Person;
let alias: Person;
const file = (name: string): string => join(house.dataDir, name);
const trigger = (userId: string): Promise<Reply> =>
  house.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'acts', userId });
const confirm = (person: Pick<Person, 'api'>, reason = 'the disk died, the backup is of last night'): Promise<Reply> =>
  person.api('POST', '/api/journal/recovery/confirm', { reason });
const suspensions = async (id: string): Promise<number> => {
  const reply = await fetch(`${house.sandbox.url}/ledger`, {
    headers: { authorization: 'Bearer a token for tests only' },
  });
  const { effects } = (await reply.json()) as { effects: { effect: string; target: string }[] }; // the sandbox's own shape
  return effects.filter(({ effect, target }) => effect === 'account.suspend' && target === id).length;
};
const NDJSON = { 'content-type': 'application/x-ndjson' };
const notesIn = (name: string): number => readFileSync(file(name), 'utf8').split('firebreak/').length - 1;

/** The journal's file as it is now, whole: what a backup would hold. */
async function backUp(): Promise<void> {
  await house.database().backup(file('backup.sqlite'));
}

function restore(): void {
  for (const end of ['', '-wal', '-shm']) rmSync(file(`journal.sqlite${end}`), { force: true });
  copyFileSync(file('backup.sqlite'), file('journal.sqlite'));
}

beforeAll(async () => {
  house = await startHarness();
  await house.sandbox.seed(['back-1', 'back-2', 'back-3', 'back-4'].map((id) => ({ id, sessions: [] })));
  const suspend = {
    ...SUSPEND,
    requiresApproval: false,
    retry: { maxRetries: 8, backoffMs: 200, backoffMultiplier: 1 },
  };
  const playbook = byHand(
    'acts',
    [
      { ...suspend, stage: 1 },
      { ...NOTIFY, stage: 2 },
    ],
    { severity: 'CRITICAL' },
  );
  expect((await house.admin.api('POST', BASE, playbook)).status).toBe(201);
  second = await house.person('SECURITY_ADMIN');
  borrowed = await withLentKey(house, house.admin, second);
  alias = await house.person('SECURITY_ADMIN', { linkedAccounts: ['Ada@soc.example'] });
});
afterAll(() => house.stop());

describe('a journal that is older than what was published of it', () => {
  let atWork: string;
  let notes: number;

  it('is found at the start, and shown', async () => {
    expect((await house.admin.api('GET', '/api/journal')).body.data).toMatchObject({ generation: 1, state: 'IN_USE' });
    // Under way at the time of the backup: the target refuses for a while.
    await house.sandbox.fault({ kind: 'error_500', match: { pathIncludes: 'back-1' } });
    atWork = (await trigger('back-1')).body.data.id;
    await until('the first try has failed', async () => {
      const { body } = await house.admin.api('GET', `${BASE}/executions/${atWork}`);
      return body.data.stages[0].actions[0].attempts > 0 ? true : null;
    });
    await backUp();
    await house.sandbox.clear();
    await house.settled(atWork);
    await house.settled((await trigger('back-2')).body.data.id);
    expect(await suspensions('back-1')).toBe(1);
    // The stop signs, and publishes what it signed.
    await house.restart(() => {
      notes = notesIn('checkpoints.txt');
      restore();
    });

    const health = await house.anonymous('GET', '/health/incident-playbooks');
    expect([health.status, (await house.anonymous('GET', '/readyz')).status]).toEqual([503, 200]);
    const { journal } = JSON.parse(health.text) as { journal: { state: string; size: number; publishedSize: number } };
    expect(journal.state).toBe('RECOVERED');
    expect(journal.publishedSize).toBeGreaterThan(journal.size);
    const shown = await house.admin.api('GET', '/api/journal');
    expect(shown.body.data).toMatchObject({
      generation: 1,
      state: 'RECOVERED',
      recovery: { size: journal.size, needed: 2, confirmations: [], lost: [{ anchor: 'checkpoints.txt' }] },
    });
  });

  it('takes in what comes, and does nothing outside', async () => {
    expect((await trigger('back-3')).status).toBeLessThan(300);
    const event = { id: 'e1', kind: 'other', action: 'page.view', subject: 'back-3', time: new Date().toISOString() };
    const { status } = await house.admin.api('POST', '/api/events', JSON.stringify(event), NDJSON);
    expect([status, house.counts().events]).toEqual([200, 1]);
    expect(await suspensions('back-3')).toBe(0);
  });

  it('lets nothing be archived: that would have to be signed', async () => {
    await house.halt();
    const out = join(house.dataDir, 'archive');
    const archived = archiveCommand({ before: '1d', out, data: house.dataDir, json: false }, testIo());
    await expect(archived).rejects.toThrow('older than what was published');
    await house.restart();
  });

  it('is confirmed by two people, not by one with two keys or two accounts, and not by whoever has not the role', async () => {
    const analyst = await house.person('SECURITY_ANALYST');
    expect((await confirm(analyst)).status).toBe(403);
    expect((await confirm(await house.service('SECURITY_ADMIN'))).status).toBe(403);
    expect((await confirm(house.admin, ' ')).status).toBe(400);
    const first = await confirm(house.admin);
    expect([first.status, first.body.data.state]).toEqual([200, 'RECOVERED']);
    expect([(await confirm(house.admin)).status, (await confirm(borrowed)).status]).toEqual([409, 409]);
    // An account of the same person in another system.
    const again = await confirm(alias);
    expect([again.status, again.body.detail]).toEqual([
      409,
      expect.stringContaining('You have given your word on this already'),
    ]);
    // Nothing was signed, and nothing published, in all this time.
    expect(notesIn('checkpoints.txt')).toBe(notes);
    const enough = await confirm(second);
    expect([enough.status, enough.body.data.state, enough.body.data.generation]).toEqual([200, 'RESTARTING', 2]);
    expect((await confirm(second)).status).toBe(409);
    await house.confirmed();
  });

  it('goes on as a new generation: what was open is looked at before it is repeated', async () => {
    await house.restart();
    expect((await house.admin.api('GET', '/api/journal')).body.data).toMatchObject({ generation: 2, state: 'IN_USE' });
    expect((await confirm(house.admin)).status).toBe(409);
    expect((await house.settled(atWork)).status).toBe('COMPLETED');
    const { body } = await house.admin.api('GET', `${BASE}/executions?userId=back-3`);
    expect((await house.settled(body.data[0].id)).status).toBe('COMPLETED');
    // Suspended once before the restored journal knew of it, under the same key: not once more.
    expect(await Promise.all(['back-1', 'back-3'].map(suspensions))).toEqual([1, 1]);
    await house.settled((await trigger('back-4')).body.data.id);
  });

  it('verifies as what it is: intact, and without what is lost', async () => {
    await house.restart();
    await house.halt();
    const said = testIo();
    expect(await auditVerifyCommand({ data: house.dataDir, json: false }, said)).toBe(0);
    expect(said.said()).toMatch(/^intact: .*; generation 2 began behind record \d+, without what was published up to/);
    const directory = join(house.dataDir, 'export');
    await auditExportCommand({ directory, data: house.dataDir }, testIo());
    const exported = testIo();
    expect(await auditVerifyCommand({ directory, json: true }, exported)).toBe(0);
    const { verdict, coveredSize, generations } = JSON.parse(exported.said()) as {
      verdict: string;
      coveredSize: number;
      generations: readonly { generation: number; signedSize: number }[];
    };
    expect([verdict, generations.map(({ generation }) => generation)]).toEqual(['intact', [2]]);
    if (!hasPython) return;
    const [answer] = secondAnswers([{ export: directory }], join(house.dataDir, 'tasks'));
    expect(answer).toMatchObject({ verdict: 'intact', coveredSize });
  });

  it('does not pass for what it was before anybody who holds a checkpoint of what is lost', async () => {
    const lost = readFileSync(file('checkpoints.txt'), 'utf8')
      .split(/\n\n(?=firebreak\/)/)
      .filter((note) => note.includes('/g1\n'))
      .at(-1);
    const anchor = join(house.dataDir, 'anchor.txt');
    writeFileSync(anchor, `${lost}\n\n`);
    const said = testIo();
    expect(await auditVerifyCommand({ data: house.dataDir, anchor, json: true }, said)).toBe(1);
  });
});
