import { newSshKey } from '../../../tests/support/ssh-key.ts';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as commands from './commands.ts';
import { parseHosts, type SshHost } from './hosts-file.ts';
import { READ_SCRIPT } from './read-script.ts';

const example = (name: string): string =>
  readFileSync(new URL(`../../../examples/ssh/${name}`, import.meta.url), 'utf8');

function hosts(): readonly SshHost[] {
  const key = newSshKey().private;
  const parsed = parseHosts(example('hosts.yaml'), { readFile: () => '', key, passphrase: null });
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.hosts;
}

/** Program and arguments as sudo sees them, with the search path of the commands. */
function asked({ line }: commands.Command): string {
  const after = /^env -i \S+ LC_ALL=C (?:sh -c '[^']*' sh )?sudo -n (.*)$/.exec(line)?.[1];
  if (after === undefined) throw new Error(`not through sudo: ${line}`);
  const [program = '', ...args] = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${after}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
  return [program.replace(/^.*\//, ''), ...args].join(' ');
}

/** The rules of the sudoers file, as patterns over what `asked` gives. */
function rules(): readonly RegExp[] {
  const aliases = example('sudoers')
    .replaceAll('\\\n', '')
    .split('\n')
    .flatMap((line) => /^Cmnd_Alias \S+ = (.*)$/.exec(line)?.[1] ?? []);
  return aliases
    .flatMap((list) => list.split(/(?<!\\),/))
    .map((rule) => {
      const [, program = '', args = ''] = /^\s*\S*\/(\S+) ?(.*?)\s*$/.exec(rule.replaceAll(/\\([,:=])/g, '$1')) ?? [];
      if (args.startsWith('^')) return new RegExp(`^${program} ${args.slice(1)}`);
      return new RegExp(`^${`${program} ${args}`.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`);
    });
}

describe('examples/ssh', () => {
  it('has a hosts file that can be used', () => {
    expect(hosts().map(({ id }) => id)).toEqual(['web-1', 'gw-1']);
  });

  it('has the reader as it is run where Firebreak is root', () => {
    expect(example('firebreak-read').endsWith(`\n${READ_SCRIPT}\n`)).toBe(true);
  });

  it('lets sudo run all that is run, and no rule for nothing', () => {
    const [host] = hosts();
    if (host === undefined) throw new Error('there is a host');
    const all = [
      commands.applyRules(host),
      commands.listTable(host, 'firebreak_isolation'),
      commands.listTable(host, 'firebreak_segment_0123456789abcdef01234567'),
      commands.showShadow(host, 'alice'),
      commands.changeAccount(host, 'alice', 'lock', 17),
      commands.changeAccount(host, 'alice', 'unlock', null),
      commands.changeAccount(host, 'alice', 'keep', 20_000),
      commands.endProcesses(host, 1_000),
      commands.listProcesses(host, 1_000),
      commands.endConnections(host, 1_000),
      commands.endTerminals(host, 1_000, ['pts/3', 'tty1', 'ttyS0']),
      commands.read(host, 'artifact'),
      commands.read(host, 'image'),
      // Safe: the keys of an object that is written down are its keys.
      ...(Object.keys(commands.LISTS) as commands.ListName[]).map((name) => commands.collectList(host, name)),
    ].map(asked);
    const allowed = rules();
    for (const each of all)
      expect(
        allowed.some((rule) => rule.test(each)),
        each,
      ).toBe(true);
    for (const rule of allowed)
      expect(
        all.some((each) => rule.test(each)),
        rule.source,
      ).toBe(true);
  });

  it.each([
    'usermod --lock --expiredate 1 --shell /bin/sh root',
    'usermod --expiredate 1 alice -u 0',
    'getent shadow alice bob',
    'nft -f /etc/passwd',
    'nft -j list table inet firebreak_x; flush ruleset',
    'nft -j list table inet filter',
    'pkill -KILL -u 0',
    'pkill -KILL -u 0 sshd',
    'pkill -KILL -u 1000 -t pts/0 -u 0',
    'pkill -KILL -u 1000 systemd',
    'ps -ww -o pid -o etimes -o tty -o comm -u 1000 e',
    'firebreak-read artifact /etc/shadow',
    'sh -c id',
  ])('does not let sudo run %s', (line) => {
    expect(rules().some((rule) => rule.test(line))).toBe(false);
  });
});
