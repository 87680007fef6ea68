import { z } from 'zod';
import { FirebreakError } from '../platform/errors.ts';
import type { Principal } from '../pipeline/access/principal.ts';
import { canonicalAccount, identitiesOf, overlaps } from '../pipeline/access/identities.ts';
import { countsFor } from '../pipeline/approvals/seats.ts';
import type { Resource } from '../pipeline/service.ts';
import { SEVERITIES } from '../pipeline/vocabulary.ts';
import { BROKEN_GLASS } from './break-glass-shown.ts';

const REQUIREMENT = z.looseObject({
  roles: z.array(z.string()),
  k: z.int(),
  human: z.boolean(),
  users: z.record(z.string(), z.array(z.string())).optional(),
  standIns: z.array(z.object({ who: z.enum(['user', 'role', 'oncall']), id: z.string(), afterMs: z.int() })).optional(),
  services: z.array(z.string()).optional(),
});
const SERVICE = z.looseObject({
  name: z.string(),
  mustAnswer: z.boolean(),
  reply: z.looseObject({ answer: z.enum(['approved', 'denied', 'none']), why: z.string().nullable() }).optional(),
});
const STEP = z.looseObject({ level: z.int(), delayMs: z.int(), escalateTo: z.string() });

const VOTE = z.looseObject({
  userId: z.string(),
  linkedAccounts: z.array(z.string()),
  decision: z.enum(['APPROVE', 'DENY']),
  comment: z.string().nullable(),
  at: z.string(),
  onBehalfOf: z.looseObject({ userId: z.string(), linkedAccounts: z.array(z.string()) }).optional(),
  /** What a passkey signed. Absent: none was asked. */
  assertion: z.unknown().optional(),
});
const WITHDRAWN = VOTE.extend({
  withdrawnAt: z.string(),
  withdrawnBy: z.string(),
  withdrawnWhy: z.string().nullable(),
});

/** What the pages show of an approval, as the API gives it. */
export const APPROVAL = z.looseObject({
  id: z.string(),
  actionId: z.string(),
  actionType: z.string(),
  reversibility: z.string(),
  riskLevel: z.enum(SEVERITIES),
  purpose: z.string(),
  playbookId: z.string(),
  playbookVersion: z.int(),
  executionId: z.string(),
  incidentId: z.string(),
  target: z.looseObject({ type: z.string(), id: z.string() }).nullable(),
  accounts: z.array(z.string()),
  parameters: z.record(z.string(), z.unknown()).nullable(),
  question: z.string().nullable(),
  intentHash: z.string(),
  status: z.string(),
  requester: z.string(),
  requiredApprovers: z.int(),
  requirements: z.array(REQUIREMENT),
  escalationPath: z.array(STEP),
  escalations: z.array(STEP.extend({ at: z.string() })),
  votes: z.array(VOTE),
  withdrawn: z.array(WITHDRAWN).optional(),
  /** Approving needs the voter's passkey. Absent: it does not. */
  requirePasskey: z.boolean().optional(),
  services: z.array(SERVICE).optional(),
  requestedAt: z.string(),
  expiresAt: z.string(),
  decidedAt: z.string().nullable(),
  brokenGlass: BROKEN_GLASS.optional(),
});
export type ApprovalShown = Readonly<z.infer<typeof APPROVAL>>;

/** A rule that asks, as the audit of its action shows it. */
export const GATE = z.looseObject({
  source: z.string(),
  version: z.int(),
  gateName: z.string(),
  fallbackBehavior: z.enum(['DENY_ACTION', 'ESCALATE_TO_HUMAN', 'ALLOW_ACTION']),
});
export type GateShown = Readonly<z.infer<typeof GATE>>;

/** @throws Error when it is no approval: a bug, since the service gave it. */
export function approvalOf(data: Resource): ApprovalShown {
  const { data: approval, error } = APPROVAL.safeParse(data);
  if (approval !== undefined) return approval;
  throw new FirebreakError('internal', 'An approval cannot be shown', [], { cause: error });
}

/**
 * Whether the approval waits for this person, as far as what is shown says. It only sorts a list: who may vote is decided
 * where the vote is counted.
 */
export function waitsFor(
  approval: ApprovalShown,
  who: Pick<Principal, 'userId' | 'roles' | 'linkedAccounts'>,
): boolean {
  if (approval.status !== 'PENDING') return false;
  const identities = identitiesOf(who);
  const others = [approval.requester, ...approval.accounts].map(canonicalAccount);
  if (others.some((each) => identities.has(each))) return false;
  if (approval.votes.some((vote) => overlaps(identitiesOf(vote), identities))) return false;
  const escalatedMs = Math.max(-1, ...approval.escalations.map(({ delayMs }) => delayMs));
  return approval.requirements.some((requirement) => countsFor(requirement, who, escalatedMs));
}

/** Whether this person could take something back: their own vote, or what was said in their place. */
export function hasVoteOf(
  { votes }: Pick<ApprovalShown, 'votes'>,
  who: Pick<Principal, 'userId' | 'linkedAccounts'>,
): boolean {
  const identities = identitiesOf(who);
  return votes.some(
    (vote) =>
      overlaps(identitiesOf(vote), identities) ||
      (vote.onBehalfOf !== undefined && overlaps(identitiesOf(vote.onBehalfOf), identities)),
  );
}

export function rolesInWords(roles: readonly string[]): string {
  return roles.length === 0 ? 'no role' : roles.join(' or ');
}
