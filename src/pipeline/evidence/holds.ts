import { FirebreakError } from '../../platform/errors.ts';
import type { RecordTrace } from '../audit/record.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { untilApplied } from '../service.ts';
import { addressOf, type Evidence } from './evidence.ts';
import { evidenceIn, type EvidenceStore } from './evidence.store.ts';
import type { Hold, HoldScope } from './hold.ts';
import type { Vault } from './vault.ts';

/** Artefacts of one incident that are looked through at a time. */
const PAGE = 200;

export interface HoldPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews'>;
  readonly store: EvidenceStore;
  readonly vault: Vault;
  onError(thrown: unknown): void;
}

/** Sets and lifts legal holds: in the journal first, whose word counts, then at the store. */
export interface HoldKeeping {
  /** The same hold again changes nothing. @throws FirebreakError `conflict` when this hold was released before. */
  set(
    hold: {
      readonly id: string;
      readonly scope: HoldScope;
      readonly by: string;
      readonly issuedBy: string | null;
      readonly reason: string;
      readonly at: number;
    },
    trace?: RecordTrace,
  ): Promise<Hold>;
  /** @throws FirebreakError `not_found`; `conflict` when it does not stand. */
  release(
    holdId: string,
    word: { readonly by: string; readonly reason: string; readonly at: number },
    trace?: RecordTrace,
  ): Promise<Hold>;
  find(holdId: string): Promise<Hold | null>;
  /** All that stand on an artefact, through its incident too. */
  on(id: string, evidence: Evidence): ReturnType<EvidenceStore['holdsOn']>;
  /** Brings the store's own hold on one artefact in line with the journal's. @throws VaultError. */
  applyTo(id: string, evidence: Evidence): Promise<void>;
}

export function createHoldKeeping({ journal, store, vault, onError }: HoldPorts): HoldKeeping {
  const on: HoldKeeping['on'] = (id, { identity }) =>
    store.holdsOn(identity.incidentId === null ? [id] : [id, identity.incidentId]);

  async function applyTo(id: string, evidence: Evidence): Promise<void> {
    const address = addressOf(evidence);
    if (address === null || evidence.storage.vault !== vault.id) return;
    const { holds } = await on(id, evidence);
    await vault.hold(address, holds.length > 0);
  }

  /** The journal's word counts; where the store does not hear it, the next start says it again. */
  async function applyToAll(scope: HoldScope): Promise<void> {
    for await (const { id, evidence } of inScope(scope)) {
      try {
        await applyTo(id, evidence);
      } catch (thrown) {
        onError(thrown);
      }
    }
  }

  async function* inScope(scope: HoldScope): AsyncGenerator<{ id: string; evidence: Evidence }> {
    if (scope.type === 'evidence') {
      const evidence = await store.load(scope.id);
      if (evidence !== null) yield { id: scope.id, evidence };
      return;
    }
    for (let skip = 0; ; skip += PAGE) {
      const { items } = await journal.listViews({ kind: 'evidence', parent: scope.id, limit: PAGE, skip });
      for (const view of items) yield { id: view.id, evidence: evidenceIn(view) };
      if (items.length < PAGE) return;
    }
  }

  return {
    on,
    applyTo,
    find: (holdId) => store.loadHold(holdId),
    async set({ id: holdId, scope, by, issuedBy, reason, at }, trace) {
      const hold = await untilApplied(async () => {
        const before = await store.loadHold(holdId);
        if (before !== null) return { result: { status: 'applied', hashes: [] }, answer: before };
        return store.appendHold(
          null,
          { type: 'evidence.held', at, data: { holdId, scope, by, issuedBy, reason } },
          trace,
        );
      });
      if (hold.released !== null) throw new FirebreakError('conflict', 'This hold was released: set a new one');
      await applyToAll(scope);
      return hold;
    },
    async release(holdId, { by, reason, at }, trace) {
      const hold = await untilApplied(async () => {
        const before = await store.loadHold(holdId);
        if (before === null) throw new FirebreakError('not_found', `There is no hold ${holdId}`);
        if (before.released !== null) throw new FirebreakError('conflict', 'It is released already');
        const time = Math.max(at, before.at);
        return store.appendHold(before, { type: 'evidence.released', at: time, data: { holdId, by, reason } }, trace);
      });
      await applyToAll(hold.scope);
      return hold;
    },
  };
}
