import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import { evolve } from '../../src/pipeline/executions/core/evolve.ts';
import type { ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import { requirementsOf } from '../../src/pipeline/playbooks/requirements.ts';
import type { Role } from '../../src/pipeline/vocabulary.ts';
import { ExecutionStory, STORY_START } from '../support/execution-story.ts';
import { gate, planAction, planOf } from '../support/plans.ts';

/**
 * Seats that are lent and votes that are taken back, against chance: people vote in their own right or for somebody, take votes
 * back, and time goes on. What must come of each step is said by the specification below, which shares nothing with the product
 * but the words; the laws are counted from the records alone.
 */

const ADMIN = 'SECURITY_ADMIN';
const COMMANDER = 'INCIDENT_COMMANDER';
const HUMANS = ['ada', 'ben', 'cleo', 'dan', 'eve', 'finn'];
const TIMEOUT_MS = 100;

interface Loan {
  readonly owner: string;
  readonly to: string;
  readonly only: Role | null;
  readonly from: number;
  readonly until: number;
}
interface House {
  readonly roles: readonly Role[];
  readonly k: number;
  readonly requester: string;
  readonly held: Readonly<Record<string, readonly Role[]>>;
  readonly loans: readonly Loan[];
  /** Those who may not vote themselves now: disabled, or without a role that may. */
  readonly barred: readonly string[];
}
type Step =
  | { readonly do: 'vote'; readonly who: string; readonly decision: 'APPROVE' | 'DENY'; readonly wanted: number | null }
  | { readonly do: 'withdraw'; readonly who: string }
  | { readonly do: 'wait'; readonly ms: number };

const human = fc.constantFrom(...HUMANS);
const roles = fc.constantFrom<(readonly Role[])[]>([ADMIN], [COMMANDER], [ADMIN, COMMANDER], ['LEGAL'], []);
const house: fc.Arbitrary<House> = fc.record({
  roles: fc.constantFrom<(readonly Role[])[]>([ADMIN], [COMMANDER], [ADMIN, COMMANDER]),
  k: fc.integer({ min: 1, max: 3 }),
  requester: human,
  held: fc.record(Object.fromEntries(HUMANS.map((name) => [name, roles]))),
  barred: fc.subarray(HUMANS, { maxLength: 1 }),
  loans: fc.array(
    fc
      .record({
        owner: human,
        to: human,
        only: fc.option(fc.constantFrom<Role[]>(ADMIN, COMMANDER), { freq: 4 }),
        from: fc.constantFrom(0, 0, 0, 30),
        lasts: fc.constantFrom(20, 60, 200),
      })
      .map(({ lasts, ...loan }) => ({ ...loan, until: loan.from + lasts })),
    { maxLength: 6 },
  ),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('vote' as const),
      who: human,
      decision: fc.constantFrom<('APPROVE' | 'DENY')[]>('APPROVE', 'APPROVE', 'APPROVE', 'APPROVE', 'APPROVE', 'DENY'),
      wanted: fc.option(fc.integer({ min: 0, max: 5 }), { freq: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('withdraw' as const), who: human }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(5, 25, 60) }) },
);

/** A voice as the specification counts it: who spoke, for whom, and with which roles. */
interface Voice {
  readonly who: string;
  readonly seat: string;
  readonly roles: readonly Role[];
  readonly decision: 'APPROVE' | 'DENY';
}

/** What must come of each step, from the words of the guide. */
class Specification {
  voices: readonly Voice[] = [];
  now = 0;
  status = 'PENDING';
  private readonly given: House;
  constructor(given: House) {
    this.given = given;
  }

  vote({ who, decision, wanted }: Extract<Step, { do: 'vote' }>): boolean {
    if (this.status !== 'PENDING' || this.now >= TIMEOUT_MS) return false;
    const own: Voice = { who, seat: who, roles: this.given.held[who] ?? [], decision };
    const lent = this.given.loans
      .filter((loan, index) => loan.to === who && (wanted === null || index === wanted))
      .filter(({ from, until }) => from <= this.now && this.now < until)
      .filter(({ owner }) => owner !== who)
      .filter(({ owner }) => !this.given.barred.includes(owner))
      .map(({ owner, only }): Voice => {
        const held = this.given.held[owner] ?? [];
        return { who, seat: owner, roles: only === null ? held : held.filter((role) => role === only), decision };
      });
    const voices = wanted === null && this.isAsked(own) ? [own] : wanted === null ? [own, ...lent] : lent;
    const voice = voices.find((each) => this.mayBeRaised(each));
    if (voice === undefined) return false;
    this.voices = [...this.voices, voice];
    if (decision === 'DENY') this.status = 'DENIED';
    else if (this.isEnough()) this.status = 'APPROVED';
    return true;
  }

  withdraw(who: string): boolean {
    if (this.status !== 'PENDING' || this.now >= TIMEOUT_MS) return false;
    const left = this.voices.filter((voice) => voice.who !== who && voice.seat !== who);
    const isTaken = left.length < this.voices.length;
    this.voices = left;
    return isTaken;
  }

  private isAsked({ roles: held }: Voice): boolean {
    return held.some((role) => this.given.roles.includes(role));
  }

  private mayBeRaised(voice: Voice): boolean {
    const behind = [voice.who, voice.seat];
    if (!this.isAsked(voice) || behind.includes(this.given.requester)) return false;
    // Nobody is kept from denying by what somebody else said in their place.
    const denies = voice.decision === 'DENY' && voice.who === voice.seat;
    return this.voices.every(({ who, seat }) =>
      denies ? who !== voice.who : !behind.includes(who) && !behind.includes(seat),
    );
  }

  /** k voices, and with one role each a voice of its own. */
  private isEnough(): boolean {
    const { k, roles: needed } = this.given;
    if (this.voices.length < k) return false;
    if (k < needed.length || needed.length === 1) return true;
    return this.voices.some((voice, index) => {
      const others = this.voices.filter((_, place) => place !== index);
      return voice.roles.includes(ADMIN) && others.some((other) => other.roles.includes(COMMANDER));
    });
  }
}

interface Recorded {
  readonly input: ExecutionStory['inputs'][number];
  readonly facts: readonly Fact[];
}

function play(given: House, steps: readonly Step[]): { readonly reached: readonly string[] } {
  const places = gate({
    requirements: requirementsOf(given.roles, given.k),
    requiredApprovers: given.k,
    timeoutMs: TIMEOUT_MS,
  });
  const requester = { type: 'person', id: given.requester } as const;
  const story = new ExecutionStory(planOf([planAction('a', { gates: [places] })]), { requester });
  const specification = new Specification(given);
  const records: Recorded[] = [record(story)];
  const reached: string[] = [];
  const voterOf = (who: string) => {
    const lentSeats = given.loans.flatMap(({ owner, to, only, from, until }, index) => {
      if (to !== who || owner === who) return [];
      const held = given.held[owner] ?? [];
      const seat = {
        delegationId: `dlg_${index}`,
        userId: owner,
        linkedAccounts: [],
        mayVote: !given.barred.includes(owner),
      };
      const lent =
        only === null ? { roles: held } : { roles: held.filter((role) => role === only), byRoleOnly: true as const };
      return [{ ...seat, ...lent, from: STORY_START + from, until: STORY_START + until }];
    });
    const kind = 'person' as const;
    const self = {
      userId: who,
      kind,
      roles: given.held[who] ?? [],
      disabled: false,
      linkedAccounts: [],
      issuedBy: who,
    };
    return { ...self, ...(lentSeats.length === 0 ? {} : { lentSeats }) };
  };
  const { id: approvalId, intentHash } = story.approval;
  for (const each of steps) {
    if (each.do === 'wait') {
      specification.now += each.ms;
      story.now += each.ms;
      continue;
    }
    const before = story.approval.status;
    if (each.do === 'vote') {
      const { who, decision, wanted } = each;
      const speaking = wanted === null ? {} : { onBehalfOf: `dlg_${wanted}` };
      story.take({ type: 'vote', approvalId, decision, intentHash, comment: null, voter: voterOf(who), ...speaking });
      const isCast = has(story, 'vote.cast');
      expect([isCast, JSON.stringify(each)]).toEqual([specification.vote(each), JSON.stringify(each)]);
      reached.push(
        `${isCast ? 'cast' : 'refused'} ${story.approval.votes.at(-1)?.onBehalfOf === undefined ? 'own' : 'lent'}`,
      );
    } else {
      story.take({ type: 'withdraw', approvalId, voter: voterOf(each.who), reason: null });
      const isTaken = has(story, 'vote.withdrawn');
      expect([isTaken, JSON.stringify(each)]).toEqual([specification.withdraw(each.who), JSON.stringify(each)]);
      reached.push(isTaken ? 'withdrawn' : 'not withdrawn');
    }
    records.push(record(story));
    const { status } = story.approval;
    if (before !== 'PENDING') expect(status, 'turned back').toBe(before);
    expect(status).toBe(specification.status);
    reached.push(status);
  }
  expectLaws(given, story, records);
  return { reached };
}

function record({ inputs, last }: ExecutionStory): Recorded {
  const input = inputs.at(-1);
  if (input === undefined) throw new Error('nothing was taken');
  return { input, facts: last.facts };
}

function has({ last }: ExecutionStory, type: Fact['type']): boolean {
  return last.facts.some((fact) => fact.type === type);
}

/** Counted from what was recorded, without asking why a vote counted. */
function expectLaws(given: House, story: ExecutionStory, records: readonly Recorded[]): void {
  let folded: ExecutionState | null = null;
  for (const { input, facts } of records) {
    expect(facts.length, 'an input that is not recorded').toBeGreaterThan(0);
    for (const fact of facts) folded = evolve(folded, fact, input);
  }
  expect(folded, 'what the records say').toEqual(story.state);
  const { votes, withdrawn = [], status } = story.approval;
  const casts = records.flatMap(({ facts }) => facts).filter(({ type }) => type === 'vote.cast');
  expect(votes.length + withdrawn.length, 'a vote that is lost').toBe(casts.length);
  if (status !== 'APPROVED') return;
  const speakers = new Set(votes.map(({ userId }) => userId));
  const seats = new Set(votes.map(({ userId, onBehalfOf }) => onBehalfOf?.userId ?? userId));
  expect(speakers.size, 'too few people').toBeGreaterThanOrEqual(given.k);
  expect(seats.size, 'one seat counted twice').toBeGreaterThanOrEqual(given.k);
  for (const vote of votes) expect([vote.userId, vote.onBehalfOf?.userId]).not.toContain(given.requester);
}

describe('lent seats and votes that are taken back', () => {
  it('keep the laws of a vote, whatever people do', () => {
    const reached = new Map<string, number>();
    fc.assert(
      fc.property(house, fc.array(step, { maxLength: 20 }), (given, steps) => {
        for (const what of play(given, steps).reached) reached.set(what, (reached.get(what) ?? 0) + 1);
      }),
      { numRuns: 3_000 },
    );
    // Chance that never gets there proves nothing; the rarest comes some fifty times.
    for (const what of ['cast own', 'cast lent', 'withdrawn', 'not withdrawn', 'APPROVED', 'DENIED', 'PENDING'])
      expect([what, (reached.get(what) ?? 0) > 10]).toEqual([what, true]);
  }, 240_000);
});
