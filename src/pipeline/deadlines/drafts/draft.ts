import { z } from 'zod';
import type { Json } from '../../../platform/canonical-json.ts';
import { invariant } from '../../../platform/errors.ts';
import type { View } from '../../../journal/journal.ts';
import type { Word } from '../../access/another-person.ts';
import { faultsOf, repeated } from '../../playbooks/document.ts';
import { checkJson, type Read } from '../../playbooks/plain-json.ts';
import type { ContactChannel } from '../../notifications/contract.ts';
import type { DraftDocument } from './fill.ts';

/** A draft of a notification to an authority: its texts, who approved which, and what was handed in. The server sends none. */

/** Sections of one draft, and the longest of each, in UTF-16 units: the longest form of an authority fits ten times. */
const MAX_SECTIONS = 40;
const MAX_SECTION_LENGTH = 20_000;
/** Longest text of a draft in all, in UTF-16 units: it goes into a record, a mail and a page. */
const MAX_DRAFT_LENGTH = 150_000;

const title = z
  .string()
  .trim()
  .min(1)
  .max(200)
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'is one line without control characters');

const DOCUMENT = z.strictObject({
  title,
  sections: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'is of a-z, 0-9, - and _'),
        heading: title,
        text: z
          .string()
          .max(MAX_SECTION_LENGTH)
          .transform((text) => text.replaceAll('\r\n', '\n'))
          .pipe(
            z.string().regex(
              // oxlint-disable-next-line no-control-regex -- control characters are what is refused
              /^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]*$/,
              'holds control characters other than tab and line feed, or such that turn the direction of writing',
            ),
          ),
      }),
    )
    .min(1)
    .max(MAX_SECTIONS),
});
const KNOWN = { '': ['title', 'sections'], '/sections': ['id', 'heading', 'text'] };

/** A draft's text from a JSON value; or all faults, each with a pointer. */
export function readDraft(value: unknown): Read<DraftDocument> {
  const plain = checkJson(value);
  if ('faults' in plain) return plain;
  const parsed = DOCUMENT.safeParse(plain.value);
  if (!parsed.success) return { faults: faultsOf(parsed.error, KNOWN) };
  const { sections } = parsed.data;
  const faults = repeated(
    sections.map(({ id }) => id),
    '/sections',
    'id',
  );
  const length = sections.reduce((sum, { heading, text }) => sum + heading.length + text.length, 0);
  if (length > MAX_DRAFT_LENGTH)
    return { faults: [{ pointer: '/sections', detail: `It is longer than ${MAX_DRAFT_LENGTH} characters in all.` }] };
  return faults.length > 0 ? { faults } : { value: parsed.data };
}

/** What a draft is about; it never changes. */
export interface DraftSubject {
  readonly incidentId: string;
  /** The clock that its submission meets, and the stage of it; null: none. */
  readonly deadlineId: string | null;
  readonly stage: string | null;
  readonly regime: string;
  readonly templateId: string;
}

/** What was handed in, by whom and which text. */
export interface Submission {
  readonly hash: string;
  /** As the authority calls it. */
  readonly reference: string;
  /** The receipt in custody; null: none was kept. */
  readonly evidenceId: string | null;
  /** When it was handed in, ms since 1970, and by whom. */
  readonly submittedAt: number;
  readonly person: string;
  readonly note: string | null;
  readonly by: string;
  readonly at: number;
}

/** One telling of contacts. */
export interface Asked {
  /** Of who asked for it. */
  readonly key: string;
  /** The record that says so. */
  readonly seq: number;
  /** Ways that were queued. */
  readonly told: readonly { readonly contactId: string; readonly channel: ContactChannel }[];
  /** Whom nothing was queued for, and why, a snake_case word. */
  readonly refused: readonly { readonly contactId: string; readonly why: string }[];
}

/** Folded from its records, and the body of its row. */
export interface Draft {
  readonly about: DraftSubject;
  readonly document: DraftDocument;
  readonly hash: string;
  readonly madeAt: number;
  /** Everybody who has written on it; empty: all of it follows from facts. */
  readonly authors: readonly Word[];
  /** Who approved the present text; null: nobody. */
  readonly approved: (Word & { readonly hash: string; readonly at: number }) | null;
  readonly submissions: readonly Submission[];
  /** How contacts were told, so that a repeat tells nobody twice. */
  readonly asked: readonly Asked[];
  readonly withdrawn: { readonly by: string; readonly reason: string; readonly at: number } | null;
  readonly changedAt: number;
  /** How many records it has. */
  readonly version: number;
}

export const DRAFT_STATUSES = ['DRAFT', 'APPROVED', 'SUBMITTED', 'WITHDRAWN'] as const;
export type DraftStatus = (typeof DRAFT_STATUSES)[number];

/** A record of a draft's stream. */
export type DraftRecord = { readonly at: number } & (
  | {
      readonly type: 'draft.made';
      readonly data: {
        readonly about: DraftSubject;
        readonly document: DraftDocument;
        readonly hash: string;
        readonly by: string;
      };
    }
  | { readonly type: 'draft.edited'; readonly data: Word & { readonly document: DraftDocument; readonly hash: string } }
  | { readonly type: 'draft.approved'; readonly data: Word & { readonly hash: string } }
  | { readonly type: 'draft.submitted'; readonly data: Omit<Submission, 'at'> }
  | { readonly type: 'draft.withdrawn'; readonly data: { readonly by: string; readonly reason: string } }
  | { readonly type: 'draft.contacts_asked'; readonly data: Omit<Asked, 'seq'> }
);

/** One record more. An approval is of one text: whatever is edited has to be approved anew. @throws for one that cannot come next. */
export function evolveDraft(before: Draft | null, { type, at, data }: DraftRecord): Draft {
  if (type === 'draft.made') {
    invariant(before === null, 'a draft is made once');
    const { about, document, hash } = data;
    const nothing = { authors: [], approved: null, submissions: [], asked: [], withdrawn: null };
    return { about, document, hash, madeAt: at, ...nothing, changedAt: at, version: 1 };
  }
  invariant(before !== null && before.withdrawn === null, 'a draft was made, and is not withdrawn');
  const next = { ...before, changedAt: at, version: before.version + 1 };
  switch (type) {
    case 'draft.edited': {
      const { by, issuedBy, document, hash } = data;
      const others = before.authors.filter((author) => author.by !== by || author.issuedBy !== issuedBy);
      return { ...next, document, hash, authors: [...others, { by, issuedBy }], approved: null };
    }
    case 'draft.approved':
      return { ...next, approved: { by: data.by, issuedBy: data.issuedBy, hash: data.hash, at } };
    case 'draft.submitted':
      return { ...next, submissions: [...before.submissions, { ...data, at }] };
    case 'draft.withdrawn':
      return { ...next, withdrawn: { ...data, at } };
    case 'draft.contacts_asked':
      return {
        ...next,
        asked: [...before.asked, { key: data.key, told: data.told, refused: data.refused, seq: next.version }],
      };
    default:
      return type;
  }
}

/** The draft that the records of its stream make, or null where there are none. */
export function foldDraft(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): Draft | null {
  // What is in such a stream was written as a `DraftRecord`.
  return records.reduce<Draft | null>((before, record) => evolveDraft(before, record as unknown as DraftRecord), null);
}

export function draftStatusOf({ hash, approved, submissions, withdrawn }: Draft): DraftStatus {
  if (withdrawn !== null) return 'WITHDRAWN';
  if (submissions.some((submission) => submission.hash === hash)) return 'SUBMITTED';
  return approved?.hash === hash ? 'APPROVED' : 'DRAFT';
}

export function draftStream(id: string): string {
  return `draft/${id}`;
}

/** The row of a draft. */
export function draftView(id: string, draft: Draft): Omit<View, 'expectedVersion'> {
  const { incidentId, deadlineId, regime } = draft.about;
  return {
    kind: 'draft',
    id,
    status: draftStatusOf(draft),
    type: regime,
    parent: incidentId,
    ref: deadlineId,
    at: draft.madeAt,
    body: draft as unknown as Json, // plain JSON by its type
  };
}
