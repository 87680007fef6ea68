import type { Clock } from '../../platform/clock.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { RecordTrace } from '../audit/record.ts';
import { untilApplied } from '../service.ts';
import type { CustodyRecord } from './custody.ts';
import type { DigestTaker } from './digests.ts';
import { addressOf, type Evidence } from './evidence.ts';
import type { EvidenceStore } from './evidence.store.ts';
import type { HoldKeeping } from './holds.ts';
import type { Vault } from './vault.ts';
import { findFaults } from './verify.ts';

export interface VerifyingPorts {
  readonly store: EvidenceStore;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly holds: Pick<HoldKeeping, 'on' | 'applyTo'>;
  readonly takeDigests: () => DigestTaker;
}

export interface Verifying {
  /**
   * Reads an artefact again, and puts on record that it is as it was, or raises the alarm.
   * @param by who asked for it
   * @throws FirebreakError `not_found`; `conflict` when there are no bytes of it here; VaultError `unavailable`.
   */
  examine(
    id: string,
    by: string,
    trace?: RecordTrace,
    pause?: (bytes: number) => Promise<void> | undefined,
  ): Promise<Evidence>;
}

export function createVerifying({ store, vault, clock, holds, takeDigests }: VerifyingPorts): Verifying {
  async function kept(id: string): Promise<Evidence> {
    const evidence = await store.load(id);
    if (evidence === null) throw new FirebreakError('not_found', `There is no evidence ${id}`);
    if (addressOf(evidence) === null) throw new FirebreakError('conflict', 'Nothing of it is kept that could be read');
    if (evidence.storage.vault !== vault.id)
      throw new FirebreakError(
        'conflict',
        `It lies in the store ${evidence.storage.vault}: ask the server that has it`,
      );
    return evidence;
  }

  return {
    async examine(id, by, trace, pause) {
      const read = await kept(id);
      const { holds: standing } = await holds.on(id, read);
      const found = await findFaults(vault, read, standing.length > 0, takeDigests(), pause);
      const evidence = await untilApplied(async () => {
        const before = await kept(id);
        const at = clock.now();
        const { name, incidentId } = before.identity;
        const record: CustodyRecord =
          found.length === 0
            ? { type: 'evidence.verified', at, data: { by } }
            : { type: 'evidence.alarm', at, data: { by, evidenceId: id, incidentId, name, found } };
        return store.append(id, before, record, trace);
      });
      // What the journal says is said to the store again; bytes that are gone cannot be told anything.
      if (found.length > 0) await holds.applyTo(id, evidence).catch(() => undefined);
      return evidence;
    },
  };
}
