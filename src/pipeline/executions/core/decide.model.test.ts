import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plans } from '../../../../tests/support/model-plans.ts';
import { startOf } from '../../../../tests/support/plans.ts';
import { canonicalJson } from '../../../platform/canonical-json.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import { decide, type Decision } from './decide.ts';
import { effectsOf, timersOf, type Effect } from './demands.ts';
import { actionOf, evolve } from './evolve.ts';
import type { Fact } from './facts.ts';
import type { AttemptError, Input } from './inputs.ts';
import { statusOf, type ExecutionState } from './state.ts';

/**
 * The state machine alone against an outside world that is drawn: targets that answer, fail, lose replies and answer
 * twice, people who vote, cancel, retry and undo, timers that come on time, early and never, and a process that is
 * stopped. Whatever happens, the laws below hold after each input, and an execution left in peace ends.
 */

const START = Date.UTC(2026, 10, 21, 3, 0, 0);
/** Inputs after which an execution that nobody disturbs any more must have ended. */
const MOST_INPUTS_TO_THE_END = 400;

/** One thing that happens, as numbers: what they mean depends on what is possible at that moment. */
const happening = fc.record({
  kind: fc.constantFrom(
    'answer',
    'answer',
    'answer',
    'answer',
    'timer',
    'timer',
    'vote',
    'vote',
    'late',
    'cancel',
    'retry',
    'compensate',
    'incident',
    'stop',
    'garbage',
  ),
  pick: fc.nat(1_000),
  how: fc.nat(1_000),
  later: fc.constantFrom(0, 0, 1, 500, 5_000, 120_000),
});
type Happening = typeof happening extends fc.Arbitrary<infer Value> ? Value : never;

class World {
  readonly plan: Plan;
  state: ExecutionState;
  now = START;
  /** Effects that were launched and have not been answered: what the runner has under way. */
  underWay: Effect[];
  readonly answered: Input[] = [];
  inputs = 0;

  constructor(plan: Plan, accounts: readonly string[]) {
    this.plan = plan;
    const start = startOf('exe_model', 'jrn_test', accounts);
    const input: Input = { ...start, type: 'start', planHash: 'h', at: START };
    this.state = this.checked(null, input, decide(plan, null, input));
    this.underWay = [...effectsOf(plan, this.state)];
  }

  take(input: Input): void {
    const before = this.state;
    const decision = decide(this.plan, before, input);
    this.state = this.checked(before, input, decision);
    const known = new Set(effectsOf(this.plan, before).map(({ name }) => name));
    const launched = effectsOf(this.plan, this.state).filter(({ name }) => !known.has(name));
    for (const effect of launched) this.launch(effect);
    this.inputs += 1;
  }

  launch(effect: Effect): void {
    if (effect.kind === 'perform') {
      const twins = this.underWay.filter((other) => other.kind === 'perform' && other.actionId === effect.actionId);
      expect(twins, 'two performs of one action at the same time').toEqual([]);
    }
    this.underWay.push(effect);
  }

  private checked(before: ExecutionState | null, input: Input, decision: Decision): ExecutionState {
    const { facts, state } = decision;
    expect(facts.length).toBeGreaterThan(0);
    canonicalJson({ facts } as never);
    let folded = before;
    for (const fact of facts) folded = evolve(folded, fact, input);
    expect(folded).toEqual(state);
    expectUnique(effectsOf(this.plan, state).map(({ name }) => name));
    expectUnique(timersOf(this.plan, state).map(({ name }) => name));
    for (const { due } of timersOf(this.plan, state)) expect(Number.isSafeInteger(due)).toBe(true);
    if (state.ended !== null) this.expectNothingOwed(state);
    if (before !== null) this.expectLaws(before, input, facts);
    return state;
  }

  private expectNothingOwed(state: ExecutionState): void {
    const kinds = new Set(effectsOf(this.plan, state).map(({ kind }) => kind));
    for (const kind of ['report', 'undo', 'compensate-children', 'resume'] as const) kinds.delete(kind);
    expect([...kinds]).toEqual([]);
    // An undo may wait for a resume, and nothing else.
    expect(Object.values(state.actions).filter(({ phase }) => phase === 'paused')).toEqual([]);
    const timers = timersOf(this.plan, state).map(({ name }) => name.split(':')[0]);
    for (const timer of timers) expect(['ttl', 'resume']).toContain(timer);
  }

  private expectLaws(before: ExecutionState, input: Input, facts: readonly Fact[]): void {
    let state = before;
    for (const fact of facts) {
      if (fact.type === 'attempt.started' || fact.type === 'children.started') {
        expect(state.stopped, 'begun after a stop').toBe(null);
        const gated = planOfAction(this.plan, fact.actionId).gates.length > 0;
        if (gated) expect(mayBegin(state, fact.actionId), 'begun before its gate').toBe(true);
      }
      if (fact.type === 'attempt.started') {
        const { maxRetries } = planOfAction(this.plan, fact.actionId).retry;
        const { interruptions } = actionOf(state, fact.actionId);
        expect(fact.attempt).toBeLessThanOrEqual(maxRetries + 1 + interruptions);
      }
      if (
        fact.type === 'attempt.observed' &&
        actionOf(evolve(state, fact, input), fact.actionId).phase === 'performing'
      )
        expect(before.stopped, 'performed after a stop').toBe(null);
      if (fact.type === 'compensation.started') {
        const reversed = [...state.settledOrder].reverse();
        expect(fact.queue).toEqual(reversed.filter((id) => fact.queue.includes(id)));
      }
      if (fact.type === 'undo.started' && state.compensation !== null)
        expect(state.compensation.queue[0], 'undone out of order').toBe(fact.actionId);
      state = evolve(state, fact, input);
    }
  }

  /** Answers that the outside owes: of effects under way, and of children that have not ended or been undone. */
  awaited(how: number): Input[] {
    const at = this.now;
    const children = Object.values(this.state.actions).flatMap((action) =>
      Object.entries(action.children)
        .filter(([, { status }]) => status === null)
        .map(([childId]): Input => {
          const ends = action.phase === 'undoing_children' ? UNDONE : ENDS;
          const status = pickOf(ends, how) ?? '';
          return { type: 'child', actionId: action.actionId, childId, status, containedAt: null, at };
        }),
    );
    const answers = this.underWay.filter(({ kind }) => kind !== 'compensate-children');
    return [...answers.map((effect) => answerTo(effect, this.state, how, at)), ...children];
  }

  answer(pick: number, how: number): boolean {
    const awaited = this.awaited(how);
    const index = pick % Math.max(1, awaited.length);
    const input = awaited[index];
    if (input === undefined) return false;
    const effect = this.underWay.filter(({ kind }) => kind !== 'compensate-children')[index];
    this.underWay = this.underWay.filter((other) => other !== effect);
    this.answered.push(input);
    this.take(input);
    return true;
  }

  /** The process is gone, and another one goes on with what the journal says is owed. */
  stop(): void {
    this.underWay = [];
    for (const effect of effectsOf(this.plan, this.state)) {
      if (effect.kind !== 'perform') {
        this.launch(effect);
        continue;
      }
      const { actionId, attempt, generation, name } = effect;
      this.take({ type: 'interrupted', actionId, attempt, generation, at: this.now });
      const again = effectsOf(this.plan, this.state).find((other) => other.name === name);
      if (again !== undefined) this.launch(again);
    }
  }

  timer(pick: number): boolean {
    const due = timersOf(this.plan, this.state).filter(({ due: at }) => at <= this.now);
    const timer = pickOf(due, pick);
    if (timer === undefined) return false;
    this.take({ type: 'timer', name: timer.name, generation: timer.generation, at: this.now });
    return true;
  }

  vote({ pick, how }: Happening): void {
    const approval = pickOf(Object.values(this.state.approvals), pick);
    if (approval === undefined) return;
    this.take({
      type: 'vote',
      approvalId: approval.id,
      decision: how % 4 === 0 ? 'DENY' : 'APPROVE',
      intentHash: how % 9 === 0 ? 'another' : approval.intentHash,
      comment: null,
      voter: {
        userId: `usr_${pick % 3}`,
        kind: 'person',
        roles: how % 5 === 0 ? ['AUDITOR'] : ['SECURITY_ADMIN'],
        disabled: false,
        linkedAccounts: [],
        issuedBy: `usr_${(pick + (how % 3)) % 3}`,
      },
      at: this.now,
    });
  }

  happen(happening: Happening): void {
    const { kind, pick, how, later } = happening;
    this.now += later;
    const at = this.now;
    const by = { type: 'person', id: 'usr_0' } as const;
    if (kind === 'answer') this.answer(pick, how % 2 === 0 ? 0 : how);
    if (kind === 'timer') this.timer(pick);
    if (kind === 'vote') this.vote(happening);
    if (kind === 'late') {
      const old = pickOf(this.answered, pick);
      if (old !== undefined) this.take({ ...old, at });
    }
    if (kind === 'cancel' && how % 3 === 0)
      this.take({ type: 'cancel', by, reason: 'drill', compensate: pick % 2 === 0, at });
    if (kind === 'retry') this.take({ type: 'retry', by, at });
    if (kind === 'compensate') this.take({ type: 'compensate', by, reason: 'drill', at });
    if (kind === 'incident') {
      const accounts = ['a@x', 'b@x', `c${how % 3}@x`];
      this.take({ type: 'incident', incident: this.state.snapshot.incident, accounts, revision: how, at });
    }
    if (kind === 'stop') this.stop();
    if (kind === 'garbage') this.take(garbage(pick, how, at));
  }

  /** Nobody disturbs any more: targets answer, and time passes. */
  leaveInPeace(): void {
    const until = this.inputs + MOST_INPUTS_TO_THE_END;
    while (this.inputs < until) {
      if (this.answer(0, 0) || this.timer(0)) continue;
      const next = timersOf(this.plan, this.state).map(({ due }) => due);
      if (next.length === 0) break;
      this.now = Math.max(this.now, Math.min(...next));
    }
    expect(this.inputs, 'it never comes to an end').toBeLessThan(until);
    expect(this.state.ended !== null, `left in ${statusOf(this.state)}`).toBe(true);
    expect(effectsOf(this.plan, this.state)).toEqual([]);
    expect(timersOf(this.plan, this.state)).toEqual([]);
  }
}

const ENDS = ['COMPLETED', 'FAILED', 'SKIPPED', 'PARTIALLY_COMPLETED'] as const;
const UNDONE = ['ROLLED_BACK', 'COMPENSATION_FAILED'] as const;

/** Inputs that nobody asked for, with names that a plain object would answer to. */
function garbage(pick: number, how: number, at: number): Input {
  const actionId = pickOf(['nobody', 'constructor', '__proto__', 'a0', 'a1'], pick) ?? '';
  const base = { actionId, attempt: how % 4, generation: how % 3, at };
  const inputs: readonly Input[] = [
    { ...base, type: 'observed', result: { prior: {}, heldBy: null } },
    { ...base, type: 'performed', result: { outcome: {} } },
    { ...base, type: 'verified', result: { says: 'holds', digest: '' } },
    { ...base, type: 'checked', result: { state: 'passed' } },
    { ...base, type: 'undone', result: { result: 'restored', digest: '' } },
    { ...base, type: 'paused', turn: how % 2, ...(how % 3 === 0 ? { undo: true } : {}) },
    { type: 'resumed', actionId, turn: how % 3, at },
    { type: 'reserved', actionId, turn: how % 2, granted: how % 2 === 0, used: 0, perHour: 1, at },
    { type: 'spawned', actionId, children: how % 3, at },
    { type: 'child', actionId, childId: actionId, status: 'COMPLETED', containedAt: null, at },
    { type: 'timer', name: `resume:${actionId}`, generation: how % 3, at },
    { type: 'timer', name: `ttl:${actionId}`, generation: how % 3, at },
    { type: 'timer', name: actionId, generation: 1, at },
    { type: 'reported', status: actionId, at },
  ];
  return pickOf(inputs, how) ?? { type: 'reported', status: '', at };
}

function mayBegin(state: ExecutionState, actionId: string): boolean {
  return Object.values(state.approvals).some(
    (approval) => approval.actionId === actionId && (approval.status === 'APPROVED' || approval.status === 'EXPIRED'),
  );
}

function planOfAction(plan: Plan, actionId: string): PlanAction {
  const found = plan.stages.flatMap(({ actions }) => actions).find((action) => action.actionId === actionId);
  if (found === undefined) throw new Error(`no action ${actionId}`);
  return found;
}

function expectUnique(names: readonly string[]): void {
  expect(new Set(names).size, names.join()).toBe(names.length);
}

function pickOf<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % Math.max(1, items.length)];
}

const ERRORS: readonly AttemptError[] = [
  { code: 'server_error', message: 'x', retryable: true, resultUnknown: false, retryAfterMs: null },
  { code: 'timeout', message: 'x', retryable: true, resultUnknown: true, retryAfterMs: null },
  { code: 'refused', message: 'x', retryable: false, resultUnknown: false, retryAfterMs: null },
  { code: 'rate_limited', message: 'x', retryable: true, resultUnknown: false, retryAfterMs: 9_000 },
  { code: 'connector_bug', message: 'x', retryable: false, resultUnknown: true, retryAfterMs: null },
];

/** What the outside may answer to an effect; `how` 0 is the answer that everybody hopes for. */
function answerTo(effect: Effect, state: ExecutionState, how: number, at: number): Input {
  if (effect.kind === 'report') return { type: 'reported', status: effect.status, end: effect.end, at };
  if (effect.kind === 'spawn') {
    const children = Object.keys(state.actions[effect.actionId]?.children ?? {}).length;
    return { type: 'spawned', actionId: effect.actionId, children, at };
  }
  if (effect.kind === 'compensate-children' || effect.kind === 'cancel-children')
    return { type: 'timer', name: 'nothing', generation: 1, at };
  if (effect.kind === 'reserve') {
    const { actionId, turn, perHour, approved } = effect;
    return { type: 'reserved', actionId, turn, granted: approved || how % 3 !== 1, used: how, perHour, at };
  }
  if (effect.kind === 'ask') {
    const { approvalId, service, intentHash } = effect;
    const answer = pickOf(['approved', 'denied', 'none'] as const, how) ?? 'none';
    const why = answer === 'none' ? 'timeout' : null;
    const reply = { answer, why, status: why === null ? 200 : null, tries: 1, durationMs: 5, requestDigest: null };
    return { type: 'service_answer', approvalId, service, intentHash, reply, at };
  }
  if (effect.kind === 'resume') return { type: 'resumed', actionId: effect.actionId, turn: effect.turn, at };
  const { actionId, attempt, generation, turn } = effect;
  // As the performer says it, of errors too.
  const looks = effect.kind === 'verify' || effect.kind === 'check' || (effect.kind === 'observe' && turn > 0);
  const base = { actionId, attempt, generation, at, ...(looks ? { turn } : {}) };
  const changes = effect.kind === 'perform' || effect.kind === 'undo';
  if (changes && how % 5 === 2)
    return { ...base, type: 'paused', turn, ...(effect.kind === 'undo' ? { undo: true } : {}) };
  const error = how > 0 && how % 3 === 0 ? pickOf(ERRORS, how) : undefined;
  if (error !== undefined) return { ...base, type: ANSWER[effect.kind], result: { error } };
  switch (effect.kind) {
    case 'observe':
      return {
        ...base,
        type: 'observed',
        result: { prior: { was: true }, heldBy: how % 7 === 1 ? 'exe_other' : null },
      };
    case 'perform':
      if (how % 7 === 1) return { ...base, type: 'performed', result: { prior: { was: true }, heldBy: 'exe_other' } };
      return {
        ...base,
        type: 'performed',
        result: { outcome: { done: true } },
        ...(effect.readBack && how % 2 === 0 ? { read: { says: saidFor(how), digest: 'd' } } : {}),
      };
    case 'verify':
      return { ...base, type: 'verified', result: { says: saidFor(how), digest: 'd' } };
    case 'check': {
      const said = pickOf(['passed', 'failed', 'expired', 'pending'] as const, how) ?? 'passed';
      return { ...base, type: 'checked', result: { state: said } };
    }
    case 'undo': {
      const result = pickOf(['restored', 'not_needed', 'superseded', 'still_held'] as const, how) ?? 'restored';
      return { ...base, type: 'undone', result: { result, digest: 'd' } };
    }
    default:
      return effect;
  }
}

function saidFor(how: number): 'holds' | 'absent' | 'foreign' | 'unknown' {
  return how === 0 ? 'holds' : (pickOf(['holds', 'absent', 'foreign', 'unknown'] as const, how) ?? 'holds');
}

const ANSWER = {
  observe: 'observed',
  perform: 'performed',
  verify: 'verified',
  check: 'checked',
  undo: 'undone',
} as const;

describe('the state machine', () => {
  it('keeps its laws whatever happens, and ends when it is left in peace', () => {
    const accounts = fc.constantFrom<(readonly string[])[]>([], ['a@x', 'b@x']);
    fc.assert(
      fc.property(plans, accounts, fc.array(happening, { maxLength: 60 }), (plan, affected, happenings) => {
        const world = new World(plan, affected);
        for (const each of happenings) world.happen(each);
        world.leaveInPeace();
      }),
      { numRuns: Number(process.env['FIREBREAK_MODEL_RUNS'] ?? 1_500) },
    );
  });
});
