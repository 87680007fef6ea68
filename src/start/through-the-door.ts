import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';

/** The journal for services that write by themselves: their commits share the one door too. */
export function throughTheDoor(journal: Journal, committer: GroupCommitter): Journal {
  return { ...journal, commit: (changes) => Promise.all(changes.map((change) => committer.submit(change))) };
}
