import { createHash } from 'node:crypto';
import type { ConnectorError } from '../../pipeline/actions/contract.ts';
import type { ArtifactKind } from '../../pipeline/actions/desks.ts';
import { refused } from '../define-handler.ts';
import { collectList, LISTS, read, type Command, type ListName } from './commands.ts';
import { answered } from './failure.ts';
import type { SshHost } from './hosts-file.ts';
import type { Pool } from './pool.ts';
import { failedCommand } from './run.ts';
import type { Session } from './session.ts';

/** Streams what a host has, and notices what happens to it meanwhile. Nothing is held in memory but what is on its way. */

export interface Source {
  readonly what: 'artifact' | 'image' | 'list';
  readonly name: string;
  /** A path that was checked, or the name of a list. */
  readonly location: string;
  /** Most bytes of it. */
  readonly limit: number;
  readonly kind: ArtifactKind;
}

export interface HostStream {
  readonly name: string;
  /** By the host's clock, ms since 1970; null: it does not say. */
  readonly modifiedAt: number | null;
  /** What was run there. */
  readonly method: string;
  /** To be read once. Throws ConnectorError when it breaks off or is longer than its limit. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Bytes that were read so far. */
  read(): number;
  /** What was noticed; asked when all was read. */
  altered(): string | null;
}

/** What the reader says about a file before and after it has read it. */
interface Seen {
  readonly kind: 'file' | 'directory' | 'device' | 'memory';
  readonly size: number;
  /** Size, times and number of the inode, as one text. */
  readonly state: string;
  readonly modifiedAt: number | null;
}

/**
 * Opens it on the host and hands the stream over; ends the session when `use` is done.
 * @throws ConnectorError with what the host refuses (`artifact_missing`, `artifact_is_link` ...), before anything is streamed
 */
export function openStream<Result>(
  pool: Pool,
  host: SshHost,
  source: Source,
  signal: AbortSignal,
  use: (stream: HostStream) => Promise<Result>,
): Promise<Result> {
  const { what, location } = source;
  const command = what === 'list' ? collectList(host, listOf(location)) : read(host, what);
  const input = what === 'list' ? {} : { input: `${location}\n` };
  return pool.withSession(host, command, { signal, ...input }, async (session) =>
    use(what === 'list' ? ofList(host, source, session) : await ofFile(host, source, session, command)),
  );
}

function listOf(location: string): ListName {
  // Checked by `sourceOf`, which makes lists of nothing else.
  return location as ListName;
}

function ofList(host: SshHost, source: Source, session: Session): HostStream {
  const flow = flowOf(host, source, session);
  const method = LISTS[listOf(source.location)];
  return { name: source.name, modifiedAt: null, method, altered: () => null, ...flow };
}

async function ofFile(host: SshHost, source: Source, session: Session, command: Command): Promise<HostStream> {
  const seen = await headOf(host, source, session);
  if (seen.size > source.limit)
    throw refused(
      'artifact_too_big',
      `it has ${seen.size} bytes; the hosts file allows ${source.limit} for ${host.id}`,
    );
  const hash = createHash('sha256');
  const flow = flowOf(host, source, session, (bytes) => hash.update(bytes));
  let noticed: string | null = null;
  async function* watched(): AsyncGenerator<Uint8Array> {
    yield* flow.content;
    noticed = await changesOf(seen, session, flow.read(), () => hash.digest('hex'));
  }
  const isDirectory = seen.kind === 'directory';
  return {
    name: isDirectory ? `${source.name}.tar` : source.name,
    modifiedAt: seen.modifiedAt,
    method: `${methodOf(host, command)} < ${JSON.stringify(source.location)}`,
    content: watched(),
    read: flow.read,
    altered: () => noticed,
  };
}

/** The reader's text is long and always the same: its place in the repository says more than its repetition. */
function methodOf(host: SshHost, { line }: Command): string {
  return host.privilege === 'sudo' ? line : `sh -c READ_SCRIPT firebreak-read ${line.slice(line.lastIndexOf(' ') + 1)}`;
}

/** Lines that are not the reader's own are passed over: sshd and shells say things there too. */
async function headOf(host: SshHost, source: Source, session: Session): Promise<Seen> {
  for (let note = await session.nextNote(); note !== null; note = await session.nextNote()) {
    const refusal = /^refused ([a-z_]{1,40})$/.exec(note)?.[1];
    if (refusal !== undefined) throw refusalOf(refusal, host);
    const seen = seenOf(note, 'head');
    if (seen !== null) return seen;
  }
  session.output.resume();
  const exit = await session.exit;
  if (exit.code === 0)
    throw refused('unexpected_reply', `the reader on ${host.id} does not say what ${source.what} it read`);
  throw failedCommand(host, exit);
}

function seenOf(note: string, word: 'head' | 'tail'): Seen | null {
  const found = /^(head|tail) (file|directory|device|memory) (\d{1,15}) (\d{1,12}) (\d{1,12}) (\S{1,60})$/.exec(note);
  if (found === null || found[1] !== word) return null;
  const [, , kind, size, modified, changed, inode] = found;
  const modifiedAt = kind === 'file' ? Number(modified) * 1_000 : null;
  // One of the four by the pattern above.
  return {
    kind: kind as Seen['kind'],
    size: Number(size),
    modifiedAt,
    state: `${size} ${modified} ${changed} ${inode}`,
  };
}

const REFUSALS: Readonly<Record<string, readonly [code: string, message: string]>> = {
  missing: ['artifact_missing', 'there is nothing of this name'],
  symlink: ['artifact_is_link', 'it is a symbolic link, or is reached through one; name what it leads to'],
  special: [
    'artifact_is_special',
    'it is neither a regular file nor a directory, nor a device that an image is taken of',
  ],
  denied: ['artifact_denied', 'it may not be read'],
};

function refusalOf(word: string, host: SshHost): ConnectorError {
  const [code, message] = REFUSALS[word] ?? ['artifact_refused', `the reader refuses it: ${word}`];
  return answered(code, `${message} (${host.id})`);
}

interface Flow {
  readonly content: AsyncIterable<Uint8Array>;
  read(): number;
}

/** The output of a command up to a limit; the command itself must have ended well. */
function flowOf(
  host: SshHost,
  { limit }: Source,
  session: Session,
  look: (bytes: Uint8Array) => unknown = () => undefined,
): Flow {
  let read = 0;
  async function* content(): AsyncGenerator<Uint8Array> {
    try {
      // Not destroyed at its end: how the command ended comes after it.
      for await (const piece of session.output.iterator({ destroyOnReturn: false })) {
        // A channel without an encoding gives buffers.
        const bytes = piece as Buffer;
        const room = limit - read;
        const part = bytes.length > room ? bytes.subarray(0, room) : bytes;
        read += part.length;
        look(part);
        if (part.length > 0) yield part;
        if (bytes.length > room)
          throw refused('artifact_too_big', `it is longer than the ${limit} bytes that are allowed`);
      }
    } catch (thrown) {
      // A channel whose connection is lost ends before its time; how the command ended says why.
      if (isPrematureEnd(thrown)) await session.exit;
      throw thrown;
    }
    const exit = await session.exit;
    if (exit.code !== 0) throw failedCommand(host, exit);
  }
  return { content: content(), read: () => read };
}

function isPrematureEnd(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('ERR_STREAM');
}

/** Compares what the reader saw before and after, and the host's own hash with that of what came. */
async function changesOf(before: Seen, session: Session, read: number, digest: () => string): Promise<string | null> {
  if (before.kind === 'device' || before.kind === 'memory')
    return 'read from a running host: what changed meanwhile is of several moments';
  if (before.kind === 'directory') return 'read from a running host: its files are of several moments';
  let after: Seen | null = null;
  let theirs: string | null = null;
  for (let note = await session.nextNote(); note !== null; note = await session.nextNote()) {
    after ??= seenOf(note, 'tail');
    theirs ??= /^sha256 ([0-9a-f]{64})$/.exec(note)?.[1] ?? null;
  }
  const said: string[] = [];
  if (read < before.size) said.push(`only ${read} of its ${before.size} bytes could be read: it was cut meanwhile`);
  if (after === null) said.push('the host does not say whether it changed while it was read');
  else if (after.size !== before.size)
    said.push(`its size went from ${before.size} to ${after.size} while it was read`);
  else if (after.state !== before.state) said.push('it changed while it was read');
  if (theirs !== null && theirs !== digest()) said.push(`right after, the host counts another sha256: ${theirs}`);
  return said.length === 0 ? null : said.join('; ');
}
