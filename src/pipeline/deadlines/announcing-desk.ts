import type { JournalReader } from '../../journal/journal.ts';
import type { RegulatoryDesk } from '../actions/desks.ts';
import type { Clock } from './clock.ts';
import { loadRequest } from './desk.ts';
import { RUNBOOK_REGIME } from './rules/runbook.ts';

/** A draft that is made, and of which the organisation's own contacts are told. */
export interface Announcement {
  /** The same for every repeat. */
  readonly key: string;
  readonly incidentId: string;
  readonly regime: string;
  readonly stage: string | null;
  readonly deadlineId: string | null;
  /** As a runbook names them; those of people among them are used for people. */
  readonly channels: readonly string[];
  /** Business time, ms since 1970. */
  readonly at: number;
}

export interface AnnouncingPorts {
  readonly clocks: RegulatoryDesk;
  readonly journal: Pick<JournalReader, 'view'>;
  readonly clock: { now(): number };
  /** Done once under each key. */
  announce(announcement: Announcement): Promise<unknown>;
  isAnnounced(key: string): Promise<boolean>;
}

/** The regime of a draft where no clock could be started: its template is the general one. */
const NO_REGIME = 'GENERAL';

/**
 * The desk of regulatory matters as a runbook asks it: clocks are started, then a draft is made for each regime, and contacts
 * hear of it. What a crash has left of it is done by the repeat, for `find` knows it only when all of it was done.
 */
export function announcingDesk(ports: AnnouncingPorts): RegulatoryDesk {
  const { clocks, journal, announce, isAnnounced } = ports;

  async function owedFor(key: string): Promise<readonly Omit<Announcement, 'channels' | 'at'>[]> {
    const request = await loadRequest(journal, key);
    if (request === null) return [];
    const { incidentId } = request;
    const regimes = new Map<string, { readonly stage: string | null; readonly deadlineId: string }>();
    for (const deadlineId of request.deadlineIds) {
      const view = await journal.view('deadline', deadlineId);
      if (view === null) continue;
      const { rule } = (view.body as unknown as Clock).basis; // only this room writes these bodies
      // One draft for a regime: those of one text speak of the same facts.
      if (!regimes.has(rule.regime)) regimes.set(rule.regime, { stage: rule.stages[0]?.id ?? null, deadlineId });
    }
    // The runbook's own limit is no regime of its own where there is one.
    if (regimes.size > 1) regimes.delete(RUNBOOK_REGIME);
    if (regimes.size === 0) return [{ key, incidentId, regime: NO_REGIME, stage: null, deadlineId: null }];
    return [...regimes].map(([regime, of]) => ({ key: `${key} ${regime}`, incidentId, regime, ...of }));
  }

  return {
    async start(request) {
      const answer = await clocks.start(request);
      const at = ports.clock.now();
      for (const owed of await owedFor(request.key)) await announce({ ...owed, channels: request.channels, at });
      return answer;
    },
    async find(key) {
      const answer = await clocks.find(key);
      if (answer === null) return null;
      for (const { key: each } of await owedFor(key)) if (!(await isAnnounced(each))) return null;
      return answer;
    },
  };
}
