import { describe, expect, it } from 'vitest';
import { folderInside, gitRef, repositoryPlace } from './where.ts';

describe('where a repository lies', () => {
  it.each([
    ['/srv/runbooks', 'path'],
    ['.', 'path'],
    ['../soc runbooks', 'path'],
    ['https://git.soc.example/runbooks.git', 'https'],
    ['http://127.0.0.1:8080/runbooks.git', 'http'],
    ['ssh://git@git.soc.example:2222/runbooks.git', 'ssh'],
    ['git@git.soc.example:soc/runbooks.git', 'ssh'],
  ])('%s is a %s', (text, kind) => {
    expect(repositoryPlace(text)).toEqual({ kind, place: text });
  });

  it.each([
    '',
    '-u',
    '--upload-pack=touch /tmp/x',
    'ext::sh -c touch% /tmp/x',
    'fd::17',
    'file:///srv/runbooks',
    'git://git.soc.example/runbooks',
    'http://git.soc.example/runbooks.git',
    'https://user:secret@git.soc.example/runbooks.git',
    'https://token@git.soc.example/runbooks.git',
    'ssh://git:secret@git.soc.example/x',
    'ssh://-oProxyCommand=touch/x',
    'a\nb',
    'a\0b',
    `/${'x'.repeat(2_000)}`,
  ])('refuses %j', (text) => {
    expect(() => repositoryPlace(text)).toThrow();
  });

  it('repeats no secret of an address', () => {
    expect(() => repositoryPlace('https://user:hunter2@git.soc.example/x')).toThrow(/^(?!.*hunter2).*credential/);
  });

  it.each(['HEAD', 'main', 'release/2.1', 'v1.0+build', 'refs/heads/main', 'a'.repeat(40)])(
    'takes the ref %s',
    (ref) => {
      expect(gitRef(ref)).toBe(ref);
    },
  );

  it.each([
    '',
    '-x',
    '--all',
    'a..b',
    'main^',
    'main~1',
    'a:b',
    '+main',
    'a b',
    '@{-1}',
    'x.lock',
    'x/',
    'a//b',
    '*',
    'a\n',
    '/a',
    'a/.b',
  ])('refuses the ref %j', (ref) => {
    expect(() => gitRef(ref)).toThrow(/^ref is/);
  });

  it('takes folders inside the repository only', () => {
    expect([folderInside(''), folderInside('.'), folderInside('soc//runbooks/')]).toEqual(['', '', 'soc/runbooks']);
    for (const text of ['/etc', '..', 'a/../..', 'a\0b', 'a\nb'])
      expect(() => folderInside(text)).toThrow(/^folder is/);
  });
});
