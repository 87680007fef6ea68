import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { createContactService } from '../pipeline/deadlines/contacts/contacts.service.ts';

export interface RegulatoryContactPorts {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
}

/** Everything about the organisation's own regulatory contacts, put together. */
export function openRegulatoryContacts({ journal, committer }: RegulatoryContactPorts) {
  const contacts = createContactService({ journal, committer });
  return { services: { contacts } };
}
