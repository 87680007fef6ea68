import type { Services } from '../api/services.ts';
import { openedRecord } from '../journal/persons/opened-record.ts';
import { PERSON_MEMORY_MS } from '../journal/persons/remembered-persons.ts';
import type { PersonalJournal } from '../journal/persons/personal-journal.ts';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { ExecutionStore } from '../pipeline/executions/execution-store.ts';
import { neededUpTo } from '../pipeline/intake/memory-keeper.ts';
import { accountIdentity } from '../pipeline/persons/owners.ts';
import { createEraser } from '../pipeline/privacy/eraser.ts';
import { createErasureService } from '../pipeline/privacy/erasures.service.ts';
import type { HeldRecord } from '../pipeline/privacy/held-data.ts';
import { createHeldDataService } from '../pipeline/privacy/held-data.service.ts';
import { needsOf, stillNeeding } from '../pipeline/privacy/needs.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { Machine } from '../platform/machine.ts';
import { erasedRows } from './erased-rows.ts';

/** Time between two looks whether an erasure may go on, in ms: what it waits for are days, and people. */
const LOOK_EVERY_MS = 60_000;
/** The same after a look that failed, in ms: the store is away, and comes back. */
const LOOK_AGAIN_MS = 5_000;

export interface PrivacyPorts {
  readonly journal: Journal;
  /** The same with the keys of persons. */
  readonly personal: PersonalJournal;
  readonly committer: GroupCommitter;
  readonly store: Pick<ExecutionStore, 'forget'>;
  readonly encrypts: boolean;
  readonly protectedIdentities: () => Promise<readonly string[]>;
  readonly ids: Ids;
  readonly clock: Pick<Clock, 'now'>;
  readonly machine: Machine;
  readonly closing: AbortSignal;
  readonly onError: (thrown: unknown) => void;
}

/** What people may ask about their data, put together. */
export interface OpenedPrivacy {
  readonly services: Pick<Services, 'erasures' | 'heldData'>;
  /** Goes on with erasures until the server closes. */
  run(): Promise<void>;
}

export function openPrivacy(ports: PrivacyPorts): OpenedPrivacy {
  const { journal, personal, committer, store, clock, machine, closing } = ports;
  const isProtected = async (account: string) => (await ports.protectedIdentities()).includes(account);
  const personOf = async (account: string) => (await personal.keys.find(accountIdentity(account)))?.id ?? null;
  const needs = (account: string) => needsOf(account, { journal, isProtected, personOf });
  const still = (person: string) => stillNeeding(person, journal);
  let woken = new AbortController();
  const wake = (): void => woken.abort();
  closing.addEventListener('abort', wake, { once: true });
  const eraser = createEraser({
    journal,
    committer,
    keys: personal.keys,
    forget(person, streams) {
      personal.persons.forget(person);
      for (const stream of streams)
        if (stream.startsWith('execution/')) store.forget(stream.slice('execution/'.length));
    },
    async othersForgot() {
      if (journal.shared) await machine.sleep(PERSON_MEMORY_MS, closing);
      return !closing.aborted;
    },
    needsOf: needs,
    stillNeeding: still,
    onError: ports.onError,
    rowsOf: (stream) => erasedRows(journal, stream),
    neededUpTo: () => neededUpTo(journal),
    now: () => clock.now(),
  });

  async function* recordsOf(stream: string, person: string): AsyncGenerator<HeldRecord> {
    for (const { seq, bytes } of await journal.log.recordRows(stream)) {
      const stored = { record: JSON.parse(bytes) as HeldRecord & Parameters<typeof openedRecord>[0]['record'] }; // as it was written
      const { record } = await openedRecord(stored, personal.persons, person);
      yield { stream, seq, type: record.type, at: record.at, data: record.data };
    }
  }

  return {
    services: {
      erasures: createErasureService({ ...ports, needsOf: needs, stillNeeding: still, onConfirmed: wake }),
      heldData: createHeldDataService({
        journal,
        committer,
        recordsOf,
        personOf,
      }),
    },
    async run() {
      await eraser.again().catch(ports.onError);
      while (!closing.aborted) {
        woken = new AbortController();
        const isDone = await eraser.round().then(
          () => true,
          (thrown: unknown) => {
            ports.onError(thrown);
            return false;
          },
        );
        if (!closing.aborted) await machine.sleep(isDone ? LOOK_EVERY_MS : LOOK_AGAIN_MS, woken.signal);
      }
    },
  };
}
