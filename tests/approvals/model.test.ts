import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ballot, Case, Event, Login } from './matrix/case.ts';
import { CorePlay } from './matrix/core-house.ts';
import { approvalOf, statusOf } from './matrix/request.ts';
import { coursesOf } from './matrix/specification.ts';

/**
 * The approval engine against chance: votes, timers, people who lose or change roles, escalations and restarts from the records,
 * in any order. Two judges look after each step: the specification of the matrix says what must have come of it, and the laws
 * below are counted from the records alone.
 */

const ADMIN = 'SECURITY_ADMIN';
const COMMANDER = 'INCIDENT_COMMANDER';
const ROLE_SETS = [[ADMIN], [COMMANDER], [ADMIN, COMMANDER], ['CISO'], ['AUDITOR'], []];
const HUMANS = ['ada', 'ben', 'cleo', 'dan', 'eve'];
/** Of each human the accounts; the first has the name of the human. */
const LOGINS = HUMANS.flatMap((human) => [human, `${human}/second`]);
const humanOf = (login: string): string => login.split('/')[0] ?? login;

const person = fc.constantFrom(...LOGINS);
const roles = fc.constantFrom(...ROLE_SETS);
const logins: fc.Arbitrary<Record<string, Login>> = fc
  .tuple(...LOGINS.map(() => fc.record({ roles, service: fc.integer({ min: 0, max: 9 }) })))
  .map((drawn) =>
    Object.fromEntries(
      LOGINS.map((login, index): [string, Login] => {
        const { roles: held = [], service = 1 } = drawn[index] ?? {};
        const kind = service === 0 ? 'service' : 'person';
        return [login, { human: humanOf(login), roles: held, kind, disabled: false }];
      }),
    ),
  );

const somebody = fc.option(fc.constantFrom(...HUMANS), { freq: 2 });
const opening: fc.Arbitrary<Omit<Case, 'steps'>> = fc.record({
  name: fc.constant('drawn'),
  surface: fc.constant('core'),
  requester: somebody,
  subject: somebody,
  author: somebody,
  gate: fc.record({
    roles: fc.constantFrom([ADMIN], [COMMANDER], [ADMIN, COMMANDER]),
    k: fc.integer({ min: 1, max: 4 }),
    named: fc.option(fc.uniqueArray(person, { minLength: 1 }), { freq: 3 }),
    standIn: fc.option(fc.oneof(person, fc.constant('CISO'))),
  }),
  glass: fc.record({ people: fc.uniqueArray(person, { minLength: 1, maxLength: 3 }) }),
  logins,
});

/** What has been done to a request so far, for the specification. */
interface Model {
  steps: readonly (readonly Event[])[];
  /** How far the clock has gone, by its place among `MOMENTS`; -1 before. It does not go back. */
  moment: number;
}
interface Real {
  readonly opening: Omit<Case, 'steps'>;
  readonly play: CorePlay;
}
type Command = fc.Command<Model, Real>;

const MOMENTS = ['escalation', 'last moment', 'end'] as const;

function happens(event: Event): Command {
  return {
    check: () => true,
    run(model, { opening: given, play }) {
      const before = play.records.length;
      play.take(event, `${model.steps.length}.0`);
      model.steps = [...model.steps, [event]];
      if (event.do === 'vote') expect(play.records.length, 'an input that is not recorded').toBe(before + 1);
      judge(given, model, play);
    },
    toString: () => JSON.stringify(event),
  };
}

/** The clock goes on; nobody looks at it yet. */
class Later implements Command {
  private readonly to: (typeof MOMENTS)[number];
  constructor(to: (typeof MOMENTS)[number]) {
    this.to = to;
  }
  check({ moment }: Readonly<Model>): boolean {
    return MOMENTS.indexOf(this.to) > moment;
  }
  run(model: Model, real: Real): void {
    model.moment = MOMENTS.indexOf(this.to);
    happens({ do: 'clock', to: this.to }).run(model, real);
  }
  toString(): string {
    return `later: ${this.to}`;
  }
}

/** Whoever keeps the clock hands in all timers: those that are due, and those that are not. */
class Timers implements Command {
  check({ moment }: Readonly<Model>): boolean {
    return moment >= 0;
  }
  run(model: Model, real: Real): void {
    happens({ do: 'timers', due: MOMENTS[model.moment] === 'end' ? 'end' : 'escalation' }).run(model, real);
  }
  toString(): string {
    return 'timers';
  }
}

class Restart implements Command {
  check(): boolean {
    return true;
  }
  run(model: Model, { opening: given, play }: Real): void {
    const before = play.state;
    play.restart();
    expect(play.state).toEqual(before);
    judge(given, model, play);
  }
  toString(): string {
    return 'restart';
  }
}

function judge(given: Omit<Case, 'steps'>, { steps }: Model, play: CorePlay): void {
  const [course] = coursesOf({ ...given, steps });
  expect([play.answers, statusOf(play.state)]).toEqual([course?.answers, course?.status]);
  expectLaws(given, play);
}

/** Counted from what was recorded, without asking why a vote counted. */
function expectLaws({ requester, subject, gate, glass }: Omit<Case, 'steps'>, play: CorePlay): void {
  const facts = play.records.flatMap(({ facts: each }) => each);
  const decisions = facts.filter((fact) => fact.type === 'approval.decided');
  expect(decisions.length, 'more than one decision').toBeLessThanOrEqual(1);
  for (const { facts: each } of play.records) expect(each.length).toBeGreaterThan(0);
  const counted = play.records.flatMap(({ input, facts: each }) =>
    input.type === 'vote' && each.some(({ type }) => type === 'vote.cast') ? [input] : [],
  );
  const humans = counted.map(({ voter }) => humanOf(voter.userId.replace('usr_', '')));
  for (const human of humans) expect([requester, subject], 'their own').not.toContain(human);
  const isDenied = counted.some(({ decision }) => decision === 'DENY');
  const { status } = approvalOf(play.state);
  if (isDenied) expect(status).toBe('DENIED');
  const alone = play.records.filter(({ facts: each }) => each.some(({ type }) => type === 'approval.broken_glass'));
  expect(alone.length, 'broken twice').toBeLessThanOrEqual(1);
  for (const { input } of alone) {
    if (input.type !== 'break_glass') throw new Error('only a use breaks it');
    expect(glass?.people, 'nobody named them').toContain(input.voter.userId.replace('usr_', ''));
    expect([requester, subject], 'their own').not.toContain(humanOf(input.voter.userId.replace('usr_', '')));
    expect(isDenied, 'a broken denial').toBe(false);
  }
  if (status === 'APPROVED' && alone.length === 0)
    expect(new Set(humans).size, 'too few people').toBeGreaterThanOrEqual(gate.k);
  if (status === 'PENDING') expect(decisions).toEqual([]);
  else expect(decisions).toMatchObject([{ status }]);
}

const vote = fc
  .record({
    login: person,
    decision: fc.constantFrom<Ballot['decision'][]>('APPROVE', 'APPROVE', 'APPROVE', 'APPROVE', 'DENY'),
    shown: fc.constantFrom<Ballot['shown'][]>('this', 'this', 'this', 'this', 'older', 'nothing'),
    maker: fc.option(fc.constantFrom(...HUMANS), { freq: 4 }),
  })
  .map(({ maker, ...given }) => happens({ do: 'vote', ballot: { ...given, maker: maker ?? humanOf(given.login) } }));
const alone = fc
  .record({ login: person, shown: fc.constantFrom<Ballot['shown'][]>('this', 'this', 'this', 'older') })
  .map((given) => happens({ do: 'break', ballot: { ...given, decision: 'APPROVE', maker: humanOf(given.login) } }));
const change = fc
  .record({ login: person, to: fc.oneof(fc.record({ roles }), fc.record({ disabled: fc.boolean() })) })
  .map(({ login, to }) => happens({ do: 'change', login, to }));
const later = fc.constantFrom(...MOMENTS).map((to) => new Later(to));
const timers = fc.constant(new Timers());
const restart = fc.constant(new Restart());

describe('the approval engine', () => {
  it('keeps its laws whatever people, timers and restarts do', () => {
    const reached = new Map<string, number>();
    fc.assert(
      fc.property(
        opening,
        fc.commands([vote, vote, vote, vote, vote, alone, change, later, timers, restart], { maxCommands: 30 }),
        (given, drawn) => {
          const play = new CorePlay({ ...given, steps: [] });
          fc.modelRun(() => ({ model: { steps: [], moment: -1 }, real: { opening: given, play } }), drawn);
          for (const what of [approvalOf(play.state).status, ...Object.values(play.answers)])
            reached.set(what, (reached.get(what) ?? 0) + 1);
        },
      ),
      { numRuns: 2_000 },
    );
    // Chance that never gets there proves nothing.
    for (const what of [
      'APPROVED',
      'DENIED',
      'EXPIRED',
      'PENDING',
      'counted',
      'broken',
      'sealed',
      'already_voted',
      'borrowed_credential',
      'expired',
    ])
      expect([what, (reached.get(what) ?? 0) > 10]).toEqual([what, true]);
  }, 240_000);
});
