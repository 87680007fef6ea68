import { newSshKey } from '../../../tests/support/ssh-key.ts';
import { describe, expect, it } from 'vitest';
import { parseHosts, type KeySources } from './hosts-file.ts';

const pair = newSshKey();
const sources: KeySources = {
  key: pair.private,
  passphrase: null,
  readFile(path) {
    if (path === '/keys/good') return pair.private;
    if (path === '/keys/public') return pair.public;
    if (path === '/keys/empty') return '';
    throw new Error(`ENOENT: no such file, open '${path}'`);
  },
};
const pin = `SHA256:${'a'.repeat(43)}`;
const minimal = `{ id: web-1, address: 10.0.0.5, user: root, host_keys: ["${pin}"], management: [10.0.0.2], privilege: root`;
const file = (rest = '', more = ''): string => `hosts:\n  - ${minimal}${rest} }\n${more}`;

function faultsOf(text: string, given = sources): readonly string[] {
  const parsed = parseHosts(text, given);
  return 'faults' in parsed ? parsed.faults : [];
}

describe('parseHosts', () => {
  it('fills in what is usual, and writes ids as events do', () => {
    const parsed = parseHosts(file('').replace('web-1', '" WEB-1 "'), sources);
    expect(parsed).toMatchObject({
      hosts: [{ id: 'web-1', port: 22, max_sessions: 4, nftables: false, local_accounts: false, images: [] }],
    });
  });

  it('takes JSON, a whole public key as a pin, and a key file', () => {
    const host = {
      id: 'h',
      address: 'h.example',
      user: 'fb',
      key_file: '/keys/good',
      host_keys: [pair.public],
      management: ['fd00::/64'],
      privilege: 'sudo',
    };
    const parsed = parseHosts(JSON.stringify({ hosts: [host] }), { ...sources, key: null });
    expect(parsed).toMatchObject({ hosts: [{ host_keys: [{ type: 'ssh-ed25519' }] }] });
  });

  it.each([
    [', colour: red', '/hosts/0'],
    [', port: 0', '/hosts/0/port'],
    [', port: "22"', '/hosts/0/port'],
    [', max_sessions: 99', '/hosts/0/max_sessions'],
    [', key_file: keys/x', '/hosts/0/key_file'],
    [', key_file: /keys/none', 'it cannot be read'],
    [', key_file: /keys/public', 'it is a public key'],
    [', key_file: /keys/empty', 'it is not a private key'],
    [', artifacts: { roots: [/var/../etc] }', '/hosts/0/artifacts/roots/0'],
    [', artifacts: { roots: [/var//log] }', '/hosts/0/artifacts/roots/0'],
    [', artifacts: { roots: [/var/log/] }', '/hosts/0/artifacts/roots/0'],
    [', artifacts: { roots: [] }', '/hosts/0/artifacts/roots'],
    [', images: [{ name: a, kind: tape, path: /dev/st0 }]', '/hosts/0/images/0/kind'],
    [', protected_accounts: ["-x"]', '/hosts/0/protected_accounts/0'],
    [', segments: [{ id: dmz, prefixes: [10.1.0.0/16] }]', 'nftables: true'],
    [', nftables: true, segments: [{ id: a, prefixes: [10.1.0.0/16] }, { id: b, prefixes: [10.1.2.0/24] }]', 'overlap'],
    [', nftables: true, segments: [{ id: a, prefixes: [0.0.0.0/0] }]', 'everything'],
    [', nftables: true, segments: [{ id: a, prefixes: [10.1.0.1/16] }]', '/hosts/0/segments/0/prefixes/0'],
    [', __proto__: { privilege: root }', '/hosts/0'],
  ])('names the fault of %s', (rest, where) => {
    expect(faultsOf(file(rest)).join('\n')).toContain(where);
  });

  it('lists all faults at once', () => {
    const text = file(', port: 0, max_sessions: 0').replace('10.0.0.2', 'everybody').replace(pin, 'md5:00');
    expect(faultsOf(text)).toHaveLength(4);
  });

  it('refuses ids and segments that stand there twice', () => {
    const segments = ', nftables: true, segments: [{ id: dmz, prefixes: [10.1.0.0/16] }] }';
    const faults = faultsOf(`hosts:\n  - ${minimal}${segments}\n  - ${minimal}${segments}`);
    expect(faults.join('\n')).toMatch(/id web-1 .* twice[\s\S]*segment dmz .* twice/);
  });

  it.each([
    ['an alias', `a: &a [x]\nhosts: *a`],
    ['a bomb', `a: &a [x,x]\nb: &b [*a,*a]\nhosts: [*b,*b]`],
    ['a key twice', `hosts: []\nhosts: []`],
    ['no YAML', '{"hosts": ['],
    ['nothing', ''],
    ['a list', '[]'],
    ['a huge file', 'x'.repeat(1_000_001)],
  ])('refuses %s', (_what, text) => {
    expect(faultsOf(text)).not.toHaveLength(0);
  });

  it('says where a key comes from when there is none, and never shows one', () => {
    expect(faultsOf(file(), { ...sources, key: null }).join()).toContain('SSH_KEY_FILE');
    const broken = pair.private.replace('b3Blb', 'AAAAA');
    expect(faultsOf(file(), { ...sources, key: broken }).join()).not.toContain('AAAAA');
  });
});
