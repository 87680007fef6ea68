import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf, undoOf } from '../support/sandbox-testbed.ts';
import { entryOf, hostBed, type HostBed } from '../support/ssh-bed.ts';
import { fakeDesk, type FakeDesk } from '../support/ssh-desk.ts';
import { makeRoot, type HostRoot } from '../support/ssh-root.ts';
import { note, reaches, SSH_PORT, startWorld, whyNoHosts, type World } from '../support/ssh-world.ts';

/** What the examples let sudo run, with a real sudo and an account that is not root. */
const missing = whyNoHosts() ?? whyNoSudo();

function whyNoSudo(): string | null {
  try {
    const said = execFileSync('/usr/bin/sudo', ['--version'], { encoding: 'utf8' });
    const [, major = '0', minor = '0', patch = '0'] = /Sudo version (\d+)\.(\d+)\.(\d+)/.exec(said) ?? [];
    const version = (Number(major) * 1_000 + Number(minor)) * 1_000 + Number(patch);
    return version >= 1_009_010 ? null : 'sudo is older than 1.9.10';
  } catch {
    return 'no /usr/bin/sudo';
  }
}

const example = (name: string): string => readFileSync(new URL(`../../examples/ssh/${name}`, import.meta.url), 'utf8');
const SERVICE = 8_080;
const SOON = 3_000;
const CUT = 400;
/** As distributions ship it; a terminal for each command is the default since 1.9.14. */
const SUDOERS = `Defaults env_reset, use_pty
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
`;

describe.skipIf(missing !== null)(`a host on which Firebreak is not root${note(missing)}`, () => {
  let world: World;
  let root: HostRoot;
  let bed: HostBed;
  let desk: FakeDesk;
  beforeAll(async () => {
    world = await startWorld();
    root = makeRoot(`${world.directory}/root`);
    root.addAccount('firebreak', 5_000);
    root.addAccount('carol', 5_001);
    root.write('/etc/sudoers', SUDOERS, 0o440);
    root.write('/etc/sudoers.d/firebreak', example('sudoers'), 0o440);
    root.write('/local-sbin/firebreak-read', example('firebreak-read'), 0o755);
    root.write('/evidence/of-root', 'only root reads this', 0o600);
    root.write('/evidence/disk.img', 'a disk', 0o600);
    await Promise.all([world.startHost(root), world.serve(SERVICE)]);
    desk = fakeDesk();
    const images = [{ name: 'disk', kind: 'disk', path: '/evidence/disk.img' }];
    const artifacts = { roots: ['/evidence', '/tmp'] };
    const account = { user: 'firebreak', privilege: 'sudo' };
    bed = await hostBed(world, { evidence: desk, entries: [entryOf(world, { ...account, artifacts, images })] });
  });
  afterAll(() => {
    bed?.close();
    world?.close();
  });

  const host = { type: 'host', id: 'web-1' } as const;
  const carol = { type: 'user', id: 'carol@web-1' } as const;
  const shadowOf = (name: string) =>
    new RegExp(`^${name}:.*$`, 'm').exec(readFileSync(`${root.etc}/shadow`, 'utf8'))?.[0];

  /** What a command of an account on the host says, standard error included. */
  function said(username: string, command: string, pty = false): Promise<{ code: number | null; text: string }> {
    const client = new ssh2.Client();
    return new Promise((resolve, reject) => {
      client.on('error', reject);
      client.once('ready', () => {
        client.exec(command, { pty }, (error, channel) => {
          if (error !== undefined) return reject(error);
          let text = '';
          const hear = (bytes: Buffer): void => void (text += bytes.toString('utf8'));
          channel.on('data', hear);
          channel.stderr.on('data', hear);
          channel.once('close', (code: number | null) => {
            client.end();
            resolve({ code: code ?? null, text });
          });
        });
      });
      client.connect({ host: world.there, port: SSH_PORT, username, privateKey: world.userKey });
    });
  }

  it('isolates it and lets it go', async () => {
    const handler = bed.handler('ISOLATE_HOST');
    const context = contextOf();
    const prior = (await handler.observe?.(host, {}, context)) ?? null;
    const outcome = await handler.perform(host, {}, prior, context);
    expect(await handler.verify?.(host, {}, prior, outcome, context)).toMatchObject({ says: 'holds' });
    expect(await reaches(world.there, SERVICE, CUT)).toBe(false);
    const undone = await handler.undo?.(host, {}, prior, outcome, undoOf(context.effectKey));
    expect(undone).toMatchObject({ result: 'restored' });
    expect(await reaches(world.there, SERVICE, SOON)).toBe(true);
  });

  it('locks an account and opens it', async () => {
    const before = shadowOf('carol');
    const handler = bed.handler('DISABLE_COMPROMISED_CREDENTIALS');
    const context = contextOf();
    const prior = (await handler.observe?.(carol, {}, context)) ?? null;
    const outcome = await handler.perform(carol, {}, prior, context);
    expect(shadowOf('carol')).toMatch(/^carol:!/);
    expect(await handler.undo?.(carol, {}, prior, outcome, undoOf(context.effectKey))).toMatchObject({
      result: 'restored',
    });
    expect(shadowOf('carol')).toBe(before);
  });

  it('ends the sessions of an account, and leaves what it runs without one until that is asked for', async () => {
    // A process without a terminal and without a connection, and two sessions: one with a terminal, one without.
    await said('carol', 'setsid sleep 611 >/dev/null 2>&1 </dev/null & exit 0');
    const sessions = [said('carol', 'exec sleep 612', true), said('carol', 'exec sleep 613')];
    const running = (): Promise<string> => said('root', 'ps -e -o args=').then(({ text }) => text);
    await expect.poll(running, { timeout: SOON }).toMatch(/sleep 612[^]*sleep 613|sleep 613[^]*sleep 612/);
    const handler = bed.handler('FULL_SESSION_KILL');
    const context = contextOf();
    expect(await handler.verify?.(carol, {}, null, null, context)).toMatchObject({ says: 'absent' });
    const outcome = await handler.perform(carol, {}, null, context);
    expect(outcome).toMatchObject({ changed: true });
    await Promise.all(sessions);
    expect(await handler.verify?.(carol, {}, null, outcome, context)).toMatchObject({ says: 'holds' });
    const left = await running();
    expect(left).not.toContain('sleep 612');
    expect(left).toContain('sleep 611');
    // Nothing is left to end; a repeat says so.
    expect(await handler.perform(carol, {}, null, contextOf())).toMatchObject({ changed: false, ended: 0 });
    const lock = bed.handler('DISABLE_COMPROMISED_CREDENTIALS');
    const locked = contextOf();
    const prior = (await lock.observe?.(carol, {}, locked)) ?? null;
    const ended = await lock.perform(carol, { endProcesses: true }, prior, locked);
    expect(ended).toMatchObject({ ended: true });
    expect(await running()).not.toContain('sleep 61');
    await lock.undo?.(carol, {}, prior, ended, undoOf(locked.effectKey));
  });

  it.each([
    ['root@web-1', 'account_protected'],
    ['firebreak@web-1', 'account_protected'],
    ['deploy@web-1', 'account_protected'],
    ['nobody-like-that@web-1', 'user_not_found'],
    ['carol', 'invalid_target'],
    ['carol;id@web-1', 'invalid_target'],
    ['carol@elsewhere', 'host_not_found'],
  ])('ends no sessions of %j: %s', async (id, code) => {
    const ending = bed.handler('FULL_SESSION_KILL').perform({ type: 'user', id }, {}, null, contextOf());
    await expect(ending).rejects.toMatchObject({ code, resultUnknown: false, retryable: false });
  });

  it('collects what only root can read, the lists and the images', async () => {
    const paths = ['/evidence/of-root', '@processes', '@connections', '@accounts', '@logins', '@rules'];
    await bed.handler('PRESERVE_ARTIFACTS').perform(host, { paths }, null, contextOf());
    await bed.handler('TRIGGER_FULL_DISK_IMAGING').perform(host, {}, null, contextOf());
    expect(desk.kept.map(({ artifact }) => artifact.source.location)).toEqual([...paths, '/evidence/disk.img']);
    expect(desk.kept[0]?.bytes.toString()).toBe('only root reads this');
    expect(desk.kept.at(-1)?.bytes.toString()).toBe('a disk');
    expect(desk.kept[1]?.bytes.toString()).toContain('sshd');
  });

  it('does not get sudo to run anything else', async () => {
    const attacks = [
      'cat /etc/shadow',
      'sh -c id',
      'nft list ruleset',
      'nft -f /etc/shadow',
      'nft -f - -i',
      'nft -j list table inet filter',
      'usermod --expiredate 1 --shell /bin/sh carol',
      'usermod --lock --expiredate 1 carol alice',
      'usermod --uid 0 carol',
      'getent shadow carol alice',
      'getent group',
      'pkill -KILL -u 0',
      'pkill -KILL -u 0 sshd',
      'pkill -KILL -u 5001 -t pts/0 -u 0',
      'pkill -KILL -u 5001 systemd',
      'pkill -u 5001',
      '/usr/local/sbin/firebreak-read artifact /etc/shadow',
      '/usr/local/sbin/firebreak-read everything',
      '/tmp/firebreak-read artifact',
      '-u carol ps -e',
      'ps -ww -o pid -o etimes -o tty -o comm -u 5001 -e',
    ];
    // In one session, since each sign-in takes a while.
    const { text } = await said('firebreak', attacks.map((each) => `sudo -n ${each} 2>&1; echo "ended $?"`).join('\n'));
    const answers = text
      .replace(/^Could not chdir .*\n/, '')
      .split(/^ended (\d+)\n/m)
      .slice(0, -1);
    expect(answers).toHaveLength(2 * attacks.length);
    for (const [index, attack] of attacks.entries()) {
      expect(answers[2 * index], attack).toMatch(/^sudo: a password is required|not allowed to execute/m);
      expect(answers[2 * index + 1], attack).toBe('1');
    }
  });

  it('says it when sudo does not let it', async () => {
    const entry = entryOf(world, { user: 'carol', privilege: 'sudo' });
    const other = await hostBed(world, { entries: [entry] });
    const looking = other.handler('ISOLATE_HOST').observe?.(host, {}, contextOf());
    await expect(looking).rejects.toMatchObject({ code: 'privilege_refused', retryable: false });
    other.close();
  });
});
