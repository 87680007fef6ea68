import { createHash } from 'node:crypto';
import type {
  Artifact,
  EvidenceDesk,
  PeopleDesk,
  PreservedArtifact,
  RegulatoryDesk,
  TaskDesk,
} from '../../src/pipeline/actions/desks.ts';

/** Desks that keep what they are asked for in memory, for tests of what asks them. Idempotent by key, like the real ones. */

export interface MemoryEvidence extends EvidenceDesk {
  /** Everything that was kept, partial ones too, in order. */
  readonly kept: readonly { readonly artifact: Artifact; readonly bytes: Buffer; readonly altered: string | null }[];
  readonly holds: ReadonlyMap<string, string>;
}

/** @param full bytes that fit; what comes after breaks off with an error, as a full disk does. */
export function memoryEvidence(full: () => number = () => Infinity): MemoryEvidence {
  const kept: { artifact: Artifact; bytes: Buffer; altered: string | null }[] = [];
  const byKey = new Map<string, PreservedArtifact>();
  const holds = new Map<string, string>();
  return {
    kept,
    holds,
    async preserve(artifact, content, signal, altered) {
      const known = byKey.get(artifact.key);
      if (known?.complete === true) return known;
      const pieces: Uint8Array[] = [];
      let size = 0;
      const settle = (complete: boolean): PreservedArtifact => {
        const bytes = Buffer.concat(pieces);
        kept.push({ artifact, bytes, altered: altered?.() ?? null });
        const hash = (name: string): string => createHash(name).update(bytes).digest('hex');
        const evidenceId = `evi_${kept.length}`;
        const one = { evidenceId, size: bytes.length, sha256: hash('sha256'), sha512: hash('sha512'), complete };
        byKey.set(artifact.key, one);
        return one;
      };
      try {
        for await (const piece of content) {
          signal.throwIfAborted();
          size += piece.length;
          if (size > full()) throw new Error('no space left');
          pieces.push(Buffer.from(piece));
        }
      } catch (thrown) {
        settle(false);
        throw thrown;
      }
      return settle(true);
    },
    find: (key) => Promise.resolve(byKey.get(key) ?? null),
    holdAll({ key }) {
      const holdId = holds.get(key) ?? `hold_${holds.size + 1}`;
      holds.set(key, holdId);
      return Promise.resolve({ holdId });
    },
    findHold(key) {
      const holdId = holds.get(key);
      return Promise.resolve(holdId === undefined ? null : { holdId });
    },
  };
}

export type Told = Parameters<PeopleDesk['tell']>[0];

export function memoryPeople(): PeopleDesk & { readonly told: ReadonlyMap<string, Told> } {
  const told = new Map<string, Told>();
  const noticeOf = (key: string) => ({ noticeId: `ntc_${[...told.keys()].indexOf(key) + 1}` });
  return {
    told,
    tell(message) {
      if (!told.has(message.key)) told.set(message.key, message);
      return Promise.resolve(noticeOf(message.key));
    },
    find: (key) => Promise.resolve(told.has(key) ? noticeOf(key) : null),
  };
}

export type Started = Parameters<RegulatoryDesk['start']>[0];

export function memoryRegulatory(): RegulatoryDesk & { readonly started: ReadonlyMap<string, Started> } {
  const started = new Map<string, Started>();
  const idsOf = ({ key, regimes }: Started) => ({
    deadlineIds: ['own', ...regimes].map((regime) => `ddl_${key}_${regime}`),
  });
  return {
    started,
    start(request) {
      if (!started.has(request.key)) started.set(request.key, request);
      return Promise.resolve(idsOf(request));
    },
    find(key) {
      const request = started.get(key);
      return Promise.resolve(request === undefined ? null : idsOf(request));
    },
  };
}

export type Opened = Parameters<TaskDesk['open']>[0];

export function memoryTasks(): TaskDesk & { readonly opened: ReadonlyMap<string, Opened> } {
  const opened = new Map<string, Opened>();
  const idOf = (key: string) => ({ taskId: `tsk_${[...opened.keys()].indexOf(key) + 1}` });
  return {
    opened,
    open(task) {
      if (!opened.has(task.key)) opened.set(task.key, task);
      return Promise.resolve(idOf(task.key));
    },
    find: (key) => Promise.resolve(opened.has(key) ? idOf(key) : null),
  };
}
