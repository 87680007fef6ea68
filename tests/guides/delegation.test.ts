import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { type Harness, startHarness } from '../support/server.ts';

/** The commands of the guide, run as they stand there, in one shell. */

const GUIDE = 'docs/guides/delegation.md';
const commands = [...readFileSync(GUIDE, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);

let house: Harness;
let folder: string;
beforeAll(async () => {
  house = await startHarness();
  folder = mkdtempSync(join(tmpdir(), 'firebreak-guide-'));
});
afterAll(async () => {
  await house.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the guide to delegation', () => {
  it('does what it says', async () => {
    expect(commands.length).toBe(4);
    const [carla, dan] = [await house.person('CISO'), await house.person('IR_LEAD')];
    await house.admin.api('POST', BASE, byHand('suspends', [{ ...SUSPEND, requiresApproval: false }]));
    const gate = { gateName: 'two', requiredApprovers: 2, approvalRoles: [{ role: 'CISO' }] };
    const policy = { name: 'Two', scope: 'ALL_PLAYBOOKS', policyGates: [gate] };
    await house.admin.api('POST', `${BASE}/policies`, policy);
    const run = { playbookId: 'suspends', userId: 'anna' };
    const started = await house.admin.api('POST', `${BASE}/executions/trigger`, run);
    await house.settled(started.body.data.executionId);
    const env = {
      ...process.env,
      FIREBREAK_URL: house.url,
      ADMIN_KEY: house.admin.key,
      CARLA_KEY: carla.key,
      DAN_KEY: dan.key,
      DAN_ID: dan.id,
    };
    await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', commands.join('\n')], { cwd: folder, env });
    const said = (file: string) => JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')).data;
    expect(said('delegation')).toMatchObject({ status: 'ACTIVE', delegatorId: carla.id, roles: ['CISO'] });
    expect(said('voted')).toMatchObject({ status: 'PENDING', votes: [{ onBehalfOf: { userId: carla.id } }] });
    expect(said('withdrawn')).toMatchObject({ votes: [], withdrawn: [{ withdrawnWhy: 'another look' }] });
    expect(said('revoked')).toMatchObject({ status: 'REVOKED', revoked: { by: carla.id, reason: 'back again' } });
    expect(said('schedule')).toMatchObject({ id: 'primary', version: 1 });
    expect(said('who')).toMatchObject({ onCall: [dan.id], by: 'layer 1' });
  });
});
