import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addLawfulBasisCommands } from '../../src/cli/lawful-basis-commands.ts';
import { BASE, byHand } from '../support/playbooks.ts';
import { startHarness, testIo, verified, type Harness, type Person } from '../support/server.ts';

/** By what right personal data are touched, over a real server: said where it is not required, refused where it is. */

const PATH = '/api/lawful-basis';
const COLLECT = {
  actionId: 'collect',
  actionType: 'PRESERVE_ARTIFACTS',
  target: 'host-1',
  parameters: { paths: ['/tmp/a.log'] },
};
const ENTRY = {
  id: 'forensics',
  actionTypes: ['PRESERVE_ARTIFACTS'],
  artifactKinds: ['file', 'email'],
  basis: 'legitimate-interests',
  exception: 'f',
  agreement: 'Works agreement 2024-3',
  note: 'Balanced on 2026-01-10: incidents only, need to know, kept for a year.',
  decidedBy: 'Data protection officer',
  decidedOn: '2026-01-10',
  reviewOn: '2026-02-01',
};

let house: Harness;
let strict: Harness;
let officer: Person;
beforeAll(async () => {
  [house, strict] = await Promise.all([startHarness(), startHarness({ env: { LAWFUL_BASIS_REQUIRED: 'on' } })]);
  officer = await house.person('COMPLIANCE_OFFICER');
  for (const each of [house, strict]) {
    const host = { id: 'host-1', segmentId: 'seg-1', files: [{ path: '/tmp/a.log', text: 'who was here' }] };
    await each.sandbox.call('POST', '/seed', { segments: [{ id: 'seg-1' }], hosts: [host] });
    expect((await each.admin.api('POST', BASE, byHand('collect', [COLLECT]))).text).toContain('"success":true');
  }
});
afterAll(() => Promise.all([house.stop(), strict.stop()]));

const trigger = (at: Harness, more: object = {}) =>
  at.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'collect', userId: 'u1', ...more });
const handIn = (at: Harness, query: string) =>
  at.admin.api('POST', `/api/evidence?${query}`, 'bytes', { 'content-type': 'application/octet-stream' });

async function run(person: Person, words: readonly string[], input = '') {
  let code = -1;
  const readInput = () => Promise.resolve(new Uint8Array(Buffer.from(input)));
  const io = { ...testIo({ FIREBREAK_API_KEY: person.key }), readInput };
  const program = new Command('firebreak').exitOverride();
  addLawfulBasisCommands({ program, io, exitWith: async (answer) => void (code = await answer) });
  await program.parseAsync(['lawful-basis', ...words, '--url', house.url], { from: 'user' });
  return { code, said: io.said() };
}

describe('where none is on record', () => {
  it('the plan and the start say so, and what is taken says that there was none', async () => {
    expect((await officer.api('GET', PATH)).body.data).toMatchObject({ entries: [], version: 0, required: false });
    const planned = await trigger(house, { dryRun: true });
    expect(planned.body.warnings).toEqual([expect.stringContaining('PRESERVE_ARTIFACTS touches personal data')]);
    const started = await trigger(house);
    expect(started.body.warnings).toEqual(planned.body.warnings);
    const { id, status } = await house.settled(started.body.data.executionId);
    expect(status).toBe('COMPLETED');
    const [taken] = (await officer.api('GET', `/api/evidence?executionId=${id}`)).body.data;
    expect(taken.acquisition.lawfulBasis).toBeNull();
    expect(await run(officer, ['show'])).toMatchObject({
      code: 1,
      said: expect.stringContaining('UNDECIDED  TRIGGER_FORENSIC_IMAGING'),
    });
  });

  it('nothing personal is taken where one is required, and what is not personal still is', async () => {
    for (const reply of [await trigger(strict), await trigger(strict, { dryRun: true })])
      expect([reply.status, reply.body.code]).toEqual([409, 'lawful_basis_missing']);
    expect((await handIn(strict, 'kind=file&name=a&personal=true')).body.code).toBe('lawful_basis_missing');
    expect((await handIn(strict, 'kind=file&name=b&personal=false')).status).toBe(201);
    expect((await strict.admin.api('GET', '/api/evidence')).body.total).toBe(1);
  });
});

describe('what starts by itself where one is required', () => {
  const RUNBOOK = `metadata:
  owner: soc
playbooks:
  low:
    name: Collect
    steps:
      - action: isolate_host
        target: "{{event.host_id}}"
        rollback: restore_host
        requires_approval: false
        preserve_artifacts: ["/tmp/a.log"]
`;

  it('does everything but take personal data', async () => {
    const put = await strict.admin.api('PUT', '/api/runbooks/low', RUNBOOK, { 'content-type': 'application/yaml' });
    expect(put.text).toContain('"success":true');
    const time = new Date().toISOString();
    const event = { id: 'a1', kind: 'alert', action: 'edr.alert', subject: 'eve', severity: 'LOW', host_id: 'host-1' };
    await strict.admin.api('POST', '/api/events?format=firebreak', { ...event, time });
    const [incident] = (await strict.admin.api('GET', '/api/incidents?userId=eve')).body.data;
    const [execution] = (await strict.admin.api('GET', `/api/incidents/${incident.id}`)).body.data.executions;
    const { status, stages } = await strict.settled(execution.id);
    const actions = stages.flatMap((stage: { actions: object[] }) => stage.actions);
    expect([status, ...actions]).toMatchObject([
      expect.stringMatching(/^(PARTIALLY_COMPLETED|FAILED)$/),
      expect.anything(),
      expect.anything(),
    ]);
    const statuses = actions.map((each: { actionType: string; status: string }) => `${each.actionType} ${each.status}`);
    expect(statuses.toSorted()).toEqual(['ISOLATE_HOST SUCCESS', 'PRESERVE_ARTIFACTS FAILED']);
    expect(JSON.stringify(actions)).toContain('"reason":"lawful_basis_missing"');
    expect((await strict.admin.api('GET', `/api/evidence?executionId=${execution.id}`)).body.total).toBe(0);
  });
});

describe('a decision', () => {
  it('is a version that people can be asked about, and is pinned into what is taken under it', async () => {
    const saved = await run(officer, ['set', 'bases.json', '--if-version', '0'], JSON.stringify({ entries: [ENTRY] }));
    expect(saved.said).toContain('forensics  legitimate-interests  PRESERVE_ARTIFACTS, file, email');
    expect(saved.said).toContain('TO REVIEW');
    const stale = run(officer, ['set', 'bases.json', '--if-version', '0'], JSON.stringify({ entries: [] }));
    await expect(stale).rejects.toMatchObject({ code: 'stale_version' });
    expect((await trigger(house, { dryRun: true })).body.warnings).toBeUndefined();
    const { id } = await house.settled((await trigger(house)).body.data.executionId);
    const [taken] = (await officer.api('GET', `/api/evidence?executionId=${id}`)).body.data;
    const pinned = {
      entryId: 'forensics',
      version: 1,
      basis: 'legitimate-interests',
      exception: 'f',
      agreement: 'Works agreement 2024-3',
    };
    expect(taken.acquisition.lawfulBasis).toEqual(pinned);
    // What comes later changes nothing of what was done.
    expect((await officer.api('PUT', PATH, { entries: [] })).body.data.version).toBe(2);
    expect((await officer.api('GET', `/api/evidence/${taken.id}`)).body.data.acquisition.lawfulBasis).toEqual(pinned);
    expect(await verified(house.dataDir)).toMatchObject({ intact: true });
  });

  it('is refused with the member and the fix, and is for those who answer for it', async () => {
    const tries: readonly (readonly [unknown, string])[] = [
      [[ENTRY, { ...ENTRY, id: 'again' }], '/entries/1/actionTypes/0'],
      [[ENTRY, { ...ENTRY, actionTypes: [], artifactKinds: ['screenshot'] }], '/entries/1/id'],
      [[{ ...ENTRY, basis: 'because' }], '/entries/0/basis'],
      [[{ ...ENTRY, exception: 'z' }], '/entries/0/exception'],
      [[{ ...ENTRY, note: ' ' }], '/entries/0/note'],
      [[{ ...ENTRY, decidedOn: '2026-02-30' }], '/entries/0/decidedOn'],
      [[{ ...ENTRY, reviewOn: '2025-01-01' }], '/entries/0/reviewOn'],
      [[{ ...ENTRY, basis: 'consent', agreement: null }], '/entries/0/agreement'],
      [[{ ...ENTRY, actionTypes: [], artifactKinds: [] }], '/entries/0/actionTypes'],
      [[{ ...ENTRY, actionTypes: ['LAUNCH'] }], '/entries/0/actionTypes/0'],
      [[{ ...ENTRY, colour: 'red' }], '/entries/0/colour'],
      [Array.from({ length: 65 }, (_, index) => ({ ...ENTRY, id: `e${index}` })), '/entries'],
    ];
    for (const [entries, pointer] of tries) {
      const { status, body } = await officer.api('PUT', PATH, { entries });
      expect([status, body.errors?.map((fault) => fault.pointer)]).toEqual([422, expect.arrayContaining([pointer])]);
    }
    const analyst = await house.person('SECURITY_ANALYST');
    expect((await analyst.api('PUT', PATH, { entries: [] })).status).toBe(403);
    expect((await analyst.api('GET', PATH)).status).toBe(200);
  });

  it('lets what requires it go on', async () => {
    expect((await strict.admin.api('PUT', PATH, { entries: [ENTRY] })).status).toBe(200);
    expect((await handIn(strict, 'kind=file&name=a&personal=true')).body.data.acquisition.lawfulBasis.entryId).toBe(
      'forensics',
    );
    expect((await handIn(strict, 'kind=memory-image&name=a&personal=true')).body.code).toBe('lawful_basis_missing');
    const { status } = await strict.settled((await trigger(strict)).body.data.executionId);
    expect(status).toBe('COMPLETED');
  });
});
