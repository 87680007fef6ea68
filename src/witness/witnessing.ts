import { FirebreakError } from '../platform/errors.ts';
import type { Machine } from '../platform/machine.ts';
import { safeHttp } from '../platform/safe-http.ts';
import type { TreeHash } from '../pipeline/audit/merkle.ts';
import { parseWitnessKey } from '../pipeline/audit/cosignature.ts';
import { createWitnessPublisher } from './publisher.ts';

/** The longest that signed records may lie without a witness before the server calls itself unwell, in ms. */
export const MAX_UNWITNESSED_MS = 60_000;

/** The whole exchange with a witness, in ms; a stop waits for one of them. */
const REQUEST_TIMEOUT_MS = 5_000;

/** What the server needs of its witness; without one configured nothing is published and nothing is owed. */
export interface Witnessing {
  /** For the log keeper. Empty without a witness. */
  readonly anchors: readonly ((note: string) => Promise<void>)[];
  /** How long a signed checkpoint has waited for the witness, in ms; null without a witness. */
  unwitnessedMs(): number | null;
  run(closing: AbortSignal): Promise<void>;
  /** Has what is left cosigned, once, and lets go of the connections. */
  close(): Promise<void>;
}

export interface WitnessingPorts {
  /** The log of the journal: where proofs and the newest checkpoint at start come from. */
  readonly log: {
    leafHashes(from: number, to: number): Promise<readonly TreeHash[]>;
    checkpoints(newest: number): Promise<readonly { readonly note: string }[]>;
  };
  readonly machine: Machine;
  /** Machine time, monotonic, in ms. */
  readonly monotonic: () => number;
  readonly onError: (thrown: unknown) => void;
}

/**
 * Publishes the log's checkpoints to the configured witness, if there is one.
 * @throws FirebreakError `invalid_request` when the key is none of a witness.
 */
export async function openWitnessing(
  configured: { readonly url: string; readonly key: string } | null,
  { log, machine, monotonic, onError }: WitnessingPorts,
): Promise<Witnessing> {
  if (configured === null) {
    return { anchors: [], unwitnessedMs: () => null, run: async () => undefined, close: async () => undefined };
  }
  const key = parseWitnessKey(configured.key);
  if (key === null) {
    throw new FirebreakError('invalid_request', 'WITNESS_KEY is no key of a witness; firebreak witness prints its key');
  }
  // The operator named it, so it may lie inside; and nothing else can be reached through this client.
  const http = safeHttp({ allow: [new URL(configured.url).host], totalTimeoutMs: REQUEST_TIMEOUT_MS });
  const newest = async (): Promise<string | null> => (await log.checkpoints(1)).at(-1)?.note ?? null;
  const publisher = createWitnessPublisher({
    url: configured.url,
    key,
    http,
    machine,
    monotonic,
    onError,
    readLeaves: (from, to) => log.leafHashes(from, to),
    newest,
  });
  const left = await newest();
  if (left !== null) await publisher.offer(left);
  return {
    anchors: [(note) => publisher.offer(note)],
    unwitnessedMs: () => Math.round(publisher.unwitnessedMs()),
    run: (closing) => publisher.run(closing),
    async close() {
      await publisher.publish();
      await http.close();
    },
  };
}
