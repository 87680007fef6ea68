import { createHash } from 'node:crypto';
import type { Assertion } from '../../src/pipeline/access/assertion.ts';
import { countVotes, type Vote } from '../../src/pipeline/approvals/approval.ts';
import { decide } from '../../src/pipeline/executions/core/decide.ts';
import { evolve } from '../../src/pipeline/executions/core/evolve.ts';
import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Input, VoteInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { ApprovalState, ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import type { Role } from '../../src/pipeline/vocabulary.ts';
import { gate, planAction, planOf, startOf } from '../support/plans.ts';

/**
 * Requests that need passkeys, played on the pure core alone: what is signed is made and judged here by code of its own, from the
 * sentence in ADR 0024. The core does not look at signatures, so there are none.
 */

export const START = Date.UTC(2026, 10, 22, 3);
const MINUTE_MS = 60_000;
export const SITE = { rpId: 'firebreak.example', origin: 'https://firebreak.example' };

/** What is wrong with an assertion, or how it was come by. */
export const FORMS = [
  'right',
  'none',
  'other decision',
  'other voter',
  'other request',
  'other intent',
  'used before',
  'over',
  'unverified',
  'other site',
  'other rpId',
  'registration',
  'garbage',
] as const;
export type Form = (typeof FORMS)[number];

export interface Ballot {
  readonly who: string;
  readonly decision: 'APPROVE' | 'DENY';
  readonly form: Form;
}

/** As the ADR says it: SHA-256 over canonical JSON, whose members stand in the order of their names. */
export function challengeOf(
  claim: Record<'approvalId' | 'decision' | 'intentHash' | 'nonce' | 'userId', string>,
): string {
  const { approvalId, decision, intentHash, nonce, userId } = claim;
  const text = JSON.stringify({ approvalId, decision, intentHash, nonce, userId, what: 'firebreak vote' });
  return createHash('sha256').update(text).digest('base64url');
}

/** An assertion of these claims, and nothing more. */
export function assertionOf(
  challenge: string,
  nonce: string,
  { flags = 0x05, type = 'webauthn.get', origin = SITE.origin, rpId = SITE.rpId } = {},
): Assertion {
  const head = createHash('sha256').update(rpId).digest();
  const client = JSON.stringify({ type, challenge, origin });
  return {
    credentialId: 'Y3JlZA',
    publicKey: 'a2V5',
    authenticatorData: Buffer.concat([head, Buffer.from([flags, 0, 0, 0, 0])]).toString('base64url'),
    clientDataJSON: Buffer.from(client).toString('base64url'),
    signature: 'c2lnbmVk',
    nonce,
    signCount: 0,
    ...SITE,
  };
}

export interface Step {
  readonly input: Input;
  readonly facts: readonly Fact[];
}

export class PasskeyPlay {
  readonly records: Step[] = [];
  state: ExecutionState;
  now = START;
  /** Assertions that were handed in, with what they were for. */
  readonly used: { readonly ballot: Ballot; readonly assertion: Assertion }[] = [];
  /** Who has which role at this moment. */
  readonly roles: Record<string, Role>;
  readonly plan: Plan;
  private nonces = 0;

  constructor(k: number, gates: readonly boolean[], roles: Record<string, Role>) {
    this.roles = roles;
    const planGates = gates.map((requirePasskey, index) =>
      gate({
        gateName: `gate ${index}`,
        requirements: [{ roles: ['SECURITY_ADMIN'], k, human: true }],
        requiredApprovers: k,
        ...(requirePasskey ? { requirePasskey: true } : {}),
      }),
    );
    this.plan = planOf([planAction('a', { gates: planGates })]);
    const start = { ...startOf('exe_passkeys', 'jrn_passkeys'), at: START, type: 'start', planHash: 'h' } as const;
    this.state = this.take(null, start);
  }

  get approval(): ApprovalState {
    const [approval] = Object.values(this.state.approvals);
    if (approval === undefined) throw new Error('nothing was asked');
    return approval;
  }

  /** Answers with `counted`, `ignored`, or the code of the refusal. */
  vote(ballot: Ballot): string {
    const assertion = this.assertionFor(ballot);
    const { who, decision } = ballot;
    const { id: approvalId, intentHash } = this.approval;
    const role = this.roles[who];
    const input: VoteInput = {
      type: 'vote',
      approvalId,
      decision,
      intentHash,
      comment: null,
      at: this.now,
      provenBy: 'session',
      voter: {
        userId: who,
        kind: 'person',
        roles: role === undefined ? [] : [role],
        disabled: false,
        linkedAccounts: [],
        issuedBy: who,
      },
      ...(assertion === null ? {} : { assertion }),
    };
    if (assertion !== null) this.used.push({ ballot, assertion });
    this.state = this.take(this.state, input);
    const facts = this.records.at(-1)?.facts ?? [];
    const refused = facts.find((fact) => fact.type === 'vote.refused');
    if (refused !== undefined) return refused.code;
    return facts.some(({ type }) => type === 'vote.cast') ? 'counted' : 'ignored';
  }

  /** Forgets everything and goes on with what the records say, as they are written. */
  restart(): void {
    let state: ExecutionState | null = null;
    const read = JSON.parse(JSON.stringify(this.records)) as readonly Step[]; // our own records
    for (const { input, facts } of read) for (const fact of facts) state = evolve(state, fact, input);
    if (state === null) throw new Error('an execution without records');
    this.state = state;
  }

  /** What the votes of these people would decide, had they been counted without a look at them before. */
  verdictOn(people: readonly string[], form: Form): string {
    const { intentHash } = this.approval;
    const votes = people.map((userId): Vote => {
      const assertion = this.assertionFor({ who: userId, decision: 'APPROVE', form });
      const voter = { userId, kind: 'person' as const, roles: ['SECURITY_ADMIN' as const], linkedAccounts: [] };
      const vote = {
        ...voter,
        issuedBy: userId,
        decision: 'APPROVE' as const,
        intentHash,
        at: this.now,
        comment: null,
      };
      return assertion === null ? vote : { ...vote, assertion };
    });
    return countVotes({ ...this.approval, votes, status: 'PENDING' });
  }

  private take(before: ExecutionState | null, input: Input): ExecutionState {
    const { state, facts } = decide(this.plan, before, input);
    this.records.push({ input, facts });
    return state;
  }

  private assertionFor({ who, decision, form }: Ballot): Assertion | null {
    if (form === 'none') return null;
    if (form === 'used before') {
      const earlier = this.used.findLast(({ ballot }) => ballot.who === who && ballot.decision === decision);
      if (earlier !== undefined) return earlier.assertion;
    }
    this.nonces += 1;
    const until = form === 'over' ? this.now : this.now + 5 * MINUTE_MS;
    const nonce = `${until}.${String(this.nonces).padStart(22, '0')}.${'m'.repeat(43)}`;
    const { id: approvalId, intentHash } = this.approval;
    const challenge = challengeOf({
      approvalId: form === 'other request' ? 'apr_other' : approvalId,
      decision: form === 'other decision' ? (decision === 'APPROVE' ? 'DENY' : 'APPROVE') : decision,
      intentHash: form === 'other intent' ? 'ab'.repeat(32) : intentHash,
      nonce,
      userId: form === 'other voter' ? 'usr_somebody' : who,
    });
    const made = assertionOf(challenge, nonce, {
      ...(form === 'unverified' ? { flags: 0x01 } : {}),
      ...(form === 'other site' ? { origin: 'https://evil.example' } : {}),
      ...(form === 'other rpId' ? { rpId: 'evil.example' } : {}),
      ...(form === 'registration' ? { type: 'webauthn.create' } : {}),
    });
    return form === 'garbage' ? { ...made, clientDataJSON: 'e30', authenticatorData: 'AA' } : made;
  }
}
