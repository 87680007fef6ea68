import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addRegulatoryCommands } from '../../src/cli/regulatory-commands.ts';
import { withOwnKey } from '../support/own-key.ts';
import { startHarness, testIo, type Harness, type Person } from '../support/server.ts';

/** Contacts and drafts from the words on the command line on, over a real server. */

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-regulatory-'));
let house: Harness;
let officer: Person;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true, env: { PUBLIC_URL: 'https://firebreak.example' } });
  officer = await withOwnKey(house, await house.person('COMPLIANCE_OFFICER'));
});
afterAll(async () => {
  await house.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function said(person: Person, ...words: readonly string[]): Promise<string> {
  const io = testIo({ FIREBREAK_API_KEY: person.key });
  const program = new Command('firebreak').exitOverride();
  addRegulatoryCommands({ program, io, exitWith: async (answer) => void (await answer) });
  await program.parseAsync([...words, '--url', house.url], { from: 'user' });
  return io.said();
}
function file(name: string, text: string): string {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
}

describe('the regulatory commands', () => {
  it('lead from a contact to the proof of a submission', async () => {
    const { admin } = house;
    const definition = file('dpo.yaml', 'name: Ada\nemail: dpo@example.org\nroles: [DPO]\nportal: true\n');
    expect(await said(admin, 'contacts', 'set', 'dpo', definition)).toContain('verified by nobody');
    const verify = ['contacts', 'verify', 'dpo', '--version-compared', '1', '--how', 'called back'];
    await expect(said(admin, ...verify)).rejects.toMatchObject({ code: 'conflict' });
    expect(await said(officer, ...verify)).toContain('dpo VERIFIED version 2');
    expect(await said(officer, 'contacts', 'list')).toContain('1 contacts');
    await expect(said(admin, 'contacts', 'set', 'x', file('x.yaml', 'fax: 1'))).rejects.toMatchObject({
      code: 'invalid_contact',
    });

    const time = new Date().toISOString();
    const event = { id: 'a1', kind: 'alert', action: 'edr.alert', subject: 'ana', severity: 'HIGH', time };
    await admin.api('POST', '/api/events', event);
    const incidentId = (await admin.api('GET', '/api/incidents?userId=ana')).body.data[0].id;
    const { id, hash } = JSON.parse(await said(admin, 'drafts', 'make', incidentId, '--regime', 'gdpr', '--json'));
    expect(await said(admin, 'drafts', 'show', id)).toContain('MISSING: the likely consequences');
    expect(await said(admin, 'drafts', 'show', id, '--as', 'markdown')).toContain('## Nature of the breach');
    expect(await said(admin, 'drafts', 'list', '--incident', incidentId)).toContain('1 drafts');
    expect(await said(admin, 'drafts', 'tell', id, 'secure_portal')).toContain('told      dpo over SECURE_PORTAL');
    const [message] = (await admin.api('GET', `/api/portal-messages?draftId=${id}`)).body.data;
    expect(await said(admin, 'drafts', 'code', message.id)).toMatch(/^code {2}[0-9A-Z]{5}-[0-9A-Z]{5}, until /);
    expect(await said(officer, 'drafts', 'approve', id, '--hash', hash)).toContain('APPROVED');
    const proof = { hash, reference: 'DPA-1', submittedAt: new Date().toISOString() };
    expect(await said(admin, 'drafts', 'submitted', id, file('proof.json', JSON.stringify(proof)))).toContain(
      'SUBMITTED',
    );
    expect(await said(officer, 'contacts', 'revoke', 'dpo', '--reason', 'left')).toContain('REVOKED');
    expect(await said(officer, 'contacts', 'show', 'dpo')).toContain('contact_revoked');
  });
});
