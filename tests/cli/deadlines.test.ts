import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDeadlineCommands } from '../../src/cli/deadline-commands.ts';
import { startHarness, testIo, type Harness, type Person } from '../support/server.ts';

/** Clocks from the words on the command line on, over a real server. */

const HOUR = 3_600_000;
const ago = (hours: number): string => new Date(Date.now() - hours * HOUR).toISOString();
const GRANT = ['--reason', 'agreed by telephone', '--approver', 'Grace'];

let house: Harness;
let officer: Person;
let incidentId: string;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true });
  officer = await house.person('COMPLIANCE_OFFICER');
  const event = { id: 'a1', kind: 'alert', action: 'edr.alert', subject: 'ana', severity: 'HIGH', time: ago(0) };
  await house.admin.api('POST', '/api/events', event);
  incidentId = (await house.admin.api('GET', '/api/incidents?userId=ana')).body.data[0].id;
});
afterAll(() => house.stop());

/** What was printed and the exit code of a command; `input` is what stands in every file. */
async function run(words: readonly string[], input = '', person = officer) {
  let code = -1;
  const readInput = () => Promise.resolve(new Uint8Array(Buffer.from(input)));
  const io = { ...testIo({ FIREBREAK_API_KEY: person.key }), readInput };
  const program = new Command('firebreak').exitOverride().configureOutput({ writeErr: () => undefined });
  addDeadlineCommands({ program, io, exitWith: async (answer) => void (code = await answer) });
  await program.parseAsync(['deadlines', ...words, '--url', house.url], { from: 'user' });
  return { code, said: io.said() };
}
const said = async (...words: readonly string[]): Promise<string> => (await run(words)).said;

describe('a clock', () => {
  it('is extended, paused and goes on, each with a reason and who agreed', async () => {
    const began = ['--event', 'aware', '--at', ago(1), '--reason', 'seen'];
    const started = JSON.parse(await said('start', 'uk-gdpr-33', '--incident', incidentId, ...began, '--json'));
    const until = new Date(Date.now() + 100 * HOUR).toISOString();
    const extended = await said('extend', started.id, 'notification', '--until', until, ...GRANT, '--reference', 'T-1');
    expect(extended).toContain('Extended to');
    const earlier = run(['extend', started.id, 'notification', '--until', ago(0), ...GRANT]);
    await expect(earlier).rejects.toMatchObject({ code: 'invalid_deadline', faults: [{ pointer: '/until' }] });
    expect(await said('pause', started.id, ...GRANT)).toContain(`${started.id} PAUSED`);
    await expect(run(['pause', started.id, ...GRANT])).rejects.toMatchObject({ code: 'conflict' });
    expect(await said('resume', started.id, ...GRANT)).toContain(`${started.id} RUNNING`);
    const { history } = (await officer.api('GET', `/api/deadlines/${started.id}`)).body.data;
    expect(history.slice(1)).toMatchObject([
      { type: 'deadline.extended', approver: 'Grace', reference: 'T-1', reason: 'agreed by telephone' },
      { type: 'deadline.paused', approver: 'Grace', reference: null },
      { type: 'deadline.resumed', approver: 'Grace' },
    ]);
    await expect(run(['pause', started.id, '--reason', 'x'])).rejects.toThrow('approver');
  });
});

describe('what holds here', () => {
  it('is shown with open questions first, set from a file, and given back to the server as it was shown', async () => {
    expect((await said('settings', 'show')).split('\n')[0]).toBe('version    0');
    const file = 'answers: { eu_personal_data: "yes", nis2_entity: "no" }\n';
    const set = await run(['settings', 'set', 'settings.yaml', '--if-version', '0'], file);
    expect(set.said).toContain('version    1');
    expect(set.said).toContain('YES  eu_personal_data: Does it decide');
    expect(set.said.indexOf('UNKNOWN  ')).toBeLessThan(set.said.indexOf('YES  '));
    const shown = await said('settings', 'show', '--json');
    const stale = run(['settings', 'set', 'settings.json', '--if-version', '0'], shown);
    await expect(stale).rejects.toMatchObject({ code: 'stale_version' });
    expect((await run(['settings', 'set', 'settings.json', '--if-version', '1'], shown)).said).toContain(
      'version    2',
    );
    for (const [text, code] of [
      ['answers: { pets: "yes" }', 'invalid_deadline'],
      ['- a list', 'invalid_deadline'],
      ['a: [', 'invalid_deadline'],
      ['a: \ud800', 'invalid_deadline'],
    ] as const)
      await expect(run(['settings', 'set', '-'], text)).rejects.toMatchObject({ code });
  });

  it('switches rules that were looked up', async () => {
    const looked = ['--reason', 'read', '--reference', 'ISG'];
    expect(await said('confirm', 'ch-isg', ...looked)).toBe('ch-isg  on\n');
    expect(await said('confirm', 'ch-isg', ...looked, '--off')).toBe('ch-isg  off\n');
    const relief = run(['confirm', 'ch-isg', ...looked, '--what', 'regulation_1182_71']);
    await expect(relief).rejects.toMatchObject({ code: expect.stringMatching(/^invalid_/) });
  });
});

describe('which rules apply', () => {
  it('is said with the reason of each, and answered question by question', async () => {
    const first = await run(['applicability', incidentId]);
    expect(first).toMatchObject({ code: 1, said: expect.stringContaining('gdpr-33  UNDECIDED  Not answered') });
    const answered = await run(['answer', incidentId, 'personal_data=yes', 'risk_unlikely=no']);
    expect(answered.said).toContain('gdpr-33  APPLIES');
    expect(await said('applicability', incidentId)).toContain('nis2  DOES_NOT_APPLY');
    await expect(run(['answer', incidentId, 'personal_data'])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(run(['answer', incidentId, '__proto__=yes'])).rejects.toMatchObject({ code: 'invalid_request' });
    const unknown = run(['answer', incidentId, 'pets=yes']);
    await expect(unknown).rejects.toMatchObject({ code: 'invalid_deadline', faults: [{ pointer: '/pets' }] });
    await expect(run(['applicability', 'inc_none'])).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the register of breaches', () => {
  it('is a table, JSON or CSV, and an entry says what is missing', async () => {
    expect(await run(['register', 'show', incidentId])).toMatchObject({
      code: 1,
      said: expect.stringContaining('MISSING'),
    });
    const entry = 'facts: =1+1 a list was sent\neffects: twelve names\nremedialAction: called back\nnotified: "yes"\n';
    expect(await run(['register', 'set', incidentId, 'entry.yaml', '--if-version', '1'], entry)).toMatchObject({
      code: 0,
      said: expect.stringContaining('twelve names'),
    });
    const stale = run(['register', 'set', incidentId, '-', '--if-version', '1'], entry);
    await expect(stale).rejects.toMatchObject({ code: 'stale_version' });
    expect(await said('register', 'list')).toContain(`${incidentId}  opened `);
    expect(JSON.parse(await said('register', 'list', '--format', 'json'))).toMatchObject({
      total: 1,
      entries: [{ incidentId, effects: 'twelve names' }],
    });
    const csv = await said('register', 'list', '--format', 'csv');
    expect(csv.split('\r\n')[0]).toContain('"incidentId","openedAt","facts"');
    expect(csv).toContain("'=1+1 a list was sent");
    await expect(run(['register', 'show', 'inc_none'])).rejects.toMatchObject({ code: 'not_found' });
    const analyst = await house.person('SECURITY_ANALYST');
    const refused = run(['register', 'list', '--format', 'csv'], '', analyst);
    await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
  });
});
