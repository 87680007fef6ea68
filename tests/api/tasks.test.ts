import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Command } from 'commander';
import { addTaskCommands } from '../../src/cli/task-commands.ts';
import { BASE, byHand } from '../support/playbooks.ts';
import { STARTED_AT, startHarness, testIo, until, verified, type Harness, type Person } from '../support/server.ts';

/** Tasks over a real server: who sees them, who works on them, what is kept of it, and when people are reminded. */

const TASKS = '/api/tasks';
const HOUR = 3_600_000;
const DRAFT = '# Statement\n\nWe are aware of an incident.\n';

let house: Harness;
let legal: Person;
let counsel: Person;
let analyst: Person;
let auditor: Person;
let lead: Person;

beforeAll(async () => {
  house = await startHarness({ accelerated: true, withoutSandbox: true });
  [legal, counsel, analyst, auditor, lead] = await Promise.all([
    house.person('LEGAL'),
    house.person('LEGAL'),
    house.person('SECURITY_ANALYST'),
    house.person('AUDITOR'),
    house.person('IR_LEAD'),
  ]);
});
afterAll(() => house.stop());

async function opened(more: object = {}, by = lead): Promise<string> {
  const reply = await by.api('POST', TASKS, { title: 'Say something', draft: DRAFT, roles: ['LEGAL'], ...more });
  expect(reply.text).toContain('"success":true');
  return reply.body.data.id;
}

const say = (by: Person, id: string, what: string, body: object = {}, headers: Record<string, string> = {}) =>
  by.api(['draft', 'due'].includes(what) ? 'PUT' : 'POST', `${TASKS}/${id}/${what}`, body, headers);
const shown = async (id: string, by = lead) => (await by.api('GET', `${TASKS}/${id}`)).body.data;
const noticesOf = async (person: Person, id: string): Promise<readonly { kind: string; title: string }[]> => {
  const { data } = (await person.api('GET', '/api/notifications?limit=200')).body;
  return data.filter(({ about }: { about: { id: string } }) => about.id === id);
};

describe('a task', () => {
  it('is claimed, written, discussed and finished, and keeps every version with its author', async () => {
    const id = await opened();
    expect(await shown(id)).toMatchObject({ status: 'OPEN', draftVersion: 1, holder: null, roles: ['LEGAL'] });
    expect((await say(legal, id, 'draft', { draft: 'x' })).body.detail).toContain('claim it first');
    const claimed = await say(legal, id, 'claim');
    expect(claimed.body.data).toMatchObject({ status: 'CLAIMED', holder: { userId: legal.id } });
    expect(claimed.headers.get('etag')).toBe('"2"');
    expect((await say(legal, id, 'draft', { draft: '# Second\r\nversion' })).status).toBe(200);
    expect((await say(counsel, id, 'comments', { text: 'Leave the number out.' })).status).toBe(200);
    expect((await say(legal, id, 'finish', { note: 'released at noon' })).body.data).toMatchObject({
      status: 'DONE',
      ended: { how: 'DONE', by: legal.id, why: 'released at noon' },
    });
    const { draft, history } = await shown(id, legal);
    expect(draft).toMatchObject({ version: 2, text: '# Second\nversion', by: legal.id });
    expect(history).toMatchObject([
      { type: 'task.opened', by: lead.id, draft: DRAFT, draftVersion: 1 },
      { type: 'task.claimed', by: legal.id, userId: legal.id },
      { type: 'task.draft_saved', by: legal.id, draftVersion: 2 },
      { type: 'task.commented', by: counsel.id, text: 'Leave the number out.' },
      { type: 'task.done', note: 'released at noon' },
    ]);
    for (const [what, body] of CHANGES) {
      expect([what, (await say(legal, id, what, body)).status]).toEqual([what, 409]);
    }
  });

  it('is changed only as the version that was looked at', async () => {
    const id = await opened();
    expect((await say(legal, id, 'claim', {}, { 'if-match': '"7"' })).body.code).toBe('stale_version');
    const tries = await Promise.all(
      [legal, counsel].map((person) => say(person, id, 'claim', {}, { 'if-match': '"1"' })),
    );
    expect(tries.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect((await shown(id)).history).toHaveLength(2);
  });

  it('is handed over by who has it, taken over by who leads, and dropped with a reason', async () => {
    const id = await opened();
    await say(legal, id, 'claim');
    expect((await say(counsel, id, 'claim')).body.detail).toContain(legal.id);
    expect((await say(counsel, id, 'release')).status).toBe(409);
    expect((await say(counsel, id, 'drop', { reason: 'x' })).status).toBe(409);
    expect((await say(legal, id, 'assign', { userId: counsel.id })).body.data.holder.userId).toBe(counsel.id);
    await until('the one who was given it hears of it', async () =>
      (await noticesOf(counsel, id)).some(({ kind }) => kind === 'task.assigned') ? true : null,
    );
    expect((await say(lead, id, 'claim')).body.data.holder.userId).toBe(lead.id);
    expect((await say(lead, id, 'release')).body.data).toMatchObject({ status: 'OPEN', holder: null });
    expect((await say(lead, id, 'release')).status).toBe(409);
    expect((await say(lead, id, 'drop', { reason: 'nobody asked' })).body.data.status).toBe('DROPPED');
  });

  it('tells those whom it is for, and nobody else', async () => {
    const id = await opened();
    for (const person of [legal, counsel])
      await until('they hear of it', async () =>
        (await noticesOf(person, id)).some(({ kind }) => kind === 'task.opened') ? true : null,
      );
    expect(await noticesOf(analyst, id)).toEqual([]);
  });
});

describe('a playbook that asks for a statement', () => {
  it('opens one task for its action with the draft, for those whom it is for, and tells them once', async () => {
    const message = 'About {{event.what}}';
    const prepare = { actionId: 'pr', actionType: 'PR_PREP', parameters: { message } };
    expect((await house.admin.api('POST', BASE, byHand('pr', [prepare]))).status).toBe(201);
    const trigger = { playbookId: 'pr', userId: 'u1', triggerEvent: { what: 'a leak \u202e \u0007 # x' } };
    const run = await house.admin.api('POST', `${BASE}/executions/trigger`, trigger);
    const { id, incidentId, status } = await house.settled(run.body.data.executionId);
    expect(status).toBe('COMPLETED');
    const { data } = (await legal.api('GET', `${TASKS}?executionId=${id}`)).body;
    expect(data).toMatchObject([
      {
        title: 'Prepare what is said about an incident',
        status: 'OPEN',
        roles: ['CISO', 'COMPLIANCE_OFFICER', 'LEGAL'],
        origin: { kind: 'action', incidentId, executionId: id, actionId: 'pr' },
        openedBy: 'engine',
      },
    ]);
    expect((await shown(data[0].id, legal)).draft.text).toMatch(/^About a leak \ufffd +# x$/);
    expect((await analyst.api('GET', `${TASKS}?incidentId=${incidentId}`)).body.total).toBe(0);
    const notices = (await legal.api('GET', '/api/notifications?limit=200')).body.data;
    const mine = notices.filter((notice: object) => JSON.stringify(notice).includes(data[0].id));
    expect(mine.map(({ kind }: { kind: string }) => kind)).toEqual(['execution.told']);
  });
});

/** Every change of a task, valid by itself. */
const CHANGES: readonly (readonly [string, object])[] = [
  ['claim', {}],
  ['release', {}],
  ['draft', { draft: 'mine now' }],
  ['due', { dueAt: new Date(STARTED_AT + 100 * HOUR).toISOString() }],
  ['comments', { text: 'hello' }],
  ['finish', { note: 'all well' }],
  ['drop', { reason: 'not needed' }],
];

describe('who it is not for', () => {
  it('does not learn of it, and changes nothing of it', async () => {
    const id = await opened();
    const before = await shown(id);
    expect((await analyst.api('GET', `${TASKS}/${id}`)).body).toMatchObject({ code: 'not_found' });
    const unknown = (await analyst.api('GET', `${TASKS}/tsk_none`)).body.detail?.replace('tsk_none', id);
    expect((await analyst.api('GET', `${TASKS}/${id}`)).body.detail).toBe(unknown);
    for (const [what, body] of [...CHANGES, ['assign', { userId: analyst.id }] as const])
      expect([what, (await say(analyst, id, what, body)).status]).toEqual([what, 404]);
    const listed = (await analyst.api('GET', `${TASKS}?limit=200`)).body.data;
    expect(listed.map((task: { id: string }) => task.id)).not.toContain(id);
    expect((await analyst.api('GET', `${TASKS}?role=LEGAL`)).body.total).toBe(0);
    expect(await shown(id)).toEqual(before);
  });

  it('is an auditor who sees all of it and may change nothing', async () => {
    const id = await opened();
    expect((await shown(id, auditor)).draft.text).toBe(DRAFT);
    for (const [what, body] of CHANGES)
      expect([what, (await say(auditor, id, what, body)).status]).toEqual([what, 403]);
  });

  it('is not let in by a role of the organisation with the operation alone', async () => {
    const role = { name: 'TASK_HANDS', operations: ['task.read', 'task.work'] };
    expect((await house.admin.api('POST', '/api/roles', role)).status).toBe(201);
    const user = { name: 'Robot', kind: 'service', roles: ['TASK_HANDS', 'LEGAL'] };
    const robot = await house.admin.api('POST', '/api/users', user);
    const key = await house.admin.api('POST', '/api/keys', { userId: robot.body.data.id, name: 'k' });
    const api = house.apiOf(key.body.data.secret);
    const id = await opened();
    const [forHands, forLegal] = [await opened({ roles: ['TASK_HANDS'] }), id];
    expect((await api('GET', `${TASKS}/${forHands}`)).status).toBe(200);
    // A service account works on nothing, whatever its roles are.
    for (const each of [forHands, forLegal]) expect((await api('POST', `${TASKS}/${each}/claim`)).status).toBe(403);
    const hand = await house.person('SECURITY_ANALYST');
    await house.admin.api('PATCH', `/api/users/${hand.id}`, { roles: ['TASK_HANDS'] });
    expect((await say(hand, forLegal, 'claim')).status).toBe(404);
    expect((await say(hand, forHands, 'claim')).status).toBe(200);
  });

  it('is nobody whom the task can be given to', async () => {
    const id = await opened();
    await say(lead, id, 'claim');
    const gone = await house.person('LEGAL');
    await house.admin.api('PATCH', `/api/users/${gone.id}`, { disabled: true });
    for (const userId of [analyst.id, auditor.id, gone.id, 'usr_nobody'])
      expect((await say(lead, id, 'assign', { userId })).body).toMatchObject({
        code: 'invalid_task',
        errors: [{ pointer: '/userId' }],
      });
  });
});

describe('its time', () => {
  it('is reminded of before it is over and told when it is, each once', async () => {
    const id = await opened({ dueAt: new Date(STARTED_AT + 1.5 * HOUR).toISOString() });
    await say(legal, id, 'claim');
    await until('both are told', async () =>
      (await noticesOf(legal, id)).filter(({ kind }) => kind === 'task.reminded').length === 2 ? true : null,
    );
    const kinds = (await noticesOf(lead, id)).filter(({ kind }) => kind === 'task.reminded');
    expect(kinds.map(({ title }) => title)).toEqual(['A task is overdue: Say something']);
    expect(await shown(id)).toMatchObject({ overdue: true });
    const overdue = (await legal.api('GET', `${TASKS}?overdue=true&mine=true`)).body.data;
    expect(overdue.map((task: { id: string }) => task.id)).toEqual([id]);
    await say(legal, id, 'due', { dueAt: null });
    expect(await shown(id)).toMatchObject({ overdue: false, dueAt: null });
    const reminders = (await shown(id)).history.filter(({ type }: { type: string }) => type === 'task.reminded');
    expect(reminders.map(({ mark }: { mark: string }) => mark)).toEqual(['soon', 'due']);
  });
});

describe('what is refused', () => {
  it('names the member and the fix', async () => {
    const good = { title: 'x', draft: DRAFT, roles: ['LEGAL'] };
    const tries: readonly (readonly [object, number, string])[] = [
      [{ ...good, roles: ['LEGALS'] }, 422, 'Is it LEGAL'],
      [{ ...good, roles: [] }, 400, '/roles'],
      [{ ...good, roles: ['__proto__'] }, 400, '/roles/0'],
      [{ ...good, title: 'two\nlines' }, 422, 'one line'],
      [{ ...good, title: '   ' }, 422, 'says nothing'],
      [{ ...good, draft: 'bell \u0007' }, 422, 'control character'],
      [{ ...good, draft: 'a \u202e b' }, 422, 'turns the direction'],
      [{ ...good, draft: 'x'.repeat(20_001) }, 400, '/draft'],
      [{ ...good, dueAt: '2020-01-01T00:00:00Z' }, 422, 'lies in the past'],
      [{ ...good, dueAt: '2999-01-01T00:00:00Z' }, 422, 'more than a year'],
      [{ ...good, incidentId: 'inc_nobody' }, 404, 'There is no incident'],
      [{ ...good, origin: { kind: 'action' } }, 400, 'origin'],
    ];
    for (const [body, status, says] of tries) {
      const reply = await lead.api('POST', TASKS, body);
      expect([reply.status, reply.text]).toEqual([status, expect.stringContaining(says)]);
    }
  });
});

describe('the commands', () => {
  async function said(person: Person, ...words: readonly string[]): Promise<string> {
    const readInput = () => Promise.resolve(new Uint8Array(Buffer.from(DRAFT)));
    const io = { ...testIo({ FIREBREAK_API_KEY: person.key }), readInput };
    const program = new Command('firebreak').exitOverride();
    addTaskCommands({ program, io, exitWith: async (answer) => void (await answer) });
    await program.parseAsync(['tasks', ...words, '--url', house.url], { from: 'user' });
    return io.said();
  }

  it('lead from a task that is opened to one that is done', async () => {
    const line = await said(lead, 'open', 'Call the press', '-', '--role', 'legal', 'ciso');
    const id = /^tsk_\S+/.exec(line)?.[0] ?? '';
    expect(line).toContain('OPEN');
    expect(await said(legal, 'claim', id, '--if-version', '1')).toContain(`CLAIMED by ${legal.id}`);
    await expect(said(legal, 'comment', id, '--text', 'late', '--if-version', '1')).rejects.toMatchObject({
      code: 'stale_version',
    });
    expect(await said(legal, 'comment', id, '--text', 'on it')).toContain('version    3');
    expect(await said(legal, 'due', id, 'never')).not.toContain('due ');
    expect(await said(legal, 'assign', id, '--to', counsel.id)).toContain(`CLAIMED by ${counsel.id}`);
    expect(await said(counsel, 'draft', id, '-')).toContain('draft 2');
    expect(await said(counsel, 'show', id)).toContain('We are aware of an incident.');
    expect(await said(counsel, 'list', '--mine')).toContain('1 in all');
    expect(await said(counsel, 'finish', id, '--note', 'called')).toContain(`DONE by ${counsel.id}: called`);
    await expect(said(counsel, 'drop', id, '--reason', 'x')).rejects.toMatchObject({ code: 'conflict' });
    await expect(said(analyst, 'show', id)).rejects.toMatchObject({ code: 'not_found' });
    const other = /^tsk_\S+/.exec(await said(lead, 'open', 'Another', '-', '--role', 'LEGAL'))?.[0] ?? '';
    await said(lead, 'claim', other);
    expect(await said(lead, 'release', other)).toContain('OPEN');
    expect(await said(lead, 'drop', other, '--reason', 'twice')).toContain('DROPPED by');
  });
});

it('is in records that verify, rows included', async () => {
  await opened();
  expect(await verified(house.dataDir)).toMatchObject({ intact: true });
});
