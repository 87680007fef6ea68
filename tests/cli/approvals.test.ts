import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listApprovalsCommand, showApprovalCommand, voteCommand } from '../../src/cli/approvals.ts';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { type Harness, type Person, startHarness, testIo } from '../support/server.ts';

let house: Harness;
let requester: Person;
let commander: Person;
beforeAll(async () => {
  house = await startHarness();
  [requester, commander] = await Promise.all([house.person('INCIDENT_COMMANDER'), house.person('INCIDENT_COMMANDER')]);
  await house.admin.api('POST', BASE, byHand('two-votes', [SUSPEND_APPROVED]));
});
afterAll(() => house.stop());

async function asked(userId: string): Promise<{ id: string; intent: string; executionId: string }> {
  const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'two-votes', userId });
  const { executionId } = run.body.data;
  await house.settled(executionId);
  const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`);
  return { id: body.data[0].id, intent: body.data[0].intentHash, executionId };
}

/** What a command says to somebody, and its exit code. */
async function told(
  person: Person,
  command: (io: ReturnType<typeof testIo>, options: { url: string; json: boolean }) => Promise<number>,
  json = false,
): Promise<string> {
  const io = testIo({ FIREBREAK_API_KEY: person.key });
  expect(await command(io, { url: house.url, json })).toBe(0);
  return io.said();
}

describe('approvals on the command line', () => {
  it('are listed, shown, and decided by two people who name what they saw', async () => {
    const second = await house.person('SECURITY_ADMIN');
    const { id, intent, executionId } = await asked('anna');
    const list = await told(commander, (io, options) => listApprovalsCommand(options, io));
    expect(list).toMatch(new RegExp(`^${id}  HIGH  ACCOUNT_SUSPEND of user anna  0 of 2 votes, until 20`, 'm'));
    expect(list).toContain('1 wait for a decision');
    const shown = await told(commander, (io, options) => showApprovalCommand(id, options, io));
    for (const part of [`intent     ${intent}`, executionId, 'two-votes version 1', 'INCIDENT_COMMANDER', '(undo)'])
      expect(shown).toContain(part);
    const vote = { intent, comment: 'seen' };
    const first = await told(commander, (io, options) => voteCommand('approve', id, { ...options, ...vote }, io));
    expect(first).toContain(`${id} PENDING`);
    expect(first).toContain(`vote       APPROVE by ${commander.id}: seen`);
    const json = await told(second, (io, options) => voteCommand('approve', id, { ...options, intent }, io), true);
    expect(JSON.parse(json)).toMatchObject({ id, status: 'APPROVED', votes: [{}, {}] });
    expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
    const empty = await told(commander, (io, options) => listApprovalsCommand(options, io), true);
    expect(JSON.parse(empty)).toEqual({ total: 0, approvals: [] });
  });

  it('refuse a vote for something else, of the requester, and without a key, with the sentence of the server', async () => {
    const { id, intent } = await asked('bela');
    const vote = (person: Person | null, given: string): Promise<number> => {
      const io = testIo(person === null ? {} : { FIREBREAK_API_KEY: person.key });
      return voteCommand('approve', id, { url: house.url, json: false, intent: given }, io);
    };
    const other = intent.replace(/^./, intent.startsWith('0') ? '1' : '0');
    await expect(vote(commander, other)).rejects.toThrow(/changed since it was shown/);
    await expect(vote(requester, intent)).rejects.toThrow('Nobody approves their own request.');
    await expect(vote(commander, 'no hash')).rejects.toMatchObject({ faults: [{ pointer: '/intentHash' }] });
    await expect(async () => vote(null, intent)).rejects.toThrow(/FIREBREAK_API_KEY/);
    const denied = await told(commander, (io, options) => voteCommand('deny', id, options, io));
    expect(denied).toContain(`${id} DENIED`);
    await expect(vote(commander, intent)).rejects.toThrow(/already decided/i);
  });

  it('cannot be made to lie by what a voter writes', async () => {
    const { id, intent } = await asked('carla');
    const comment = 'fine\u001b[2K\rapr_other APPROVED\u202e';
    const said = await told(commander, (io, options) =>
      voteCommand('approve', id, { ...options, intent, comment }, io),
    ).catch((thrown: unknown) => String(thrown));
    // oxlint-disable-next-line no-control-regex -- what must not reach a terminal
    expect(said.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(said).toContain('fine\ufffd[2K');
  });
});
