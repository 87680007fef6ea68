import { decide, type Decision } from '../../../src/pipeline/executions/core/decide.ts';
import { timersOf } from '../../../src/pipeline/executions/core/demands.ts';
import { evolve } from '../../../src/pipeline/executions/core/evolve.ts';
import type { Fact } from '../../../src/pipeline/executions/core/facts.ts';
import type { Input, VoteInput } from '../../../src/pipeline/executions/core/inputs.ts';
import type { ExecutionState } from '../../../src/pipeline/executions/core/state.ts';
import type { GlassInForce } from '../../../src/pipeline/guards/break-glass.ts';
import type { Plan } from '../../../src/pipeline/playbooks/plan.ts';
import { ROLES } from '../../../src/pipeline/vocabulary.ts';
import type { Ballot, Case, Course, Event, Login } from './case.ts';
import {
  addressOf,
  approvalOf,
  ESCALATION_MS,
  MOMENTS,
  olderIntent,
  planFor,
  startFor,
  statusOf,
  TIMEOUT_MS,
} from './request.ts';

/** A case played on the pure core alone: what the services would hand in, without them. */

const START = Date.UTC(2026, 10, 21, 3);
const idOf = (login: string): string => `usr_${login}`;

/** Members of one moment are taken in the order given, or in the other one. */
export function playInCore(given: Case, reversed: boolean): Course {
  const play = new CorePlay(given);
  given.steps.forEach((step, index) => {
    const places = step.map((event, place) => ({ event, at: `${index}.${place}` }));
    for (const { event, at } of reversed ? places.toReversed() : places) play.take(event, at);
  });
  return { answers: play.answers, status: statusOf(play.state) };
}

/** What was recorded of one input. */
export interface Step {
  readonly input: Input;
  readonly facts: readonly Fact[];
}

export class CorePlay {
  readonly answers: Record<string, string> = {};
  /** All that a journal would hold; a planted vote is in none. */
  readonly records: Step[] = [];
  state: ExecutionState;
  private readonly plan: Plan;
  private readonly older: string;
  private readonly logins: Record<string, Login>;
  private now = START;

  private readonly given: Case;

  constructor(given: Case) {
    this.given = given;
    this.logins = { ...given.logins };
    this.plan = planFor(given, idOf);
    const start = startFor(given, 'exe_matrix', 'jrn_matrix', idOf);
    this.state = this.advance(null, { ...start, at: START, type: 'start', planHash: 'h' }).state;
    this.older = olderIntent(given, start, START, idOf);
  }

  take(event: Event, at: string): void {
    if (event.do === 'clock') this.now = START + MOMENTS[event.to];
    if (event.do === 'timers') this.tick();
    if (event.do === 'change') this.logins[event.login] = { ...this.login(event.login), ...event.to };
    if (event.do === 'break') this.answers[at] = this.break(event.ballot);
    if (event.do === 'vote') this.answers[at] = this.vote(this.inputOf(event.ballot));
    if (event.do === 'plant') {
      const { id } = approvalOf(this.state);
      this.state = evolve(this.state, { type: 'vote.cast', approvalId: id }, this.inputOf(event.ballot));
    }
  }

  private vote(input: VoteInput): string {
    const { facts } = this.advance(this.state, input);
    const refused = facts.find((fact) => fact.type === 'vote.refused');
    if (refused !== undefined) return refused.code;
    return facts.some(({ type }) => type === 'vote.cast') ? 'counted' : 'ignored';
  }

  private break(ballot: Ballot): string {
    const { approvalId, intentHash, voter, at } = this.inputOf(ballot);
    const { people = null, flaw } = this.given.glass ?? {};
    const declaration: GlassInForce | null =
      people === null
        ? null
        : {
            id: 'bgl_matrix',
            version: 2,
            people: people.map(idOf),
            actionTypes: [flaw === 'another action' ? 'GEO_LOCK' : 'ACCOUNT_SUSPEND'],
            maxRiskLevel: flaw === 'lower risk' ? 'MEDIUM' : 'HIGH',
            usesPerDay: 2,
            irreversible: false,
            expiresAt: flaw === 'ended' ? START + ESCALATION_MS : START + 2 * TIMEOUT_MS,
          };
    const { facts } = this.advance(this.state, {
      type: 'break_glass',
      approvalId,
      useId: 'bgu_matrix',
      intentHash,
      reason: 'nobody who may approve answers',
      voter,
      ...(flaw === 'a link' || flaw === 'a chat' ? { provenBy: flaw === 'a link' ? 'mail_link' : 'slack' } : {}),
      declaration,
      use: flaw === 'used up' ? 3 : 2,
      paused: flaw === 'paused',
      at,
    });
    return facts.some(({ type }) => type === 'approval.broken_glass') ? 'broken' : 'sealed';
  }

  private tick(): void {
    // Also those that are not due: who hands them in may be wrong about the time.
    for (const { name, generation } of timersOf(this.plan, this.state))
      this.advance(this.state, { type: 'timer', name, generation, at: this.now });
  }

  private advance(before: ExecutionState | null, input: Input): Decision {
    const decision = decide(this.plan, before, input);
    this.state = decision.state;
    this.records.push({ input, facts: decision.facts });
    return decision;
  }

  /** Forgets everything and goes on with what the records say, as they are written. */
  restart(): void {
    let state: ExecutionState | null = null;
    const read = JSON.parse(JSON.stringify(this.records)) as readonly Step[]; // our own records
    for (const { input, facts } of read) for (const fact of facts) state = evolve(state, fact, input);
    if (state === null) throw new Error('an execution without records');
    this.state = state;
  }

  private inputOf({ login, decision, shown, maker, late }: Ballot): VoteInput {
    const { human, roles, kind, disabled } = this.login(login);
    const approval = approvalOf(this.state);
    const made = maker === human ? {} : { issuerAccounts: this.accountsOf(maker, maker) };
    return {
      type: 'vote',
      approvalId: approval.id,
      decision,
      intentHash: shown === 'older' ? this.older : approval.intentHash,
      comment: null,
      at: late === true ? START + TIMEOUT_MS : this.now,
      voter: {
        userId: idOf(login),
        kind,
        disabled,
        roles: ROLES.filter((role) => roles.includes(role)),
        linkedAccounts: this.accountsOf(human, login),
        issuedBy: idOf(maker === human ? login : maker),
        ...made,
      },
    };
  }

  /** Everything else by which somebody is known; how it is written must not matter. */
  private accountsOf(human: string, login: string): readonly string[] {
    const logins = Object.keys(this.logins).filter((name) => this.logins[name]?.human === human);
    return [addressOf(human), ...logins.filter((name) => name !== login).map(idOf)].map((id) => ` ${id.toUpperCase()}`);
  }

  private login(name: string): Login {
    const login = this.logins[name];
    if (login === undefined) throw new Error(`nobody is ${name}`);
    return login;
  }
}
