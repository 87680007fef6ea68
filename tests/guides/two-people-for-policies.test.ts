import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Harness, startHarness } from '../support/server.ts';

/** The commands of the guide, run as they stand there, in one shell. */

const GUIDE = 'docs/guides/two-people-for-policies.md';
const commands = [...readFileSync(GUIDE, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);

let house: Harness;
let folder: string;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true, env: { POLICY_CHANGES_BY_TWO: 'on' } });
  folder = mkdtempSync(join(tmpdir(), 'firebreak-guide-'));
});
afterAll(async () => {
  await house.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function ownKey(): Promise<string> {
  const { api } = await house.person('CISO');
  return (await api('POST', '/api/keys', { name: 'own' })).body.data.secret;
}

describe('the guide to two people for policies', () => {
  it('does what it says', async () => {
    expect(commands.length).toBe(2);
    const gate = { gateName: 'suspensions', approvalRoles: [{ role: 'CISO' }] };
    const { body } = await house.admin.api('POST', '/api/incident-playbooks/policies', {
      name: 'p',
      policyGates: [gate],
    });
    const env = {
      ...process.env,
      FIREBREAK_URL: house.url,
      POLICY_ID: String(body.data.id),
      GRACE_KEY: await ownKey(),
      LINUS_KEY: await ownKey(),
    };
    await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', commands.join('\n')], { cwd: folder, env });
    const said = (file: string) => JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')).data;
    expect(said('proposed')).toMatchObject({
      status: 'PROPOSED',
      weakens: ['the gate "suspensions" does not ask any more'],
    });
    expect(said('unchanged')).toMatchObject({ enabled: true, version: 1 });
    expect(said('waiting')).toMatchObject([{ id: said('proposed').id }]);
    expect(said('confirmed')).toMatchObject({ status: 'CONFIRMED', id: said('proposed').id });
    const now = await house.admin.api('GET', `/api/incident-playbooks/policies/${body.data.id}`);
    expect(now.body.data).toMatchObject({ enabled: false, version: 2 });
  });
});
