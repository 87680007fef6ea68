import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Harness, startHarness } from '../support/server.ts';

/** The commands of the guide, run as they stand there, in one shell. */

const GUIDE = 'docs/guides/exemptions.md';
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

describe('the guide to exemptions', () => {
  it('does what it says', async () => {
    expect(commands.length).toBe(4);
    const triggers = { actionTypes: ['ACCOUNT_SUSPEND'] };
    const gate = { gateName: 'suspensions', approvalRoles: [{ role: 'CISO' }], triggers };
    const policy = { name: 'Suspensions', scope: 'ACTION_TYPE_BASED', policyGates: [gate] };
    const { body } = await house.admin.api('POST', '/api/incident-playbooks/policies', policy);
    const env = {
      ...process.env,
      FIREBREAK_URL: house.url,
      POLICY_ID: String(body.data.id),
      GRACE_KEY: (await house.person('CISO')).key,
      LINUS_KEY: (await house.person('CISO')).key,
    };
    await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', commands.join('\n')], { cwd: folder, env });
    const said = (file: string) => JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')).data;
    expect(said('proposed')).toMatchObject({ status: 'PROPOSED' });
    expect(said('confirmed')).toMatchObject({ status: 'IN_FORCE', id: said('proposed').id });
    expect(said('evaluated')).toMatchObject({
      needsApproval: false,
      automatic: [{ exemption: { id: said('proposed').id } }],
    });
    expect(said('uses')).toMatchObject({ useCount: 0, uses: [] });
    expect(said('revoked')).toMatchObject({ status: 'REVOKED', revokedReason: 'the move is done' });
  });
});
