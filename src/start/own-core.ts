import { readFileSync } from 'node:fs';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { JournalReader } from '../journal/journal.ts';
import { keptCore, type KeptCore } from '../pipeline/executions/kept-core.ts';

/** Where the build puts the core of this program; beside sources there is none. */
const FILE = new URL('../core.js.txt', import.meta.url);

/** The core of this program as journals keep it; null for a program that runs from its sources. */
export function ownCore(): KeptCore | null {
  let code: string;
  try {
    code = readFileSync(FILE, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null; // what fs throws
    throw thrown;
  }
  return keptCore(code);
}

/** Has the journal keep the core before the first record names it. Answers with its hash. */
export async function keepOwnCore(
  journal: Pick<JournalReader, 'object'>,
  committer: Pick<GroupCommitter, 'submit'>,
): Promise<string | null> {
  const core = ownCore();
  if (core !== null && (await journal.object(core.hash)) === null)
    await committer.submit({ appends: [], objects: [core] });
  return core?.hash ?? null;
}
