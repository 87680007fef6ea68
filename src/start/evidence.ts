import { join } from 'node:path';
import type { RequestHolders } from '../api/idempotency.ts';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { EvidenceDesk } from '../pipeline/actions/desks.ts';
import { createEvidenceDesk } from '../pipeline/evidence/desk.ts';
import { createEvidenceStore } from '../pipeline/evidence/evidence.store.ts';
import { createHoldKeeping } from '../pipeline/evidence/holds.ts';
import { createPreserving, type PreservePorts } from '../pipeline/evidence/preserve.ts';
import { reconcile } from '../pipeline/evidence/reconcile.ts';
import type { Vault } from '../pipeline/evidence/vault.ts';
import type { TellRecord } from '../pipeline/tell-of-record.ts';
import type { WallClock } from '../platform/clock.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import { readKeyFile, type VaultKey } from '../vaults/local/key-file.ts';
import { openLocalVault } from '../vaults/local/vault.ts';

const DAY_MS = 24 * 3_600_000;

export interface EvidencePorts {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly clock: Clock;
  readonly wall: Pick<WallClock, 'jumpMs'>;
  readonly holders: RequestHolders;
  readonly tell: TellRecord;
  readonly version: string;
  readonly log: Pick<Log, 'error' | 'warn'>;
  /** For tests only. */
  readonly at?: PreservePorts['at'];
}

export interface OpenedEvidence {
  readonly desk: EvidenceDesk;
  readonly vault: Vault;
  /** Finishes what a crash or an outage has left. Takes as long as that is to read; never rejects: the server goes on without. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The evidence store, and what of the product works with it.
 * @throws FirebreakError `store_unavailable` when the folder or the keys cannot be used.
 */
export async function openEvidence(config: Config, ports: EvidencePorts): Promise<OpenedEvidence> {
  const { journal, clock, log } = ports;
  const vault = await openVault(config);
  const store = createEvidenceStore(ports);
  const onError = (thrown: unknown): void => log.error({ err: thrown }, 'the evidence store could not be reached');
  const holds = createHoldKeeping({ journal, store, vault, onError });
  const { usual, byKind } = config.evidence.retentionDays;
  const preserving = createPreserving({
    store,
    vault,
    clock,
    holds,
    holder: () => ports.holders.own(),
    isGone: (holder) => ports.holders.isGone(holder),
    retentionMs: (kind) => (byKind.get(kind) ?? usual) * DAY_MS,
    clockJumpMs: () => ports.wall.jumpMs(),
    ...(ports.at === undefined ? {} : { at: ports.at }),
  });
  async function settleAll(): Promise<void> {
    const onLeft = (thrown: unknown, evidenceId: string): void =>
      log.error({ err: thrown, evidenceId }, 'what was left of an artefact could not be finished');
    try {
      const { unknown } = await reconcile({ journal, store, preserving, vault, onError: onLeft });
      if (unknown.length > 0)
        log.warn({ unknown }, 'the evidence store holds rests of which the journal knows nothing; they stay');
    } catch (thrown) {
      onError(thrown);
    }
  }

  let settling: Promise<void> = Promise.resolve();
  return {
    desk: createEvidenceDesk({ journal, preserving, holds, clock, version: ports.version }),
    vault,
    settle() {
      settling = settling.then(settleAll);
      return settling;
    },
    async close() {
      await settling;
      await vault.close();
    },
  };
}

async function openVault({ dataDir, evidence }: Config): Promise<Vault> {
  try {
    const keys: readonly VaultKey[] = evidence.keyFile === null ? [] : readKeyFile(evidence.keyFile);
    return await openLocalVault({ folder: evidence.dir ?? join(dataDir, 'evidence'), keys });
  } catch (thrown) {
    throw new FirebreakError('store_unavailable', `The evidence store cannot be used: ${messageOf(thrown)}`, [], {
      cause: thrown,
    });
  }
}
