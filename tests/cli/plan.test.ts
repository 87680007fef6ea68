import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planCommand } from '../../src/cli/plan.ts';
import { triggerPlanCommand } from '../../src/cli/trigger-plan.ts';
import { contentHash } from '../../src/platform/hash.ts';
import { BASE, byHand, NOTIFY, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { nothingOwed } from '../support/journal-rows.ts';
import { type Harness, type Person, startHarness, testIo, until } from '../support/server.ts';

let house: Harness;
let planner: Person;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-plans-'));
  house = await startHarness();
  planner = await house.person('SECURITY_ANALYST');
  for (const playbook of [
    byHand('block', [
      { ...NOTIFY, parameters: { title: 'x', message: '{{event.why}} in {{incident.id}}' } },
      SUSPEND_APPROVED,
    ]),
    byHand('idle', [{ ...NOTIFY, condition: 'incident.confidence < 10' }]),
  ])
    expect((await house.admin.api('POST', BASE, playbook)).status).toBe(201);
});
afterAll(async () => {
  await house.stop();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => join(folder, name);

/** Makes a plan; answers with the exit code, what was said, and the file. */
async function plan(name: string, more: Partial<Parameters<typeof planCommand>[0]> = {}) {
  const io = testIo({ FIREBREAK_API_KEY: planner.key });
  writeFileSync(at('event.json'), JSON.stringify({ why: 'two places at once' }));
  const files = { event: at('event.json'), out: at(name) };
  const code = await planCommand(
    { url: house.url, json: false, playbook: 'block', user: 'anna', ...files, ...more },
    io,
  );
  return { code, said: io.said(), file: readFileSync(at(name), 'utf8') };
}

async function trigger(name: string, person = planner): Promise<string> {
  const io = testIo({ FIREBREAK_API_KEY: person.key });
  expect(await triggerPlanCommand({ url: house.url, json: false, plan: at(name) }, io)).toBe(0);
  return io.said().trim();
}

describe('plan', () => {
  it('says whom, what, who is asked and what can be undone, and stores nothing', async () => {
    await until('nothing is owed', async () => (nothingOwed(house.database()) ? true : null));
    const before = house.counts();
    const { code, said, file } = await plan('shown.json');
    expect(code).toBe(2);
    for (const part of [
      'ACCOUNT_SUSPEND by sandbox on anna',
      'asks 2: 1 of INCIDENT_COMMANDER, 1 of SECURITY_ADMIN',
      'undo',
      'runs; asks nobody',
    ])
      expect(said).toContain(part);
    const { plan: document, sha256 } = JSON.parse(file);
    expect(contentHash(document)).toBe(sha256);
    expect(said).toContain(`plan ${sha256}`);
    expect(house.counts()).toEqual(before);
  });

  it('is the same, byte for byte, whenever it is made, and another one for another input', async () => {
    const first = await plan('first.json', { reference: 'T-1' });
    expect((await plan('again.json', { reference: 'T-1' })).file).toBe(first.file);
    expect((await plan('other.json', { reference: 'T-2' })).file).not.toBe(first.file);
    expect((await plan('bela.json', { reference: 'T-1', user: 'bela' })).file).not.toBe(first.file);
  });

  it('ends with 0 where nothing would be done', async () => {
    const { code, said } = await plan('idle.json', { playbook: 'idle' });
    expect([code, said.includes('does not run: its condition is false')]).toEqual([0, true]);
  });

  it('of an unknown playbook is an error with the server’s sentence', async () => {
    await expect(plan('none.json', { playbook: 'nope' })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('trigger --plan', () => {
  it('does exactly that, once, and everybody who is asked sees which plan it was', async () => {
    const { file } = await plan('run.json', { reference: 'T-3' });
    const { sha256 } = JSON.parse(file);
    const executionId = await trigger('run.json');
    const [approval] = await until('it asks', async () => {
      const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`);
      return body.data.length > 0 ? body.data : null;
    });
    expect(approval.planSha256).toBe(sha256);
    const { body } = await house.admin.api('GET', `${BASE}/executions/${executionId}`);
    expect(body.data).toMatchObject({ planSha256: sha256, planHash: JSON.parse(file).plan.planHash });
    await expect(trigger('run.json')).rejects.toMatchObject({ code: 'conflict' });
    await expect(trigger('run.json', house.admin)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is refused when something else would be done now, and when the file was changed', async () => {
    const { file } = await plan('stale.json', { reference: 'T-4' });
    const current = await house.admin.api('GET', `${BASE}/block`);
    const etag = { 'if-match': current.headers.get('etag') ?? '' };
    expect((await house.admin.api('PUT', `${BASE}/block`, { description: 'changed' }, etag)).status).toBe(200);
    await expect(trigger('stale.json')).rejects.toMatchObject({ code: 'stale_version' });
    const forged = JSON.parse(file);
    forged.plan.input.userId = 'bela';
    writeFileSync(at('forged.json'), JSON.stringify(forged));
    await expect(trigger('forged.json')).rejects.toMatchObject({ code: 'invalid_request' });
    forged.sha256 = contentHash(forged.plan);
    writeFileSync(at('forged.json'), JSON.stringify(forged));
    await expect(trigger('forged.json')).rejects.toMatchObject({ code: 'stale_version' });
    writeFileSync(at('forged.json'), '{"plan":');
    await expect(trigger('forged.json')).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
