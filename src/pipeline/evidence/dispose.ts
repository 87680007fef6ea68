import type { Clock } from '../../platform/clock.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { shownTime, untilApplied } from '../service.ts';
import type { Disposition, Evidence } from './evidence.ts';
import type { EvidenceStore } from './evidence.store.ts';
import type { HoldKeeping } from './holds.ts';
import type { Vault } from './vault.ts';

export interface DisposingPorts {
  readonly store: EvidenceStore;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly holds: Pick<HoldKeeping, 'on'>;
  onError(thrown: unknown): void;
}

export interface Disposing {
  /**
   * Puts on record that an artefact goes, by whom and before whom, then removes its bytes. A hold that is set in the same moment is either
   * seen here or finds it gone.
   * @throws FirebreakError `conflict` before its time, under a hold, or when there is nothing that could go.
   */
  dispose(ctx: CallContext, id: string, word: Pick<Disposition, 'witness' | 'how' | 'reason'>): Promise<Evidence>;
  /** Removes the bytes of what was disposed of, where a crash or the store has kept them. */
  finish(id: string): Promise<void>;
}

export function createDisposing({ store, vault, clock, holds, onError }: DisposingPorts): Disposing {
  async function remove(id: string, evidence: Evidence): Promise<Evidence> {
    const { disposition, integrity, storage } = evidence;
    if (disposition?.goneAt !== null || integrity === null || storage.vault !== vault.id) return evidence;
    await vault.destroy({ ref: storage.ref, sha256: integrity.sha256 }, clock.now());
    return untilApplied(async () => {
      const before = (await store.load(id)) ?? evidence;
      if (before.disposition?.goneAt !== null) return { result: { status: 'applied', hashes: [] }, answer: before };
      return store.append(id, before, { type: 'evidence.gone', at: clock.now(), data: { vault: vault.id } });
    });
  }

  return {
    async dispose(ctx, id, { witness, how, reason }) {
      const decided = await untilApplied(async () => {
        const before = await store.load(id);
        if (before === null) throw new FirebreakError('not_found', `There is no evidence ${id}`);
        if (before.disposition !== null) throw new FirebreakError('conflict', 'It was disposed of already');
        if (before.integrity === null) throw new FirebreakError('conflict', 'Nothing of it is kept');
        if (before.storage.vault !== vault.id)
          throw new FirebreakError(
            'conflict',
            `It lies in the store ${before.storage.vault}: ask the server that has it`,
          );
        if (ctx.now < before.storage.retainUntil)
          throw new FirebreakError('conflict', `It is kept until ${shownTime(before.storage.retainUntil)}`);
        const { holds: standing, guards } = await holds.on(id, before);
        if (standing.length > 0)
          throw new FirebreakError(
            'conflict',
            `A legal hold stands on it: ${standing.map((each) => each.id).join(', ')}`,
          );
        const data = { by: ctx.principal.userId, witness, how, reason };
        const at = Math.max(ctx.now, before.acquisition.endedAt ?? 0);
        return store.append(id, before, { type: 'evidence.disposed', at, data }, recordedTrace(ctx), guards);
      });
      try {
        return await remove(id, decided);
      } catch (thrown) {
        // The decision stands; the bytes go when the store can be reached again.
        onError(thrown);
        return decided;
      }
    },
    async finish(id) {
      const evidence = await store.load(id);
      if (evidence !== null) await remove(id, evidence);
    },
  };
}
