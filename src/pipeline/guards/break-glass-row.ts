import type { Json } from '../../platform/canonical-json.ts';
import type { Append, Change, JournalReader, RecordDraft, View } from '../../journal/journal.ts';
import { NOTHING_DECLARED, type GlassState } from './break-glass.ts';

export const GLASS_ID = 'break-glass';

/** The guard as its row says it; version 0: nobody has ever declared anything. */
export interface StoredGlass {
  readonly document: GlassState;
  readonly version: number;
  readonly updatedAt: number | null;
  readonly savedBy: string | null;
}

export async function readGlass(journal: Pick<JournalReader, 'view'>): Promise<StoredGlass> {
  const view = await journal.view('guard', GLASS_ID);
  if (view === null) return { document: NOTHING_DECLARED, version: 0, updatedAt: null, savedBy: null };
  return view.body as unknown as StoredGlass; // written by `glassChange`
}

export interface GlassTurn {
  readonly type: 'guard.glass_proposed' | 'guard.glass_declared' | 'guard.glass_revoked' | 'guard.glass_used';
  readonly document: GlassState;
  readonly by: string;
  readonly issuedBy: string;
  readonly at: number;
  readonly trace: RecordDraft['trace'];
  /** Why, where it is revoked. */
  readonly reason?: string;
}

/** One more record of the guard, with all of it; stale where somebody else came first. */
export function glassChange(
  before: StoredGlass,
  { type, document, by, issuedBy, at, trace, reason }: GlassTurn,
): Pick<Change, 'appends' | 'views'> & { readonly next: StoredGlass } {
  const version = before.version + 1;
  const next: StoredGlass = { document, version, updatedAt: at, savedBy: by };
  const whole = document as unknown as Json; // plain JSON by its type
  const why: { readonly [member: string]: Json } = reason === undefined ? {} : { reason };
  const data = { by, issuedBy, ...why, document: whole, version };
  const record: RecordDraft = { type, v: 1, at, ...(trace === undefined ? {} : { trace }), data };
  const append: Append = { stream: `guard/${GLASS_ID}`, expectedSeq: before.version, records: [record] };
  const body = next as unknown as Json; // plain JSON by its type
  const view: View = { kind: 'guard', id: GLASS_ID, expectedVersion: before.version, status: 'ENABLED', at, body };
  return { appends: [append], views: [view], next };
}
