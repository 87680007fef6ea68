import { cpSync, existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A root folder for a host of tests: it has its own /etc, /tmp, /evidence, /run, /var and processes, and this machine's programs,
 * which it cannot change. What tests write below it is what the host has. Only tests import this file.
 */
export interface HostRoot {
  /** Where the host's `/` lies on this machine. */
  readonly path: string;
  /** The private copy of /etc. */
  readonly etc: string;
  /** Where a path of the host lies on this machine. */
  at(path: string): string;
  /** A file of the host. */
  write(path: string, content: string | Uint8Array, mode?: number): void;
  /** A local account that is open, with the password of the others. */
  addAccount(name: string, uid: number): void;
  /** Shell text that goes over to this root for good and then runs the command; needs mount and process namespaces of its own. */
  enter(command: string, devices?: readonly string[]): string;
}

/** Folders that a host starts with, by their rights. */
const FOLDERS = [
  ['proc', 0o555],
  ['sys', 0o555],
  ['dev', 0o755],
  ['run', 0o755],
  ['usr', 0o755],
  ['root', 0o700],
  ['var/log', 0o755],
  ['evidence', 0o755],
  ['local-sbin', 0o755],
  // Its own rights come below: `mkdir` leaves the sticky bit out.
  ['tmp', 0o777],
] as const;

/** This machine's folders of programs that may be links into /usr. */
const PROGRAM_FOLDERS = ['bin', 'sbin', 'lib', 'lib32', 'lib64'];

/** Devices of a host: name, kind, major, minor. */
const DEVICES = ['null c 1 3', 'zero c 1 5', 'full c 1 7', 'random c 1 8', 'urandom c 1 9', 'tty c 5 0'];

/** Of a password that nobody has to know. */
const PASSWORD_HASH = '$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.';

/** @param path of a folder that does not exist yet */
export function makeRoot(path: string): HostRoot {
  mkdirSync(path, { mode: 0o755 });
  for (const [name, mode] of FOLDERS) mkdirSync(join(path, name), { recursive: true, mode });
  const etc = join(path, 'etc');
  makeEtc(etc);
  const bound: string[] = [];
  for (const name of PROGRAM_FOLDERS) {
    if (!existsSync(`/${name}`)) continue;
    const link = linkOf(`/${name}`);
    if (link === null) {
      mkdirSync(join(path, name));
      bound.push(name);
    } else symlinkSync(link, join(path, name));
  }
  const at = (inside: string): string => join(path, inside);
  return {
    path,
    etc,
    at,
    write(inside, content, mode = 0o644) {
      mkdirSync(dirname(at(inside)), { recursive: true });
      writeFileSync(at(inside), content, { mode });
    },
    addAccount(name, uid) {
      append(join(etc, 'passwd'), [`${name}:x:${uid}:${uid}:${name}:/nonexistent:/bin/sh`], '');
      append(join(etc, 'group'), [`${name}:x:${uid}:`], '');
      append(join(etc, 'shadow'), [`${name}:${PASSWORD_HASH}:19000:0:99999:7:::`], '');
    },
    enter: (command, devices = []) => enterText(path, ['usr', ...bound], devices, command),
  };
}

function enterText(path: string, bound: readonly string[], devices: readonly string[], command: string): string {
  const binds = bound.flatMap((name) => [
    `mount --rbind /${name} ${path}/${name}`,
    `mount -o remount,bind,ro ${path}/${name}`,
  ]);
  return [
    'set -e',
    'mount --make-rprivate /',
    `mount --bind ${path} ${path}`,
    ...binds,
    `mount --bind ${path}/local-sbin ${path}/usr/local/sbin`,
    `mount -t proc proc ${path}/proc`,
    `mount --rbind /sys ${path}/sys`,
    `mount -t tmpfs -o mode=755 tmpfs ${path}/run`,
    `mkdir -m 755 ${path}/run/sshd`,
    `mount -t tmpfs -o mode=755 tmpfs ${path}/dev`,
    ...[...DEVICES, ...devices].map((device) => `mknod -m 666 ${path}/dev/${device}`),
    `mkdir ${path}/dev/pts`,
    `mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts ${path}/dev/pts`,
    `ln -s pts/ptmx ${path}/dev/ptmx`,
    `ln -s /proc/self/fd ${path}/dev/fd`,
    `chmod 1777 ${path}/tmp`,
    `mkdir ${path}/.before`,
    `cd ${path}`,
    'pivot_root . .before',
    'umount -l /.before',
    'rmdir /.before',
    `exec ${command}`,
  ].join('\n');
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** A copy of /etc with accounts that may be changed: `alice` is open, `bob` was locked by somebody. */
export function makeEtc(etc: string): void {
  mkdirSync(etc);
  for (const name of [
    'passwd',
    'group',
    'shadow',
    'gshadow',
    'login.defs',
    'nsswitch.conf',
    'pam.d',
    'security',
    'protocols',
    'services',
    'ld.so.cache',
    'localtime',
    'iproute2',
    'default',
  ]) {
    if (existsSync(join('/etc', name)))
      cpSync(join('/etc', name), join(etc, name), { recursive: true, dereference: false });
  }
  append(
    join(etc, 'passwd'),
    [
      'alice:x:4001:4001:Alice:/nonexistent:/bin/sh',
      'bob:x:4002:4002:Bob:/nonexistent:/bin/sh',
      'sshd:x:4003:65534::/run/sshd:/usr/sbin/nologin',
    ],
    'sshd',
  );
  append(join(etc, 'group'), ['alice:x:4001:', 'bob:x:4002:'], '');
  append(
    join(etc, 'shadow'),
    [`alice:${PASSWORD_HASH}:19000:0:99999:7:::`, `bob:!${PASSWORD_HASH}:19000:0:99999:7::20000:`],
    '',
  );
  const passwd = join(etc, 'passwd');
  // A plain shell, and no start-up files of this machine's root.
  writeFileSync(passwd, readFileSync(passwd, 'utf8').replace(/^root:.*$/m, 'root:x:0:0:root:/:/bin/sh'));
  const shadow = join(etc, 'shadow');
  // A locked root would not be let in, whatever its key.
  writeFileSync(shadow, readFileSync(shadow, 'utf8').replace(/^root:[^:]*:/m, 'root:*:'), { mode: 0o600 });
}

/** @param unless a name whose line is left out where there is one already. */
function append(file: string, lines: readonly string[], unless: string): void {
  const present = readFileSync(file, 'utf8');
  const has = (name: string): boolean => new RegExp(`^${name}:`, 'm').test(present);
  const added = lines.filter((line) => unless === '' || !line.startsWith(`${unless}:`) || !has(unless));
  writeFileSync(file, `${present.replace(/\n*$/, '\n')}${added.join('\n')}\n`);
}
