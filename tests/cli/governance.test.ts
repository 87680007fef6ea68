import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addGovernanceCommands } from '../../src/cli/governance-commands.ts';
import { BASE } from '../support/playbooks.ts';
import { startHarness, testIo, until, type Harness, type Person } from '../support/server.ts';

/** Each command for who looks after an installation, over a real server, from the words on the command line on. */

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-governance-'));
let house: Harness;
let officer: Person;
let analyst: Person;
beforeAll(async () => {
  // Nothing listens there: every mail is tried until it is given up, and one to no address at once.
  const mail = { SMTP_HOST: '127.0.0.1', SMTP_PORT: '9', SMTP_TLS: 'none', NOTIFICATION_EMAIL_FROM: 'a@soc.example' };
  house = await startHarness({ withoutSandbox: true, env: mail });
  [officer, analyst] = await Promise.all([house.person('CISO'), house.person('SECURITY_ANALYST')]);
});
afterAll(async () => {
  await house.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** What a command says to somebody. @throws what it refused */
async function said(person: Person | null, ...words: readonly string[]): Promise<string> {
  const io = testIo(person === null ? {} : { FIREBREAK_API_KEY: person.key });
  const program = new Command('firebreak').exitOverride().configureOutput({ writeErr: () => undefined });
  let code = Promise.resolve(-1);
  addGovernanceCommands({
    program,
    io,
    exitWith: async (answer) => {
      code = answer;
      await answer;
    },
  });
  for (const command of program.commands.flatMap((each) => [each, ...each.commands])) command.exitOverride();
  await program.parseAsync([...words, '--url', house.url], { from: 'user' });
  expect(await code).toBe(0);
  return io.said();
}
const json = async (person: Person, ...words: readonly string[]) => JSON.parse(await said(person, ...words, '--json'));

describe('the pause on the command line', () => {
  it('is begun by one person with a reason, and lifted by two', async () => {
    expect(await said(analyst, 'status')).toBe('Nothing is paused.\n');
    await expect(said(analyst, 'pause', '--reason', 'x')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(said(officer, 'pause')).rejects.toMatchObject({ code: 'commander.missingMandatoryOptionValue' });
    expect(await said(officer, 'pause', '--reason', 'runs wild')).toContain(`by ${officer.id}: runs wild`);
    expect(await said(analyst, 'status')).toContain('2 people have to say that it may go on');
    expect(await said(officer, 'resume', '--reason', 'off')).toContain(`${officer.id} says that it may go on (off)`);
    await expect(said(officer, 'resume', '--reason', 'off')).rejects.toMatchObject({ code: 'conflict' });
    expect(await json(house.admin, 'resume', '--reason', 'seen')).toMatchObject({ paused: false });
    await expect(said(null, 'status')).rejects.toThrow('Set FIREBREAK_API_KEY');
    await expect(said({ ...officer, key: 'fbk_wrong' }, 'status')).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

describe('limits on the command line', () => {
  it('are shown, and set one by one', async () => {
    expect(await said(analyst, 'limits', 'get')).toContain('ACCOUNT_SUSPEND  500 an hour\n');
    const set = await said(officer, 'limits', 'set', 'account_suspend=3', 'GEO_LOCK=none', 'DEVICE_DEREGISTER=0');
    expect(set).toContain('ACCOUNT_SUSPEND  3 an hour');
    expect(set).toContain('DEVICE_DEREGISTER  0 an hour');
    expect(set).toContain('FULL_SESSION_KILL  500 an hour');
    expect(set).not.toContain('GEO_LOCK');
    expect(await json(analyst, 'limits', 'get')).toMatchObject({ version: 1, savedBy: officer.id });
    await expect(said(officer, 'limits', 'set', 'ACCOUNT_SUSPEND=many')).rejects.toThrow('write ACTION_TYPE=NUMBER');
    await expect(said(officer, 'limits', 'set', 'NOTHING=3')).rejects.toMatchObject({ code: 'invalid_guard' });
    await expect(said(analyst, 'limits', 'set', 'GEO_LOCK=3')).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('exemptions on the command line', () => {
  it('are proposed from a file, confirmed by another person, and ended', async () => {
    const gate = { gateName: 'g', triggers: { actionTypes: ['ACCOUNT_SUSPEND'] }, approvalRoles: [{ role: 'CISO' }] };
    const policy = { name: 'p', scope: 'ACTION_TYPE_BASED', policyGates: [gate] };
    const { body } = await house.admin.api('POST', `${BASE}/policies`, policy);
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const definition = {
      policyId: body.data.id,
      gateName: 'g',
      appliesTo: { userIds: ['t'] },
      reason: 'a drill',
      expiresAt,
    };
    const file = join(scratch, 'exemption.json');
    writeFileSync(file, JSON.stringify(definition));
    const { id, hash } = await json(house.admin, 'exemptions', 'propose', file);
    expect(await said(officer, 'exemptions', 'list', '--status', 'proposed')).toContain(`${id}  PROPOSED  g  until `);
    expect(await said(officer, 'exemptions', 'show', id)).toContain(`hash       ${hash}`);
    await expect(said(house.admin, 'exemptions', 'confirm', id, '--hash', hash)).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(said(officer, 'exemptions', 'confirm', id, '--hash', 'a'.repeat(64))).rejects.toThrow(
      'look at it again',
    );
    expect(await said(officer, 'exemptions', 'confirm', id, '--hash', hash)).toContain(`confirmed  by ${officer.id}`);
    expect(await said(officer, 'exemptions', 'revoke', id, '--reason', 'over')).toContain(`by ${officer.id}: over`);
    expect(await json(analyst, 'exemptions', 'list')).toMatchObject({ total: 1, exemptions: [{ status: 'REVOKED' }] });
    writeFileSync(file, '{');
    await expect(said(officer, 'exemptions', 'propose', file)).rejects.toMatchObject({ code: 'malformed_json' });
    await expect(said(analyst, 'exemptions', 'revoke', id, '--reason', 'x')).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(said(officer, 'exemptions', 'show', 'exm_none')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('notifications on the command line', () => {
  it('are listed, tried and read', async () => {
    expect(await said(officer, 'notifications', 'test', 'in_app')).toContain(`IN_APP  ${officer.id}  UNREAD`);
    const list = await json(officer, 'notifications', 'list', '--unread');
    expect(list.notifications[0]).toMatchObject({ kind: 'test', status: 'UNREAD' });
    const { id } = list.notifications[0];
    expect(await said(officer, 'notifications', 'read', id)).toBe(`${id} READ\n`);
    expect(await said(officer, 'notifications', 'read')).toBe(`${list.total - 1} read, 0 left\n`);
    expect(await said(officer, 'notifications', 'list', '--unread')).toBe('0 not read\n');
    expect(await said(officer, 'notifications', 'list')).toContain('A test message from Firebreak');
    await expect(said(officer, 'notifications', 'test', 'slack')).rejects.toMatchObject({ code: 'conflict' });
    await expect(said(officer, 'notifications', 'test', 'pigeon')).rejects.toMatchObject({
      code: 'commander.invalidArgument',
    });
    await expect(said(analyst, 'notifications', 'dead')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(said(analyst, 'notifications', 'read', 'ntc_x.0')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that reached nobody are listed and sent again', async () => {
    const lost = await house.person('CISO', { email: 'one,two@soc.example' });
    const { id } = await json(lost, 'notifications', 'test', 'email');
    const dead = () => said(officer, 'notifications', 'dead');
    await until('it is given up', async () => ((await dead()).includes(id) ? true : null));
    expect(await dead()).toContain(`${id}  EMAIL  ${lost.id}  DEAD (invalid_address)`);
    expect(await said(officer, 'notifications', 'resend', id)).toContain(`${id}  EMAIL`);
    await until('it is given up again', async () => ((await dead()).includes(id) ? true : null));
    const inApp = (await json(officer, 'notifications', 'list')).notifications[0].id;
    await expect(said(officer, 'notifications', 'resend', inApp)).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('accounts on the command line', () => {
  it('are listed and made, with keys that are made, listed and revoked', async () => {
    const { id } = await json(
      house.admin,
      'users',
      'add',
      '--name',
      'Robot',
      '--service',
      '--role',
      'security_analyst',
    );
    expect(await said(house.admin, 'users', 'list')).toContain(`${id}  service  Robot  -  SECURITY_ANALYST`);
    await expect(said(analyst, 'users', 'list')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(said(analyst, 'users', 'add', '--name', 'X')).rejects.toMatchObject({ code: 'forbidden' });
    const made = await json(house.admin, 'keys', 'create', '--name', 'robot', '--user', id);
    expect(made).toMatchObject({ userId: id, secret: expect.stringMatching(/^fbk_/) });
    expect(await said(house.admin, 'keys', 'list', '--user', id)).toContain(`${made.id}  ${id}  robot  until `);
    expect(await said(house.admin, 'keys', 'revoke', made.id)).toBe(`${made.id} revoked\n`);
    expect(await said(house.admin, 'keys', 'list', '--user', id)).toContain('  robot  revoked ');
    expect(await said(analyst, 'keys', 'create', '--name', 'mine')).toContain('It is not shown again.');
    await expect(said(analyst, 'keys', 'list', '--user', id)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await said(analyst, 'sessions', 'list')).toBe('0 in force\n');
    await expect(said(analyst, 'sessions', 'end', 'ses_none')).rejects.toMatchObject({ code: 'not_found' });
  });
});
