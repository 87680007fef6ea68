import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import type { Fault } from '../../platform/errors.ts';
import type { Change, JournalReader } from '../../journal/journal.ts';
import type { RecordTrace } from '../audit/record.ts';

/** An entry of the register of personal-data breaches (GDPR Art. 33(5)): facts, effects, remedial action, of all of them. */

/** Longest text of an entry, in UTF-16 units: some pages. */
const MAX_ENTRY_TEXT = 20_000;

/** Regimes whose breaches are kept in the register. */
const BREACH_REGIMES: readonly string[] = ['GDPR', 'UK-GDPR'];

const TEXT = z.string().trim().max(MAX_ENTRY_TEXT);

const DOCUMENT = z
  .strictObject({
    facts: TEXT.default(''),
    effects: TEXT.default(''),
    remedialAction: TEXT.default(''),
    /** Whether the authority is notified. */
    notified: z.enum(['yes', 'no', 'undecided']).default('undecided'),
    /** Why not, where it is not. */
    reason: TEXT.nullable().default(null),
  })
  .refine(({ notified, reason }) => notified !== 'no' || (reason !== null && reason !== ''), {
    path: ['reason'],
    message: 'is needed where the authority is not notified: why is a risk unlikely?',
  });

export type BreachEntry = Readonly<z.infer<typeof DOCUMENT>>;

export interface StoredBreach {
  readonly document: BreachEntry;
  readonly version: number;
  readonly openedAt: number;
  readonly updatedAt: number;
  readonly savedBy: string;
}

export function isBreachRegime(regime: string): boolean {
  return BREACH_REGIMES.includes(regime);
}

/** The entry from a JSON value; or all faults, each with a pointer. */
export function readBreach(value: unknown): { readonly value: BreachEntry } | { readonly faults: readonly Fault[] } {
  const parsed = DOCUMENT.safeParse(value);
  if (parsed.success) return { value: parsed.data };
  return {
    faults: parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.map(String).join('/')}`,
      detail: message,
    })),
  };
}

/** The version of an entry, as parts of a commit. */
export function breachChange(
  incidentId: string,
  before: StoredBreach | null,
  saved: { readonly document: BreachEntry; readonly by: string; readonly at: number; readonly trace?: RecordTrace },
): { readonly stored: StoredBreach; readonly change: Pick<Change, 'appends' | 'views'> } {
  const { document, by, at, trace } = saved;
  const version = (before?.version ?? 0) + 1;
  const stored = { document, version, openedAt: before?.openedAt ?? at, updatedAt: at, savedBy: by };
  const data = { by, document: document as unknown as Json, version }; // plain JSON by its type
  const record = { type: 'breach.saved', v: 1, at, ...(trace === undefined ? {} : { trace }), data };
  const body = stored as unknown as Json; // plain JSON by its type
  return {
    stored,
    change: {
      appends: [{ stream: `breach/${incidentId}`, expectedSeq: version - 1, records: [record] }],
      views: [
        {
          kind: 'breach',
          id: incidentId,
          expectedVersion: version - 1,
          parent: incidentId,
          status: document.notified,
          at: stored.openedAt,
          body,
        },
      ],
    },
  };
}

/** Opens the entry of an incident whose clock starts; null where there is one. What is not known yet is empty. */
export async function breachAppend(
  journal: Pick<JournalReader, 'view'>,
  opened: { readonly incidentId: string; readonly by: string; readonly at: number; readonly trace?: RecordTrace },
): Promise<Pick<Change, 'appends' | 'views'> | null> {
  if ((await journal.view('breach', opened.incidentId)) !== null) return null;
  const { incidentId, ...rest } = opened;
  return breachChange(incidentId, null, { ...rest, document: DOCUMENT.parse({}) }).change;
}
