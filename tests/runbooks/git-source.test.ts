import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readSource, type GitSource } from '../../src/git/read-source.ts';
import { GIT_ENVIRONMENT, gitRepository, type GitRepository } from '../support/git-repository.ts';

/** What is read out of real repositories, also of those that somebody prepared. */

const RUNBOOK = 'playbooks:\n  low:\n    name: Tell\n    steps:\n      - action: notify_soc\n';

let repository: GitRepository;
beforeEach(() => {
  repository = gitRepository();
});
afterEach(() => repository.remove());

const read = (more: Partial<GitSource> = {}, previous: string | null = null) =>
  readSource(
    { repository: repository.folder, ref: 'HEAD', folder: '', origin: null, allowedSigners: null, ...more },
    previous,
    { ...GIT_ENVIRONMENT, HOME: repository.folder },
  );
const pathsOf = ({ set }: Awaited<ReturnType<typeof read>>) => set.files.map(({ path }) => path);

describe('a repository', () => {
  it('is read out of the commit, byte for byte, and leaves nothing behind', async () => {
    const text = `# Grüße\r\n${RUNBOOK.replaceAll('\n', '\r\n')}`;
    repository.write('.gitattributes', '* text=auto eol=lf\n*.yaml filter=evil ident\n');
    repository.write('deep/er/a name "with" ünïcode\t.yaml', text);
    repository.git('config', 'core.autocrlf', 'false');
    const head = repository.commit();
    // A folder of this test's own: others make temporary folders at the same time.
    const own = join(repository.folder, '.git', 'temporary');
    mkdirSync(own);
    vi.stubEnv('TMPDIR', own);
    const { set } = await read({ ref: head }).finally(() => vi.unstubAllEnvs());
    // Line endings are those of the object, which `text=auto` wrote with line feeds.
    expect(set.files[0]?.text).toBe(repository.git('cat-file', 'blob', set.files[0]?.blob ?? '') + '\n');
    expect(set).toMatchObject({
      commitId: head,
      history: 'first',
      files: [{ path: 'deep/er/a name "with" ünïcode\t.yaml' }],
    });
    expect(readdirSync(own)).toEqual([]);
  });

  it('is read at a branch, a tag, and a commit that no branch holds any more', async () => {
    repository.write('a.yaml', RUNBOOK);
    const first = repository.commit();
    repository.git('tag', '-a', 'v1', '-m', 'one');
    repository.write('b.yaml', RUNBOOK);
    repository.commit();
    repository.git('branch', 'soc/main');
    expect(pathsOf(await read({ ref: 'soc/main' }))).toEqual(['a.yaml', 'b.yaml']);
    for (const ref of ['v1', first]) expect((await read({ ref })).set.commitId).toBe(first);
    await expect(read({ ref: 'nowhere' })).rejects.toThrow('The repository has no nowhere');
    await expect(read({ ref: 'f'.repeat(40) })).rejects.toThrow(/has no f|cannot be fetched/);
    await expect(read({ repository: join(repository.folder, 'no') })).rejects.toThrow('cannot be fetched');
  });

  it('follows no link, no submodule and no folder that looks like a pattern', async () => {
    const outside = join(repository.folder, '..', 'outside.yaml');
    symlinkSync('/etc/hostname', join(repository.folder, 'link.yaml'));
    symlinkSync(outside, join(repository.folder, 'other.yaml'));
    repository.write('*/a.yaml', RUNBOOK);
    repository.write('x/b.yaml', RUNBOOK);
    repository.commit();
    const { set, skipped } = await read();
    expect([set.files.map(({ path }) => path), skipped]).toEqual([
      ['*/a.yaml', 'x/b.yaml'],
      [expect.stringContaining('link.yaml is a symbolic link'), expect.stringContaining('other.yaml')],
    ]);
    expect(pathsOf(await read({ folder: '*' }))).toEqual(['*/a.yaml']);
  });

  it('has no say in what is called: not its configuration, hooks, filters, attributes or replaced objects', async () => {
    const trap = join(repository.folder, 'trap.sh');
    const sprung = join(repository.folder, 'sprung');
    writeFileSync(trap, `#!/bin/sh\ntouch '${sprung}'\n`);
    chmodSync(trap, 0o755);
    repository.write('a.yaml', RUNBOOK);
    const head = repository.commit();
    for (const [name, value] of [
      ['core.fsmonitor', trap],
      ['core.sshCommand', trap],
      ['core.pager', trap],
      ['core.alternateRefsCommand', trap],
      ['uploadpack.packObjectsHook', trap],
      ['diff.external', trap],
      ['filter.evil.smudge', trap],
      ['filter.evil.process', trap],
      ['gpg.program', trap],
      ['gpg.ssh.program', trap],
      ['credential.helper', `!${trap}`],
      ['core.hooksPath', repository.folder],
      ['protocol.file.allow', 'never'],
      ['log.showSignature', 'true'],
    ] as const)
      repository.git('config', name, value);
    for (const hook of ['post-checkout', 'reference-transaction', 'post-index-change', 'pre-auto-gc']) {
      mkdirSync(join(repository.folder, '.git/hooks'), { recursive: true });
      writeFileSync(join(repository.folder, '.git/hooks', hook), readFileSync(trap));
      chmodSync(join(repository.folder, '.git/hooks', hook), 0o755);
    }
    // An object that stands in for the commit in this repository, and in no other.
    const tree = execFileSync('git', ['mktree'], { cwd: repository.folder, input: '', encoding: 'utf8' }).trim();
    const decoy = repository.git('commit-tree', tree, '-m', 'decoy');
    repository.git('update-ref', `refs/replace/${head}`, decoy);
    expect(pathsOf(await read({ ref: 'main' }))).toEqual(['a.yaml']);
    expect(existsSync(sprung)).toBe(false);
  });

  it('is refused beyond the limits', async () => {
    repository.write('large.yaml', `# ${'x'.repeat(1024 * 1024)}\n${RUNBOOK}`);
    repository.commit();
    await expect(read()).rejects.toThrow('large.yaml is larger than');
    repository.git('rm', '--quiet', 'large.yaml');
    for (let index = 0; index <= 1_000; index += 1) repository.write(`many/${index}.yaml`, `n: ${index}\n`);
    repository.commit();
    await expect(read()).rejects.toThrow('more than 1000 YAML and JSON files');
  });

  it('is fetched from an address as well, without redirects', async () => {
    repository.write('a.yaml', RUNBOOK);
    const head = repository.commit();
    repository.git('update-server-info');
    const server = createServer((request, reply) => {
      const path = normalize(new URL(request.url ?? '/', 'http://x').pathname);
      if (path.startsWith('/moved/')) return void reply.writeHead(302, { location: path.slice(6) }).end();
      const file = join(repository.folder, path);
      if (!existsSync(file)) return void reply.writeHead(404).end();
      reply.end(readFileSync(file));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // it listens on a port
    try {
      const { set } = await read({ repository: `http://127.0.0.1:${port}/.git` });
      expect([set.commitId, set.origin]).toEqual([head, `http://127.0.0.1:${port}/.git`]);
      await expect(read({ repository: `http://127.0.0.1:${port}/moved/.git` })).rejects.toThrow('cannot be fetched');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('a signature', () => {
  const key = (name: string): string => {
    const path = join(repository.folder, '.git', name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path]);
    return path;
  };
  const signedBy = (path: string): readonly string[] => {
    repository.git('config', 'gpg.format', 'ssh');
    repository.git('config', 'user.signingkey', path);
    return ['-S'];
  };

  it('is good by an allowed signer, and else what it is', async () => {
    repository.write('a.yaml', RUNBOOK);
    repository.commit();
    expect((await read()).set.signature).toEqual({ state: 'unsigned', signer: null, key: null });
    const [ada, eve] = [key('ada'), key('eve')];
    const allowedSigners = join(repository.folder, '.git', 'allowed');
    writeFileSync(allowedSigners, `ada@soc.example ${readFileSync(`${ada}.pub`, 'utf8')}`);
    const good = repository.commit('signed', ...signedBy(ada));
    expect((await read({ allowedSigners })).set.signature).toEqual({
      state: 'good',
      signer: 'ada@soc.example',
      key: expect.stringMatching(/^SHA256:/),
    });
    // Nobody says whose keys count.
    expect((await read()).set.signature.state).toBe('unknown_key');
    repository.commit('by somebody else', ...signedBy(eve));
    expect((await read({ allowedSigners })).set.signature).toMatchObject({ state: 'unknown_key' });
    // The commit of Ada with other words under her signature.
    const forged = repository.git('cat-file', 'commit', good).replace('\n\nsigned', '\n\nsigned, not by her');
    const id = execFileSync('git', ['hash-object', '-t', 'commit', '-w', '--stdin'], {
      cwd: repository.folder,
      input: `${forged}\n`,
      encoding: 'utf8',
    }).trim();
    expect((await read({ allowedSigners, ref: id })).set.signature.state).toBe('bad');
  });
});
