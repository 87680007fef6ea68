import { availableParallelism } from 'node:os';
import type { RequestHolders } from '../api/idempotency.ts';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { ArtifactKind, EvidenceDesk } from '../pipeline/actions/desks.ts';
import { createEvidenceDesk, type DeskPorts } from '../pipeline/evidence/desk.ts';
import { createEvidenceStore } from '../pipeline/evidence/evidence.store.ts';
import { createHoldKeeping } from '../pipeline/evidence/holds.ts';
import { createPreserving, type PreservePorts } from '../pipeline/evidence/preserve.ts';
import { createDisposing } from '../pipeline/evidence/dispose.ts';
import { createEvidenceService, type EvidenceService } from '../pipeline/evidence/evidence.service.ts';
import { keepReverifying } from '../pipeline/evidence/reverify.ts';
import { createVerifying } from '../pipeline/evidence/verifying.ts';
import type { DigestTaker } from '../pipeline/evidence/digests.ts';
import { openDigests } from '../pipeline/evidence/digest-threads.ts';
import { DIGEST_THREAD } from '../pipeline/evidence/start-digest-thread.ts';
import { reconcile } from '../pipeline/evidence/reconcile.ts';
import type { TellRecord } from '../pipeline/tell-of-record.ts';
import type { WallClock } from '../platform/clock.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Ids } from '../platform/ids.ts';
import type { Machine } from '../platform/machine.ts';
import type { Log } from '../platform/log.ts';
import type { WatchedVault } from '../vaults/watched-vault.ts';
import { openVault } from './evidence-vault.ts';

const DAY_MS = 24 * 3_600_000;

export interface EvidencePorts {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly ids: Ids;
  readonly closing: AbortSignal;
  readonly wall: Pick<WallClock, 'jumpMs'>;
  readonly holders: RequestHolders;
  readonly tell: TellRecord;
  readonly version: string;
  /** By what right artefacts of a kind are taken. */
  readonly basisFor?: NonNullable<DeskPorts['basisFor']>;
  readonly log: Pick<Log, 'error' | 'warn'>;
  /** For tests only. */
  readonly at?: PreservePorts['at'];
  /** The program of threads that take digests; absent: the compiled one, or this thread where there is none. For tests only. */
  readonly digestThread?: URL;
}

export interface OpenedEvidence {
  readonly desk: EvidenceDesk;
  readonly service: EvidenceService;
  readonly vault: WatchedVault;
  /** Reads everything again from time to time, until the server closes. */
  keepReverifying(): Promise<void>;
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
  const digests = openDigests(ports.digestThread ?? DIGEST_THREAD, availableParallelism());
  const takeDigests = (): DigestTaker => digests.take();
  const vault = await openVault(config, { takeDigests, log });
  const store = createEvidenceStore(ports);
  const onError = (thrown: unknown): void => log.error({ err: thrown }, 'the evidence store could not be reached');
  const holds = createHoldKeeping({ journal, store, vault, onError });
  const { usual, byKind } = config.evidence.retentionDays;
  const verifying = createVerifying({ store, vault, clock, holds, takeDigests });
  const disposing = createDisposing({ store, vault, clock, holds, onError });
  const holder = (): string => ports.holders.own();
  const retentionMs = (kind: ArtifactKind): number => (byKind.get(kind) ?? usual) * DAY_MS;
  const preserving = createPreserving({
    store,
    vault,
    clock,
    holds,
    holder,
    isGone: (holder) => ports.holders.isGone(holder),
    retentionMs,
    onUnfinished: onError,
    clockJumpMs: () => ports.wall.jumpMs(),
    ...(ports.at === undefined ? {} : { at: ports.at }),
  });
  async function settleAll(): Promise<void> {
    const onLeft = (thrown: unknown, evidenceId: string): void =>
      log.error({ err: thrown, evidenceId }, 'what was left of an artefact could not be finished');
    try {
      const { unknown } = await reconcile({ journal, store, preserving, disposing, vault, onError: onLeft });
      if (unknown.length > 0)
        log.warn({ unknown }, 'the evidence store holds rests of which the journal knows nothing; they stay');
    } catch (thrown) {
      onError(thrown);
    }
  }

  let settling: Promise<void> = Promise.resolve();
  return {
    desk: createEvidenceDesk({ ...ports, preserving, holds }),
    service: createEvidenceService({
      ...ports,
      store,
      vault,
      holds,
      verifying,
      disposing,
      holder,
      retentionMs,
      takeDigests,
      // What cannot be said to the store now is said at the next start.
      finish: (id, evidence) => preserving.finish(id, evidence).catch(onError),
    }),
    vault,
    async keepReverifying() {
      const { reverifyDays } = config.evidence;
      if (reverifyDays === 0) return;
      await keepReverifying({
        ...ports,
        verifying,
        vaultId: vault.id,
        everyMs: reverifyDays * DAY_MS,
        onError: (thrown, evidenceId) => log.error({ err: thrown, evidenceId }, 'evidence could not be verified again'),
      });
    },
    settle() {
      settling = settling.then(settleAll);
      return settling;
    },
    async close() {
      await settling;
      await vault.close();
      await digests.close();
    },
  };
}
