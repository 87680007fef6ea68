import type { Journal, JournalReader } from '../../journal/journal.ts';
import { NEVER_PAUSED, type PauseState } from './pause.ts';

export const PAUSE_ID = 'pause';

/** The pause as its row says it; version 0: nobody has ever paused. */
export interface StoredPause {
  readonly document: PauseState;
  readonly version: number;
  readonly updatedAt: number | null;
  readonly savedBy: string | null;
}

export async function readPause(journal: Pick<JournalReader | Journal, 'view'>): Promise<StoredPause> {
  const view = await journal.view('guard', PAUSE_ID);
  if (view === null) return { document: NEVER_PAUSED, version: 0, updatedAt: null, savedBy: null };
  return view.body as unknown as StoredPause; // written by `pause.service.ts`
}
