import { createHash } from 'node:crypto';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { foldRecords } from '../../src/pipeline/executions/core/fold.ts';
import { effectsOf, timersOf } from '../../src/pipeline/executions/core/demands.ts';
import { replayRecords } from '../../src/pipeline/executions/core/replay.ts';
import { CONTAINED, type Cells } from '../world/cells.ts';
import { readBack, type Store } from '../world/store.ts';
import { isForAccounts, type ActionModel, type ExecutionModel } from './model.ts';
import type { Reader } from './reader.ts';
import { hasOwnTime } from './timers.ts';

export interface EndPorts {
  readonly store: Store;
  readonly reader: Reader;
  readonly cells: Cells;
  planOf(hash: string): Plan;
  broken(rule: string, what: string): void;
}

/** Chains, hashes and replays of everything that was recorded; the queues are what the folded states demand. */
export function checkRecords({ store, planOf, broken }: EndPorts): void {
  const effects = new Set<string>();
  const timers = new Set<string>();
  for (const [stream, records] of store.streams) {
    let prev = '0'.repeat(64);
    const read = records.map(readBack);
    for (const [index, { record, bytes, hash }] of read.entries()) {
      if (record.seq !== index + 1 || record.prev !== prev) broken('chain', `${stream} ${record.seq} does not follow`);
      if (createHash('sha256').update(bytes).digest('hex') !== hash) broken('chain', `${stream} ${record.seq} hash`);
      prev = hash;
    }
    if (!stream.startsWith('execution/')) continue;
    const state = foldRecords(read);
    const plan = planOf(state.planHash);
    const replay = replayRecords(plan, read);
    if (!replay.identical) broken('replay', `${stream} ${replay.seq}: ${replay.recorded} became ${replay.derived}`);
    for (const { name } of effectsOf(plan, state)) effects.add(`${state.id}\n${name}`);
    for (const { name, generation, due } of timersOf(plan, state))
      timers.add(`${state.id}\n${name}\n${generation}\n${due}`);
  }
  compareSets('effects', effects, new Set([...store.effects.keys()].filter((key) => !/\n(incident|tell):/.test(key))));
  const rows = [...store.timers.values()].map(({ execution, name, generation, due }) =>
    [execution, name, generation, due].join('\n'),
  );
  compareSets('timers', timers, new Set(rows));

  function compareSets(what: string, wanted: ReadonlySet<string>, stored: ReadonlySet<string>): void {
    for (const key of wanted) if (!stored.has(key)) broken('queues', `${what}: ${show(key)} is owed and not queued`);
    for (const key of stored) if (!wanted.has(key)) broken('queues', `${what}: ${show(key)} is queued and not owed`);
  }
}

/** What people had to hear was made a notice of, once. */
function checkTold({ store, reader, broken }: EndPorts): void {
  const told = new Set<string>();
  for (const [stream, records] of store.streams) {
    const [first] = records;
    if (!stream.startsWith('notice/') || first === undefined) continue;
    const { cause } = readBack(first).record.data as unknown as { cause: { execution: string; name: string } };
    const key = `${cause.execution} ${cause.name}`;
    if (told.has(key)) broken('told', `${key} is told twice`);
    told.add(key);
  }
  for (const execution of reader.executions.values()) {
    for (const { approval, decided } of execution.approvals.values()) {
      // Nobody could have decided it in the commit that asked for it.
      const isTold = told.has(`${execution.id} tell:approval.decided:${approval.id}`);
      if (decided === 'EXPIRED' && !isTold) broken('told', `${execution.id}: nobody hears that ${approval.id} expired`);
    }
    const failed = execution.ended === 'FAILED' || execution.ended === 'COMPENSATION_FAILED';
    const isTold = [...told].some((key) => key.startsWith(`${execution.id} tell:execution.failed:`));
    if (failed && execution.parent === null && !isTold) broken('told', `${execution.id}: nobody hears that it failed`);
  }
}

/** After everything came to rest: every execution has ended, nothing waits, and the outside is as the records say. */
export function checkRest(ports: EndPorts): void {
  const { store, reader, broken } = ports;
  for (const execution of reader.executions.values()) {
    if (execution.ended === null) broken('stuck', `${execution.id} has not ended`);
    for (const action of execution.actions.values()) {
      const { plan, phase } = action;
      const isTimed = plan.ttlMs !== null && plan.declaration.reversibility === 'undo';
      if (isTimed && execution.ended !== null && hasOwnTime(execution, action))
        broken('ttl', `${execution.id} ${plan.actionId} outlives its time (${phase})`);
    }
    for (const tally of execution.approvals.values())
      if (tally.decided === null) broken('stuck', `${execution.id} waits for a vote for ever`);
  }
  checkTold(ports);
  for (const key of store.effects.keys()) broken('stuck', `the effect ${show(key)} is still queued`);
  for (const key of store.timers.keys()) broken('stuck', `the timer ${show(key)} is still set`);
  for (const [id, row] of store.views.get('approval') ?? [])
    if (row.status === 'PENDING') broken('views', `the approval ${id} is shown as pending`);
  for (const [id, row] of store.views.get('execution') ?? []) {
    const ended = reader.executions.get(id)?.ended ?? null;
    if (row.status !== ended) broken('views', `${id} is shown as ${row.status} and is ${ended}`);
  }
  checkHolds(ports);
  checkLostEffects(ports);
}

/** Undone means that the effect was undone at the target, where there was one. */
function checkLostEffects({ cells, reader, broken }: EndPorts): void {
  const undone = new Set(cells.done.filter(({ kind }) => kind === 'undo').map(({ key }) => key));
  for (const { kind, key, tag, group } of cells.done) {
    if (kind !== 'perform' || group !== null) continue;
    const meaning = reader.keys.get(key);
    const action = meaning && reader.executions.get(meaning.executionId)?.actions.get(meaning.actionId);
    if (meaning === undefined || action === undefined || action.generation !== meaning.generation) continue;
    if (action.status !== 'COMPENSATED') continue;
    const undos = [...reader.keys].filter(
      ([, other]) =>
        other.direction === 'undo' && other.executionId === meaning.executionId && other.actionId === meaning.actionId,
    );
    if (!undos.some(([own]) => undone.has(own))) broken('compensation', `${tag} says undone, and nobody undid it`);
  }
}

/** Each contained state is held by somebody, and what nobody holds any more is as it was before. */
function checkHolds({ cells, reader, store, broken }: EndPorts): void {
  const claims = new Map<string, { sure: string[]; unsure: string[] }>();
  const rows = new Set<string>();
  for (const execution of reader.executions.values()) {
    for (const action of execution.actions.values()) {
      const group = groupOfAction(execution, action, store);
      if (group === null) continue;
      const claim = claims.get(group) ?? { sure: [], unsure: [] };
      claims.set(group, claim);
      const name = `${execution.id}|${action.plan.actionId}`;
      const kind = claimOf(action);
      if (kind === 'sure') claim.sure.push(name);
      if (kind === 'unsure') claim.unsure.push(name);
      if (kind === 'sure') rows.add(name);
    }
  }
  const stored = store.views.get('hold') ?? new Map<string, unknown>();
  for (const name of rows) if (!stored.has(name)) broken('holds', `${name} holds, and no row says so`);
  for (const cell of cells.cells.values()) {
    if (cell.touched) continue;
    const { sure = [], unsure = [] } = claims.get(cell.group) ?? {};
    if (sure.length > 0 && cell.value !== CONTAINED)
      broken('holds', `${cell.group} is ${cell.value} although ${sure.join(', ')} hold it`);
    if (sure.length + unsure.length === 0 && cell.value !== cell.original)
      broken('holds', `${cell.group} is left ${cell.value} although nobody holds it`);
  }
}

function claimOf(action: ActionModel): 'sure' | 'unsure' | 'none' {
  switch (action.status) {
    case 'SUCCESS':
      return 'sure';
    case 'SKIPPED':
      return action.shared ? 'sure' : 'none';
    case 'UNKNOWN':
    case 'COMPENSATION_FAILED':
      return 'unsure';
    default:
      return 'none';
  }
}

function groupOfAction(execution: ExecutionModel, action: ActionModel, store: Store): string | null {
  const { declaration } = action.plan;
  if (declaration.holds === null || isForAccounts(execution, action)) return null;
  const target = store.streams.get(`execution/${execution.id}`)?.flatMap(({ record }) => {
    const { facts } = record.data as unknown as { facts: readonly { type: string; actionId?: string }[] }; // the engine's
    return facts.filter(({ type, actionId }) => type === 'action.prepared' && actionId === action.plan.actionId);
  });
  const prepared = target?.at(-1) as unknown as { target: { type: string; id: string } } | undefined; // that fact's shape
  if (prepared === undefined) return null;
  return `${declaration.connector}|${declaration.holds}|${prepared.target.type}:${prepared.target.id}`;
}

function show(key: string): string {
  return key.replaceAll('\n', ' ');
}
