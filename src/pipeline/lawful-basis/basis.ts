import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { ARTIFACT_KINDS, type ArtifactKind } from '../actions/desks.ts';
import { faultsOf } from '../playbooks/document.ts';
import { checkJson, type Read } from '../playbooks/plain-json.ts';
import { ACTION_TYPES, type ActionType } from '../vocabulary.ts';

/** By what right personal data are touched, as people of the organisation have decided it. Pure. */

/** GDPR Art. 6(1)(a) to (f). */
export const LAWFUL_BASES = [
  'consent',
  'contract',
  'legal-obligation',
  'vital-interests',
  'public-task',
  'legitimate-interests',
] as const;
/** Exceptions of GDPR Art. 9(2), by their letter: for special categories of data. */
const EXCEPTIONS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] as const;

/** Most decisions: one for each kind of artefact and each action, and some to spare. */
const MAX_ENTRIES = 64;
/** Longest name of a person or of an agreement, in UTF-16 units. */
const MAX_NAME = 300;

const NAME = z.string().trim().min(1).max(MAX_NAME);
const DATE = z.iso.date('is a day, written as 2026-12-25');

const ENTRY = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'holds lower-case letters, digits and - only'),
  /** What it covers: actions, and artefacts of these kinds, whoever takes them. */
  actionTypes: z.array(z.enum(ACTION_TYPES)).max(ACTION_TYPES.length).default([]),
  artifactKinds: z.array(z.enum(ARTIFACT_KINDS)).max(ARTIFACT_KINDS.length).default([]),
  basis: z.enum(LAWFUL_BASES),
  /** Where special categories of data may be among them. */
  exception: z.enum(EXCEPTIONS).nullable().default(null),
  /** A works agreement, a contract, a consent form: where it can be read. */
  agreement: NAME.nullable().default(null),
  /** Why: the balancing of interests, the law that obliges, how consent is given and taken back. */
  note: z.string().trim().min(1).max(MAX_TEXT_LENGTH),
  decidedBy: NAME,
  decidedOn: DATE,
  /** When it has to be looked at again. */
  reviewOn: DATE.nullable().default(null),
});
const DOCUMENT = z.strictObject({ entries: z.array(ENTRY).max(MAX_ENTRIES) });

export type BasisEntry = Readonly<z.output<typeof ENTRY>>;
export interface LawfulBases {
  readonly entries: readonly BasisEntry[];
}

const KNOWN = { '': Object.keys(DOCUMENT.shape), '/entries': Object.keys(ENTRY.shape) };

/** The decisions from a JSON value; or all faults, each with a pointer. */
export function readBases(value: unknown): Read<LawfulBases> {
  const plain = checkJson(value);
  if ('faults' in plain) return plain;
  const parsed = DOCUMENT.safeParse(plain.value);
  if (!parsed.success) return { faults: faultsOf(parsed.error, KNOWN) };
  const { entries } = parsed.data;
  const faults = entries.flatMap((entry, index) => entryFaults(entry, entries.slice(0, index), `/entries/${index}`));
  return faults.length > 0 ? { faults } : { value: parsed.data };
}

/** What is covered twice has two rights, of which nobody could say which one counted. */
function entryFaults(entry: BasisEntry, before: readonly BasisEntry[], at: string): readonly Fault[] {
  const { id, actionTypes, artifactKinds, decidedOn, reviewOn, basis, agreement } = entry;
  const faults: Fault[] = [];
  if (before.some((other) => other.id === id)) faults.push({ pointer: `${at}/id`, detail: `${id} is there twice` });
  for (const [member, own, taken] of [
    ['actionTypes', actionTypes, before.flatMap((other) => other.actionTypes)],
    ['artifactKinds', artifactKinds, before.flatMap((other) => other.artifactKinds)],
  ] as const)
    for (const [place, word] of own.entries())
      if (taken.some((each) => each === word))
        faults.push({ pointer: `${at}/${member}/${place}`, detail: `${word} is covered by an entry before` });
  if (actionTypes.length + artifactKinds.length === 0)
    faults.push({ pointer: `${at}/actionTypes`, detail: 'covers nothing: name actions or kinds of artefacts' });
  if (reviewOn !== null && reviewOn <= decidedOn)
    faults.push({ pointer: `${at}/reviewOn`, detail: 'lies before the day of the decision' });
  if (basis === 'consent' && agreement === null)
    faults.push({
      pointer: `${at}/agreement`,
      detail: 'is needed for consent: where can be read what was consented to?',
    });
  return faults;
}

/** What a record keeps of a decision: later versions change nothing of what was done under it. */
export interface PinnedBasis {
  readonly entryId: string;
  readonly version: number;
  readonly basis: BasisEntry['basis'];
  readonly exception: BasisEntry['exception'];
  readonly agreement: string | null;
}

export function basisOfKind({ entries }: LawfulBases, kind: ArtifactKind): BasisEntry | null {
  return entries.find(({ artifactKinds }) => artifactKinds.includes(kind)) ?? null;
}

export function basisOfAction({ entries }: LawfulBases, type: ActionType): BasisEntry | null {
  return entries.find(({ actionTypes }) => actionTypes.includes(type)) ?? null;
}

export function pinned({ id, basis, exception, agreement }: BasisEntry, version: number): PinnedBasis {
  return { entryId: id, version, basis, exception, agreement };
}

/** Whether its day of review has come. @param today as 2026-12-25 */
export function isToReview({ reviewOn }: BasisEntry, today: string): boolean {
  return reviewOn !== null && reviewOn <= today;
}
