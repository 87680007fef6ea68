import { resolve } from 'node:path';
import { documentKind } from '../pipeline/runbooks/validate/document-kind.ts';
import type { RunbookFile, RunbookSet } from '../pipeline/runbooks/sync/runbook-set.ts';
import { printable } from '../platform/printable.ts';
import { FETCHED, openOwnCopy, type OwnCopy } from './own-copy.ts';
import { commitOf, factsOf, historyOf, signatureOf } from './read-commit.ts';
import { readFiles, type GitFile } from './read-files.ts';
import { gitFault } from './run-git.ts';
import { folderInside, gitRef, repositoryPlace } from './where.ts';

/** Runbooks out of a Git repository, at one commit. */

export interface GitSource {
  /** A path of this machine, or an address. */
  readonly repository: string;
  readonly ref: string;
  readonly folder: string;
  /** What it is called in records; the repository as it was named when null. */
  readonly origin: string | null;
  /** File with the keys that count, as `ssh-keygen` reads it; null: none. */
  readonly allowedSigners: string | null;
}

export interface ReadSource {
  readonly set: RunbookSet;
  /** What was left out, in sentences. */
  readonly skipped: readonly string[];
}

/**
 * Reads all runbooks of a folder at a commit, with who made them, whose signature the commit carries and how it follows the one in
 * force. Nothing is written but a copy in a temporary folder, which is gone afterwards.
 * @param previous the commit that is in force; null: none
 * @param environment of this process; little of it is handed on to git
 * @throws FirebreakError `invalid_request` for what cannot be read or is beyond the limits
 */
export async function readSource(
  source: GitSource,
  previous: string | null,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ReadSource> {
  const place = repositoryPlace(source.repository);
  const ref = gitRef(source.ref);
  const folder = folderInside(source.folder);
  const copy = await openOwnCopy(place, environment);
  try {
    if (!(await copy.fetch(ref))) throw gitFault(`The repository has no ${ref}`, '/ref');
    const commitId = await commitOf(copy, FETCHED);
    const { files: found, skipped } = await readFiles(copy, commitId, folder);
    const texts = found
      .map((file) => ({ file, text: textOf(file) }))
      .filter(({ text }) => documentKind(text) === 'runbook');
    const { author, committedAt } = await factsOf(copy, commitId, null);
    const files: RunbookFile[] = [];
    for (const { file, text } of texts) files.push(await fileOf(copy, commitId, file, text));
    return {
      set: {
        origin: source.origin ?? place.place,
        ref,
        folder,
        commitId,
        author,
        committedAt,
        signature: await signatureOf(
          copy,
          commitId,
          source.allowedSigners === null ? null : resolve(source.allowedSigners),
        ),
        previousCommit: previous,
        history: await historyOf(copy, commitId, previous),
        files,
      },
      skipped,
    };
  } finally {
    await copy.remove();
  }
}

async function fileOf(copy: OwnCopy, head: string, { path, blob }: GitFile, text: string): Promise<RunbookFile> {
  const { commitId, author } = await factsOf(copy, head, path);
  return { path, blob, commitId, author, text };
}

/** @throws FirebreakError `invalid_request` for bytes that are no text */
function textOf({ path, bytes }: GitFile): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw gitFault(`${printable(path)} is not UTF-8; save it as UTF-8`, '/folder');
  }
}
