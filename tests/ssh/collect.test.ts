import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contextOf } from '../support/sandbox-testbed.ts';
import { entryOf, hostBed, type HostBed } from '../support/ssh-bed.ts';
import { fakeDesk, type FakeDesk } from '../support/ssh-desk.ts';
import { note, startWorld, whyNoHosts, type World } from '../support/ssh-world.ts';

const missing = whyNoHosts();
const MIB = 1024 * 1024;

describe.skipIf(missing !== null)(`what a real host has${note(missing)}`, () => {
  let world: World;
  let bed: HostBed;
  let desk: FakeDesk;
  let root = '';
  beforeAll(async () => {
    world = await startWorld();
    await world.startSshd();
    root = `${world.directory}/artifacts`;
    mkdirSync(root);
  });
  beforeEach(async () => {
    bed?.close();
    desk = fakeDesk();
    const images = [
      { name: 'disk', kind: 'disk', path: `${root}/disk.img` },
      { name: 'memory', kind: 'memory', path: `${root}/memory.mem` },
    ];
    bed = await hostBed(world, { evidence: desk, entries: [entryOf(world, { images })] });
  });
  afterAll(() => {
    bed?.close();
    world?.close();
  });

  const target = { type: 'host', id: 'web-1' } as const;
  function preserve(paths: readonly string[], context = contextOf()) {
    return bed.handler('PRESERVE_ARTIFACTS').perform(target, { paths }, null, context);
  }
  function file(name: string, bytes: Buffer | string): string {
    writeFileSync(`${root}/${name}`, bytes);
    return `${root}/${name}`;
  }
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

  it('keeps a file byte for byte, with where it came from and how', async () => {
    const bytes = randomBytes(3 * MIB + 17);
    const path = file('blob', bytes);
    const context = contextOf();
    const outcome = await preserve([path], context);
    expect(outcome).toMatchObject({
      changed: true,
      artifacts: [{ size: bytes.length, sha256: sha256(bytes), altered: null }],
    });
    const [kept] = desk.kept;
    expect(kept?.bytes.equals(bytes)).toBe(true);
    expect(kept?.artifact).toMatchObject({
      kind: 'file',
      name: 'blob',
      source: { system: 'ssh', host: 'web-1', location: path },
    });
    expect(kept?.artifact.source.modifiedAt).toBeGreaterThan(1_700_000_000_000);
    expect(Math.abs(kept?.artifact.source.clockOffsetMs ?? 1e9)).toBeLessThan(10_000);
    const verify = (key = context) =>
      bed.handler('PRESERVE_ARTIFACTS').verify?.(target, { paths: [path] }, null, null, key);
    expect(await verify()).toMatchObject({ says: 'holds' });
    expect(await verify(contextOf())).toMatchObject({ says: 'absent' });
    await preserve([path], context);
    expect(desk.kept).toHaveLength(1);
  });

  it('takes an empty file, names that a shell would take apart, and a directory as a tar', async () => {
    const names = [
      'empty',
      '$(touch pwned)',
      "a'b; rm -rf x",
      '-rf',
      ' two  blanks ',
      'ü\u{1F525}',
      '`id`',
      '%s\\n',
      '*',
    ];
    for (const name of names) file(name, name === 'empty' ? '' : name);
    mkdirSync(`${root}/dir/sub`, { recursive: true });
    writeFileSync(`${root}/dir/sub/x`, 'inside');
    symlinkSync('/etc/shadow', `${root}/dir/link`);
    await preserve([...names.map((name) => `${root}/${name}`), `${root}/dir`]);
    expect(desk.kept.slice(0, -1).map(({ bytes }) => bytes.toString())).toEqual(['', ...names.slice(1)]);
    const tar = desk.kept.at(-1);
    expect(tar?.artifact.name).toBe('dir.tar');
    const listed = execFileSync('tar', ['-tvf', '-'], { input: tar?.bytes ?? '', encoding: 'utf8' });
    expect(listed).toContain('./sub/x');
    expect(listed).toContain('./link -> /etc/shadow');
  });

  it.each([
    ['a link', () => (symlinkSync('/etc/shadow', `${root}/l1`), `${root}/l1`), 'artifact_is_link'],
    ['a path over a link', () => (symlinkSync('/etc', `${root}/l2`), `${root}/l2/passwd`), 'artifact_is_link'],
    ['a directory over a link', () => (symlinkSync('/etc', `${root}/l3`), `${root}/l3/pam.d`), 'artifact_is_link'],
    ['nothing', () => `${root}/nothing`, 'artifact_missing'],
    ['a device', () => (execFileSync('mknod', [`${root}/zero`, 'c', '1', '5']), `${root}/zero`), 'artifact_is_special'],
    ['a fifo', () => (execFileSync('mkfifo', [`${root}/fifo`]), `${root}/fifo`), 'artifact_is_special'],
    ['a step up', () => `${root}/../etc/shadow`, 'path_refused'],
    ['a place that is not allowed', () => '/etc/shadow', 'path_not_allowed'],
    ['a name that begins like a root', () => `${root}-other/x`, 'path_not_allowed'],
    ['a relative path', () => 'etc/shadow', 'path_refused'],
    ['two lines', () => `${root}/x\n/etc/shadow`, 'path_refused'],
    ['an unknown list', () => '@everything', 'list_unknown'],
    ['a list of JavaScript', () => '@constructor', 'list_unknown'],
  ])('refuses %s, and keeps nothing of it', async (_what, make, code) => {
    const path = make();
    await expect(preserve([path])).rejects.toMatchObject({ code, retryable: false, resultUnknown: false });
    expect(desk.kept).toHaveLength(0);
  });

  it('keeps the rest when one cannot be had, says which, and takes up only what is missing', async () => {
    const paths = [file('one', '1'), `${root}/late`, file('three', '3')];
    const context = contextOf();
    await expect(preserve(paths, context)).rejects.toThrow(`${root}/late: there is nothing of this name`);
    expect(desk.kept.map(({ artifact }) => artifact.name)).toEqual(['one', 'three']);
    file('late', '2');
    await preserve(paths, context);
    expect(desk.kept.map(({ artifact }) => artifact.name)).toEqual(['one', 'three', 'late']);
  });

  it('keeps what was there at the beginning of a file that grows, and says so', async () => {
    const path = file('growing', Buffer.alloc(8 * MIB, 'a'));
    desk.onPiece = (size) => {
      if (size < MIB) appendFileSync(path, 'more');
    };
    await preserve([path]);
    expect(desk.kept[0]?.size).toBe(8 * MIB);
    expect(desk.kept[0]?.altered).toContain('its size went from 8388608 to');
  });

  it('says it when a file is cut while it is read', async () => {
    const path = file('shrinking', Buffer.alloc(16 * MIB, 'a'));
    let cut = false;
    desk.onPiece = () => {
      if (!cut) truncateSync(path, 10);
      cut = true;
    };
    await preserve([path]);
    expect(desk.kept[0]?.altered).toMatch(/only \d+ of its 16777216 bytes/);
  });

  it('keeps what came when the connection is cut, marks it, and reads it anew', async () => {
    const path = file('cut', randomBytes(32 * MIB));
    const context = contextOf();
    let connections = 0;
    desk.onPiece = (size) => {
      if (size < MIB || connections > 0) return;
      connections += 1;
      world.cutSessions();
    };
    await expect(preserve([path], context)).rejects.toMatchObject({ code: 'artifact_partial', retryable: true });
    expect(desk.kept).toMatchObject([{ complete: false }]);
    expect(desk.kept[0]?.size).toBeGreaterThanOrEqual(MIB);
    await preserve([path], context);
    expect(desk.kept).toMatchObject([{ complete: false }, { complete: true, size: 32 * MIB }]);
  });

  it('keeps what came when there is no time left', async () => {
    const path = file('slow', randomBytes(32 * MIB));
    const abort = new AbortController();
    desk.onPiece = (size) => {
      if (size > MIB) abort.abort();
    };
    await expect(preserve([path], contextOf(undefined, abort.signal))).rejects.toThrow();
    expect(desk.kept).toMatchObject([{ complete: false }]);
  });

  it('refuses what is longer than allowed before it reads it', async () => {
    const path = file('huge', '');
    truncateSync(path, 11 * 1024 * MIB);
    await expect(preserve([path])).rejects.toMatchObject({ code: 'artifact_too_big' });
    expect(desk.kept).toHaveLength(0);
    rmSync(path);
  });

  it('collects lists, of processes and connections among them', async () => {
    await preserve(['@processes', '@connections', '@accounts', '@logins', '@rules']);
    const [processes, connections, accounts] = desk.kept;
    expect(processes?.bytes.toString()).toContain('sshd');
    expect(connections?.bytes.toString()).toContain(':2222');
    expect(accounts?.bytes.toString()).toContain('alice:');
    expect(desk.kept.every(({ artifact }) => artifact.kind === 'command-output')).toBe(true);
  });

  it('takes the images that the hosts file names, memory first', async () => {
    const disk = randomBytes(5 * MIB);
    file('disk.img', disk);
    file('memory.mem', 'memory');
    await bed.handler('TRIGGER_FORENSIC_IMAGING').perform(target, {}, null, contextOf());
    expect(desk.kept.map(({ artifact }) => artifact.kind)).toEqual(['memory-image', 'disk-image']);
    expect(desk.kept[1]?.bytes.equals(disk)).toBe(true);
  });

  it('takes no half of an image order', async () => {
    const plain = await hostBed(world, { evidence: desk });
    const imaging = plain.handler('TRIGGER_FULL_DISK_IMAGING').perform(target, {}, null, contextOf());
    await expect(imaging).rejects.toMatchObject({ code: 'not_offered' });
    plain.close();
  });
});
