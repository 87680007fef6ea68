import type { ConfigReader } from './config-reader.ts';

/** Where runbooks come from. */
export interface RunbookConfig {
  /** The Git repository that they are taken from at each start; null: they are put, or `firebreak sync` sends them. */
  readonly git: RunbookGitConfig | null;
  /** Git is the only way to change them. */
  readonly readOnly: boolean;
  /** Only commits with a good signature are taken. */
  readonly requireSigned: boolean;
}

export interface RunbookGitConfig {
  /** A path of this machine, or an https or ssh address. */
  readonly repository: string;
  readonly ref: string;
  /** Folder of the repository; empty: the whole of it. */
  readonly folder: string;
  /** File with the keys that count, as `ssh-keygen` reads it; null: those that gpg trusts. */
  readonly allowedSigners: string | null;
}

export function readRunbooks(read: ConfigReader): RunbookConfig {
  const repository = read.path('RUNBOOKS_GIT');
  const ref = read.optional(
    'RUNBOOKS_GIT_REF',
    /^[A-Za-z0-9_][A-Za-z0-9_./+-]{0,249}$/,
    'a branch, a tag or a commit id',
  );
  const folder = read.optional('RUNBOOKS_GIT_FOLDER', /^[^/\0][^\0]*$/, 'a path inside the repository');
  const allowedSigners = read.path('RUNBOOKS_GIT_SIGNERS');
  if (repository === null && (ref !== null || folder !== null || allowedSigners !== null))
    read.fault('RUNBOOKS_GIT_REF, RUNBOOKS_GIT_FOLDER and RUNBOOKS_GIT_SIGNERS need RUNBOOKS_GIT, the repository');
  return {
    git: repository === null ? null : { repository, ref: ref ?? 'HEAD', folder: folder ?? '', allowedSigners },
    readOnly: read.oneOf('RUNBOOKS_READ_ONLY', ['off', 'on']) === 'on',
    requireSigned: read.oneOf('RUNBOOKS_GIT_SIGNED', ['off', 'on']) === 'on',
  };
}
