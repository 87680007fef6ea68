import { contentHash } from '../../platform/hash.ts';
import { FirebreakError, invariant } from '../../platform/errors.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { SealedRecord } from '../audit/record.ts';
import type { Plan } from '../playbooks/plan.ts';
import { refuseArchived } from '../archived-thing.ts';
import { executionStream } from './change.ts';
import { foldRecords } from './core/fold.ts';
import type { ExecutionState } from './core/state.ts';

/** Executions kept folded in memory: a cache only; a waiting execution that fell out costs one read. */
const MAX_CACHED_EXECUTIONS = 5_000;
/** Plans kept in memory; a plan is shared by all executions of a playbook version under the same policies. */
const MAX_CACHED_PLANS = 500;

/** An execution as it stands, with what is needed to go on. */
export interface Loaded {
  readonly plan: Plan;
  readonly state: ExecutionState;
  /** Seq of its newest record. */
  readonly seq: number;
  readonly trace: SealedRecord['record']['trace'];
}

export interface ExecutionStore {
  /** The execution as the journal has it now. @throws FirebreakError `not_found`, `archived`. */
  load(executionId: string): Promise<Loaded>;
  /**
   * The execution as this process remembers it, which may be older where others advance it too: a commit that follows
   * from it names the record it was decided upon, and is stale then. @throws FirebreakError `not_found`.
   */
  recall(executionId: string): Promise<Loaded>;
  /** Whether nothing more of it may begin, as the journal has it now. */
  isStopped(executionId: string): Promise<boolean>;
  plan(hash: string): Promise<Plan>;
  remember(executionId: string, loaded: Loaded): void;
  rememberPlan(plan: Plan): string;
  forget(executionId: string): void;
}

export function executionStore(
  journal: Pick<JournalReader, 'readStream' | 'streamHead' | 'object' | 'view' | 'shared'>,
): ExecutionStore {
  const cache = new Map<string, Loaded>();
  const plans = new Map<string, Plan>();
  const hashes = new WeakMap<Plan, string>();

  async function plan(hash: string): Promise<Plan> {
    const cached = plans.get(hash);
    if (cached !== undefined) return cached;
    const body = await journal.object(hash);
    invariant(body !== null && contentHash(body) === hash, `plan ${hash} is missing or was changed`);
    // The hash says that these are the bytes that were written from a Plan.
    const found = body as unknown as Plan;
    bounded(plans, hash, found, MAX_CACHED_PLANS);
    return found;
  }

  async function recall(executionId: string): Promise<Loaded> {
    const cached = cache.get(executionId);
    if (cached !== undefined) return cached;
    const records = await journal.readStream(executionStream(executionId));
    const last = records.at(-1);
    if (last === undefined) {
      await refuseArchived(journal, executionStream(executionId));
      throw new FirebreakError('not_found', `there is no execution ${executionId}`);
    }
    const state = foldRecords(records);
    const loaded = { plan: await plan(state.planHash), state, seq: last.record.seq, trace: last.record.trace };
    // A read that took its time must not hide what was committed meanwhile.
    const newer = cache.get(executionId);
    if (newer !== undefined && newer.seq >= loaded.seq) return newer;
    bounded(cache, executionId, loaded, MAX_CACHED_EXECUTIONS);
    return loaded;
  }

  async function load(executionId: string): Promise<Loaded> {
    const cached = cache.get(executionId);
    if (cached === undefined || !journal.shared) return recall(executionId);
    const head = await journal.streamHead(executionStream(executionId));
    if (head?.seq === cached.seq) return cached;
    if (cache.get(executionId) === cached) cache.delete(executionId);
    return recall(executionId);
  }

  return {
    plan,
    load,
    recall,
    isStopped: async (executionId) => (await load(executionId)).state.stopped !== null,
    remember: (executionId, loaded) => bounded(cache, executionId, loaded, MAX_CACHED_EXECUTIONS),
    rememberPlan(value) {
      const known = hashes.get(value);
      if (known !== undefined) return known;
      const hash = contentHash(value);
      hashes.set(value, hash);
      bounded(plans, hash, value, MAX_CACHED_PLANS);
      return hash;
    },
    forget: (executionId) => cache.delete(executionId),
  };
}

/** Sets a member and drops the oldest beyond the bound: a Map keeps the order of insertion. */
function bounded<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
