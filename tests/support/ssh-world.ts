import { newSshKey } from './ssh-key.ts';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeEtc, type HostRoot } from './ssh-root.ts';

/**
 * Real hosts for tests: network namespaces with an sshd of their own, joined to this machine by a virtual cable. Accounts are
 * changed in a private copy of /etc, which only these processes see. Only tests import this file.
 */

/** Why these tests cannot run here; null: they can. */
export function whyNoHosts(): string | null {
  if (process.platform !== 'linux') return 'no Linux';
  if (process.getuid?.() !== 0) return 'not root';
  for (const program of ['/usr/sbin/sshd', '/usr/sbin/nft']) {
    try {
      execFileSync('test', ['-x', program]);
    } catch {
      return `no ${program}`;
    }
  }
  try {
    execFileSync('unshare', ['-n', '-m', 'true'], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
  } catch {
    return 'namespaces are not allowed';
  }
  return null;
}

/** What the name of a group of tests ends with: why it is skipped, where it is. */
export function note(missing: string | null): string {
  return missing === null ? '' : ` (SKIPPED: ${missing})`;
}

/** Time that a process gets to say that it is ready, in ms. */
const READY_MS = 10_000;
export const SSH_PORT = 2_222;

export interface World {
  readonly directory: string;
  /** This machine's address on the cable: where Firebreak comes from. */
  readonly here: string;
  readonly here6: string;
  /** The host's address on the cable. */
  readonly there: string;
  readonly there6: string;
  /** `SHA256:` fingerprint and public key line of the host's key. */
  readonly hostKey: { readonly fingerprint: string; readonly line: string };
  /** A private key that root and `collector` let in. */
  readonly userKey: string;
  readonly namespace: string;
  /** The private copy of /etc. */
  readonly etc: string;
  /** A namespace more. */
  addNamespace(): string;
  /** Runs a program in the host's namespaces, or in another network namespace. Gives what it wrote. */
  inside(
    program: string,
    args: readonly string[],
    options?: { readonly namespace?: string; readonly input?: string },
  ): string;
  /** Starts a TCP service in a network namespace that greets with `hello`. Resolves when it listens. */
  serve(port: number, namespace?: string): Promise<void>;
  startSshd(extra?: readonly string[]): Promise<void>;
  /** Starts an sshd in a root and with processes of its own, in a network namespace, with this world's host key and user key. */
  startHost(
    root: HostRoot,
    options?: {
      readonly namespace?: string;
      readonly extra?: readonly string[];
      /** Devices more, as `mknod` takes them. */
      readonly devices?: readonly string[];
    },
  ): Promise<void>;
  /** Ends the sshd that listens; sessions that are open go on. */
  stopListening(): void;
  /** Ends every session that is open, as a cable that is cut does; new ones are let in. */
  cutSessions(): void;
  close(): void;
}

const open = new Set<World>();
process.once('exit', () => {
  for (const world of open) world.close();
});

export async function startWorld(): Promise<World> {
  const name = `fbssh-${randomUUID().slice(0, 13)}`;
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-ssh-'));
  // Accounts other than root have to find their keys in it.
  chmodSync(directory, 0o711);
  const children: ChildProcess[] = [];
  const namespaces = [name];
  const etc = join(directory, 'etc');
  let sshd: ChildProcess | null = null;
  ip('netns', 'add', name);
  const { cable, network } = layCable(name);
  const net = (last: number): string =>
    `198.${18 + (network >> 14)}.${(network >> 6) & 255}.${(network & 63) * 4 + last}`;
  const net6 = (last: number): string => `fd5b::${network.toString(16)}:${last}`;
  ip('addr', 'add', `${net(1)}/30`, 'dev', `${cable}a`);
  ip('addr', 'add', `${net6(1)}/126`, 'dev', `${cable}a`, 'nodad');
  ip('link', 'set', `${cable}a`, 'up');
  ip('-n', name, 'link', 'set', 'lo', 'up');
  ip('-n', name, 'addr', 'add', `${net(2)}/30`, 'dev', `${cable}b`);
  ip('-n', name, 'addr', 'add', `${net6(2)}/126`, 'dev', `${cable}b`, 'nodad');
  ip('-n', name, 'link', 'set', `${cable}b`, 'up');
  const hostKey = makeHostKey(directory);
  const user = newSshKey();
  writeFileSync(join(directory, 'authorized_keys'), `${user.public}\n`);
  makeEtc(etc);

  /** Starts an sshd, and gives it when it listens. */
  async function listening([program = '', ...args]: readonly string[]): Promise<ChildProcess> {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    children.push(child);
    let said = '';
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`sshd says: ${said}`)), READY_MS);
      child.stderr.on('data', (bytes: Buffer) => {
        said = `${said}${bytes.toString('utf8')}`.slice(-10_000);
        if (!said.includes('Server listening on')) return;
        clearTimeout(late);
        resolve();
      });
      child.once('exit', (code) => {
        clearTimeout(late);
        reject(new Error(`sshd ended with ${code}: ${said}`));
      });
    });
    return child;
  }

  const world: World = {
    directory,
    here: net(1),
    here6: net6(1),
    there: net(2),
    there6: net6(2),
    hostKey,
    userKey: user.private,
    namespace: name,
    etc,
    addNamespace() {
      const added = `${name}-${namespaces.length}`;
      ip('netns', 'add', added);
      namespaces.push(added);
      ip('-n', added, 'link', 'set', 'lo', 'up');
      return added;
    },
    inside(program, args, { namespace = name, input } = {}) {
      const options = { encoding: 'utf8' as const, stdio: ['pipe', 'pipe', 'pipe'] as const };
      return execFileSync('ip', ['netns', 'exec', namespace, program, ...args], {
        ...options,
        stdio: [...options.stdio],
        input: input ?? '',
      });
    },
    async serve(port, namespace = name) {
      const program = `require('net').createServer((s)=>s.on('error',()=>0).end('hello')).listen(${port},'::',()=>console.log('ready'))`;
      const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      await new Promise<void>((resolve, reject) => {
        child.stdout.once('data', () => resolve());
        child.once('exit', (code) => reject(new Error(`the service ended with ${code}`)));
      });
    },
    async startSshd(extra = []) {
      const file = join(directory, `sshd_config-${randomUUID()}`);
      writeFileSync(file, configOf(directory, extra).join('\n'));
      const enter = `mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && mount --bind ${etc} /etc && exec /usr/sbin/sshd -D -e -f ${file}`;
      sshd = await listening(['ip', 'netns', 'exec', name, 'unshare', '-m', 'sh', '-c', enter]);
    },
    async startHost(root, { namespace = name, extra = [], devices = [] } = {}) {
      for (const file of ['host_key', 'authorized_keys']) {
        const mode = file === 'host_key' ? 0o600 : 0o644;
        root.write(`/etc/ssh/${file}`, readFileSync(join(directory, file)), mode);
      }
      root.write('/etc/ssh/sshd_config', configOf('/etc/ssh', extra).join('\n'));
      const enter = root.enter('/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config', devices);
      const own = ['unshare', '--mount', '--pid', '--fork', '--kill-child'];
      await listening(['ip', 'netns', 'exec', namespace, ...own, 'sh', '-c', enter]);
    },
    stopListening() {
      sshd?.kill('SIGTERM');
    },
    cutSessions() {
      for (const pid of pidsIn(name)) {
        if (pid !== sshd?.pid && commandOf(pid).startsWith('sshd: ')) killQuietly(pid);
      }
    },
    close() {
      open.delete(world);
      for (const namespace of namespaces) {
        // Of these namespaces alone: whatever still runs in there was started by these tests.
        for (const pid of pidsIn(namespace)) killQuietly(pid);
        quietly(() => ip('netns', 'del', namespace));
      }
      for (const child of children) child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
  open.add(world);
  return world;
}

/** Networks of four addresses in those that are kept for tests of networks (RFC 2544). */
const NETWORKS = 32_768;

/**
 * A cable from this machine into a namespace, and the number of a network that nobody else here has: the cable is called after it, and
 * the kernel lets a name be given once. A run that was killed leaves its cables, so that no number is safe because of who counts.
 */
function layCable(namespace: string): { readonly cable: string; readonly network: number } {
  const first = randomInt(NETWORKS);
  for (let tries = 0; tries < 100; tries += 1) {
    const network = (first + tries) % NETWORKS;
    const cable = `fb${network}`;
    try {
      ip('link', 'add', `${cable}a`, 'type', 'veth', 'peer', 'name', `${cable}b`, 'netns', namespace);
      return { cable, network };
    } catch (thrown) {
      if (!String(thrown).includes('File exists')) throw thrown;
    }
  }
  throw new Error('no network is free for a world of tests');
}

/** Whether something listens there and can be reached, within the time. */
export function reaches(host: string, port: number, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (reached: boolean): void => {
      clearTimeout(late);
      socket.destroy();
      resolve(reached);
    };
    const late = setTimeout(() => done(false), withinMs);
    socket.once('data', () => done(true));
    socket.once('error', () => done(false));
  });
}

/** The same from inside a network namespace. */
export function reachesFrom(namespace: string, host: string, port: number, withinMs: number): Promise<boolean> {
  const program = `const s=require('net').connect(${port},'${host}');s.once('data',()=>process.exit(0));s.once('error',()=>process.exit(1));setTimeout(()=>process.exit(2),${withinMs})`;
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', program], { stdio: 'ignore' });
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code === 0));
  });
}

function configOf(directory: string, extra: readonly string[]): string[] {
  return [
    `Port ${SSH_PORT}`,
    'AddressFamily any',
    `HostKey ${join(directory, 'host_key')}`,
    `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'MaxStartups 100',
    'LogLevel INFO',
    'UseDNS no',
    ...extra,
  ];
}

function makeHostKey(directory: string): World['hostKey'] {
  const file = join(directory, 'host_key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
  const line = readFileSync(`${file}.pub`, 'utf8').trim();
  const printed = execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' });
  return { line, fingerprint: /SHA256:\S+/.exec(printed)?.[0] ?? '' };
}

function pidsIn(namespace: string): number[] {
  try {
    return execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

/** What a process calls itself; sshd calls the processes of its sessions `sshd: USER`, its listener `sshd: ... [listener]`. */
function commandOf(pid: number): string {
  try {
    const name = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return name.includes('[listener]') ? '' : name;
  } catch {
    return '';
  }
}

function killQuietly(pid: number): void {
  quietly(() => process.kill(pid, 'SIGKILL'));
}

function quietly(work: () => unknown): void {
  try {
    work();
  } catch {
    // It is gone already, or was never there.
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
