import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeAccount, endProcesses, endTerminals, listTable, read, showAccount, showShadow } from './commands.ts';
import { sourceOf } from './collect.ts';
import type { SshHost } from './hosts-file.ts';
import { READ_SCRIPT } from './read-script.ts';

// Only these members are looked at here.
const host = { id: 'h', privilege: 'sudo', artifacts: { roots: ['/var/log'], max_gb: 1 } } as unknown as SshHost;
const root = { id: 'r', privilege: 'root' } as unknown as SshHost;
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

describe('the table of commands', () => {
  it('builds no command of a name that is not one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('-rf', 'a b', "a'b", '$(id)', 'a;b', '', 'a\nb')), (name) => {
        fc.pre(!/^[a-z_][a-z0-9_.-]{0,31}\$?$/.test(name));
        for (const build of [
          () => showAccount(name),
          () => showShadow(host, name),
          () => changeAccount(host, name, 'lock', 1),
        ])
          expect(build).toThrow(RangeError);
        expect(() => listTable(host, name)).toThrow(RangeError);
      }),
    );
  });

  it('builds no command of a number that is not one', () => {
    for (const wrong of [-1, 1.5, Number.NaN, Infinity]) expect(() => endProcesses(host, wrong)).toThrow(RangeError);
  });

  it('builds no command of a terminal that is not one, nor of none', () => {
    for (const wrong of [
      [],
      [''],
      ['pts/0 -u 0'],
      ['pts/0', '$(id)'],
      ['pts/0,tty1'],
      ['-u'],
      ['pts/0\n'],
      ['../pts/0'],
    ])
      expect(() => endTerminals(host, 1_000, wrong), JSON.stringify(wrong)).toThrow(RangeError);
    expect(endTerminals(host, 1_000, ['pts/0', 'ttyS0']).line).toMatch(/pkill -KILL -u 1000 -t pts\/0,ttyS0$/);
  });

  it('gives every command a fixed environment, and sudo where the account is not root', () => {
    expect(showShadow(host, 'svc$').line).toBe(
      "env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C sudo -n getent shadow 'svc$'",
    );
    expect(changeAccount(host, 'svc$', 'unlock', null).line).toMatch(
      / LC_ALL=C sh -c '[^']*' sh sudo -n usermod --unlock --expiredate '' 'svc\$'$/,
    );
    expect(read(host, 'image').line).toMatch(/ sudo -n \/usr\/local\/sbin\/firebreak-read image$/);
  });

  it('changes nothing before its line has come, nor where its input ends without one', () => {
    // Nobody has this number; as nobody, so that it could end nothing either.
    const { line, begins } = endProcesses(root, 4_294_967_290);
    const exit = (input: string) => spawnSync('/bin/sh', ['-c', line], { input, ...NOBODY }).status;
    expect(begins).toBe('\n');
    expect([exit(''), exit('no end of line'), exit('\n')]).toEqual([125, 125, 1]);
    for (const { begins: at } of [changeAccount(root, 'alice', 'lock', 1), endTerminals(root, 1_000, ['pts/0'])])
      expect(at).toBe('\n');
    for (const { begins: at } of [
      showShadow(root, 'alice'),
      listTable(root, 'firebreak_isolation'),
      read(root, 'image'),
    ])
      expect(at).toBeUndefined();
  });

  it('has a reader that a plain shell takes', () => {
    expect(READ_SCRIPT).not.toContain("'");
    execFileSync('/bin/sh', ['-n', '-c', READ_SCRIPT]);
  });
});

describe('sourceOf', () => {
  it('lets only plain paths below an allowed root through', () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'a',
      ' ',
      '\n',
      '\0',
      '$(id)',
      '\u{1F525}',
      'log',
      'var',
      '-',
      '*',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.boolean(), (parts, below) => {
        const path = `${below ? '/var/log/' : '/'}${parts.join('/')}`;
        const plain = path.split('/').slice(1);
        const isPlain = plain.every((each) => each !== '' && each !== '.' && each !== '..') && !/\p{Cc}/u.test(path);
        const allowed = isPlain && path.isWellFormed() && (path === '/var/log' || path.startsWith('/var/log/'));
        if (allowed) expect(sourceOf(host, path).location).toBe(path);
        else expect(() => sourceOf(host, path)).toThrow(/./);
      }),
      { numRuns: 500 },
    );
  });
});
