import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Harness, startHarness } from '../support/server.ts';

/** The commands of the guide, run as they stand there, in one shell. */

const GUIDE = 'docs/guides/roles.md';
const commands = [...readFileSync(GUIDE, 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);

let house: Harness;
let folder: string;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true });
  folder = mkdtempSync(join(tmpdir(), 'firebreak-guide-'));
});
afterAll(async () => {
  await house.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the guide to roles', () => {
  it('does what it says', async () => {
    expect(commands.length).toBe(3);
    const vera = await house.person('AUDITOR');
    const env = { ...process.env, FIREBREAK_URL: house.url, ADMIN_KEY: house.admin.key, VERA_ID: vera.id };
    await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', commands.join('\n')], { cwd: folder, env });
    const said = (file: string) => JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')).data;
    expect(said('roles').at(-1)).toMatchObject({ name: 'FRAUD_LEAD', builtIn: false });
    expect(said('member')).toMatchObject({ effectiveRoles: ['AUDITOR', 'FRAUD_LEAD'] });
    expect(said('members')).toMatchObject({ name: 'Fraud desk', members: [vera.id] });
    expect(said('evaluated').approval.requirements).toEqual([
      { roles: ['FRAUD_LEAD'], k: 1, human: true },
      { roles: ['SECURITY_ADMIN'], k: 1, human: true },
    ]);
    const other = await house.person('LEGAL');
    const refused = await other.api('DELETE', '/api/roles/FRAUD_LEAD');
    expect(refused.status).toBe(403);
  });
});
