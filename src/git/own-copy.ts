import { mkdtemp, rm } from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { gitFault, mustRunGit, runGit, type GitAnswer } from './run-git.ts';
import type { RepositoryPlace } from './where.ts';

/**
 * A bare repository of our own, in a temporary folder, with the commits that were fetched. The configuration, hooks, filters and
 * work tree of the other repository have no say in it: all that comes over is objects, each named by its hash.
 */
export interface OwnCopy {
  /** Of a call in the copy. @throws FirebreakError `invalid_request` */
  must(what: string, args: readonly string[], more?: CallOptions): Promise<Buffer>;
  ask(args: readonly string[], more?: CallOptions): Promise<GitAnswer>;
  /** Fetches a ref, or a commit. False: it is not there. */
  fetch(ref: string): Promise<boolean>;
  remove(): Promise<void>;
}

export interface CallOptions {
  readonly input?: string;
  readonly maxBytes?: number;
}

/** Most that a small answer holds, in bytes. */
const SMALL_BYTES = 1024 * 1024;
/** The name under which the fetched commit stands in the copy. */
export const FETCHED = 'refs/firebreak/source';

/** Variables that git needs to find programs, keys and the user's own configuration. Others could steer it. */
const HANDED_ON = [
  'PATH',
  'HOME',
  'XDG_CONFIG_HOME',
  'GNUPGHOME',
  'SSH_AUTH_SOCK',
  'HTTPS_PROXY',
  'https_proxy',
  'SSL_CERT_FILE',
];

/** @throws FirebreakError `invalid_request` when there is no git or no room for a copy */
export async function openOwnCopy(
  { kind, place }: RepositoryPlace,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<OwnCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-git-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const given = givenOf(environment);
  // In the copy nobody's configuration holds but what is said here.
  const own = { ...given, GIT_CONFIG_GLOBAL: devNull, GIT_CONFIG_SYSTEM: devNull, GIT_CONFIG_NOSYSTEM: '1' };
  const inCopy = (args: readonly string[]): readonly string[] => [`--git-dir=${folder}`, ...ALWAYS, ...args];
  const must: OwnCopy['must'] = (what, args, { input = '', maxBytes = SMALL_BYTES } = {}) =>
    mustRunGit(what, { args: inCopy(args), env: own, input, maxBytes });
  const ask: OwnCopy['ask'] = (args, { input = '', maxBytes = SMALL_BYTES } = {}) =>
    runGit({ args: inCopy(args), env: own, input, maxBytes });
  const from = kind === 'path' && !isAbsolute(place) ? resolve(place) : place;
  const protocol = kind === 'path' ? 'file' : kind;
  const fetchArgs = (ref: string): readonly string[] => [
    '-c',
    'protocol.allow=never',
    '-c',
    `protocol.${protocol}.allow=always`,
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-recurse-submodules',
    '--no-auto-maintenance',
    '--no-write-fetch-head',
    '--update-shallow',
    '--force',
    '--',
    from,
    `+${ref}:${FETCHED}`,
  ];
  try {
    const made = await runGit({
      args: [...ALWAYS, 'init', '--quiet', '--bare', '--template=', '--', folder],
      env: own,
      maxBytes: SMALL_BYTES,
    });
    if (made.code !== 0) throw gitFault(`No copy can be made: ${made.complaint}`);
  } catch (thrown) {
    await remove();
    throw thrown;
  }
  return {
    must,
    ask,
    async fetch(ref) {
      // The user's own configuration holds here: credentials, proxies, and whose repositories are trusted.
      const answer = await runGit({ args: inCopy(fetchArgs(ref)), env: given, maxBytes: SMALL_BYTES });
      if (answer.code === 0) return true;
      if (/couldn't find remote ref|not our ref|no such ref|unadvertised object/i.test(answer.complaint)) return false;
      throw gitFault(`${from} cannot be fetched: ${answer.complaint}`);
    },
    remove,
  };
}

/** No hooks, no monitors, no redirects to elsewhere, no work behind our back. */
const ALWAYS: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.pager=cat',
  'http.followRedirects=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'gc.auto=0',
  'maintenance.auto=false',
].flatMap((setting) => ['-c', setting]);

function givenOf(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const handed = HANDED_ON.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(handed),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    SSH_ASKPASS: 'true',
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_LITERAL_PATHSPECS: '1',
  };
}
