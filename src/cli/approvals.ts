import { z } from 'zod';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';
import { printable } from '../platform/printable.ts';

const BASE = '/api/incident-playbooks/approvals';
/** Approvals of one answer: more than a person decides in one sitting; the list says how many there are. */
const MAX_LISTED = 100;

export interface ApprovalsOptions {
  readonly url: string;
  readonly json: boolean;
}

export interface VoteOptions extends ApprovalsOptions {
  /** What was shown: without it a vote for something that has changed meanwhile would count. */
  readonly intent?: string;
  readonly comment?: string;
  /** A delegation, or who made it, for whom is voted. */
  readonly for?: string;
}

const VOTE = z.looseObject({
  userId: z.string(),
  decision: z.string(),
  comment: z.string().nullable(),
  onBehalfOf: z.looseObject({ userId: z.string() }).optional(),
});

const APPROVAL = z.looseObject({
  id: z.string(),
  status: z.string(),
  executionId: z.string(),
  playbookId: z.string(),
  playbookVersion: z.int(),
  actionType: z.string(),
  reversibility: z.string(),
  riskLevel: z.string(),
  requester: z.string(),
  question: z.string().nullable(),
  target: z.looseObject({ type: z.string(), id: z.string() }).nullable(),
  accounts: z.array(z.string()),
  parameters: z.record(z.string(), z.unknown()).nullable(),
  intentHash: z.string(),
  requiredApprovers: z.int(),
  requirements: z.array(
    z.looseObject({
      roles: z.array(z.string()),
      k: z.int(),
      users: z.record(z.string(), z.array(z.string())).optional(),
      standIns: z.array(z.looseObject({ id: z.string(), afterMs: z.int() })).optional(),
    }),
  ),
  automatic: z.array(
    z.looseObject({
      gateName: z.string(),
      answer: z.string(),
      condition: z.string().optional(),
      exemption: z.looseObject({ id: z.string(), proposedBy: z.string(), confirmedBy: z.string() }).optional(),
    }),
  ),
  escalations: z.array(z.looseObject({ level: z.int(), escalateTo: z.string(), at: z.string() })),
  votes: z.array(VOTE),
  withdrawn: z.array(VOTE.extend({ withdrawnBy: z.string(), withdrawnWhy: z.string().nullable() })).optional(),
  expiresAt: z.string(),
  brokenGlass: z.looseObject({ useId: z.string(), userId: z.string(), reason: z.string() }).optional(),
});
type Shown = z.infer<typeof APPROVAL>;

/** What waits for people, one line each, the newest first. Exit code 0. */
export async function listApprovalsCommand(options: ApprovalsOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}`);
  const approvals = items.map((item) => APPROVAL.parse(item));
  if (options.json) io.stdout.write(`${JSON.stringify({ total, approvals })}\n`);
  else io.stdout.write(`${[...approvals.map(lineOf), `${total} wait for a decision`].join('\n')}\n`);
  return 0;
}

/** Everything that a vote would be about, and its intent, which the vote has to name. Exit code 0. */
export async function showApprovalCommand(id: string, options: ApprovalsOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', `${BASE}/${encodeURIComponent(id)}`);
  tell(APPROVAL.parse(data), options, io);
  return 0;
}

/** Votes as the person whose key is used, and shows what became of the approval. Exit code 0. @throws what the server refused */
export async function voteCommand(
  verb: 'approve' | 'deny',
  id: string,
  { intent, comment, for: onBehalfOf, ...options }: VoteOptions,
  io: Io,
): Promise<number> {
  const vote = {
    ...(intent === undefined ? {} : { intentHash: intent }),
    ...(comment === undefined ? {} : { comment }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
  };
  const body = { type: 'application/json', bytes: JSON.stringify(vote) };
  const { data } = await apiClient(options.url, io).call('POST', `${BASE}/${encodeURIComponent(id)}/${verb}`, body);
  tell(APPROVAL.parse(data), options, io);
  return 0;
}

/** Takes back the vote of the person whose key is used, or what was said in their place. Exit code 0. @throws what the server refused */
export async function withdrawCommand(
  id: string,
  { reason, ...options }: ApprovalsOptions & { readonly reason?: string },
  io: Io,
): Promise<number> {
  const body = { type: 'application/json', bytes: JSON.stringify(reason === undefined ? {} : { reason }) };
  const { data } = await apiClient(options.url, io).call('POST', `${BASE}/${encodeURIComponent(id)}/withdraw`, body);
  tell(APPROVAL.parse(data), options, io);
  return 0;
}

function tell(approval: Shown, { json }: ApprovalsOptions, io: Io): void {
  io.stdout.write(`${json ? JSON.stringify(approval) : textOf(approval)}\n`);
}

function lineOf(approval: Shown): string {
  const { id, riskLevel, votes, requiredApprovers, expiresAt } = approval;
  const given = `${votes.length} of ${requiredApprovers} votes`;
  return printable(`${id}  ${riskLevel}  ${whatOf(approval)}  ${given}, until ${expiresAt}`);
}

function textOf(approval: Shown): string {
  const { requirements, automatic, escalations, votes, withdrawn = [], brokenGlass } = approval;
  const lines = [
    `${approval.id} ${approval.status}`,
    `what       ${whatOf(approval)} (${approval.reversibility})`,
    `parameters ${JSON.stringify(approval.parameters ?? {})}`,
    `why        ${approval.riskLevel}, playbook ${approval.playbookId} version ${approval.playbookVersion}, asked for by ${approval.requester}`,
    `execution  ${approval.executionId}`,
    `who        ${approval.requiredApprovers} people: ${requirements.map(placeOf).join(', ')}; until ${approval.expiresAt}`,
    ...automatic.map((each) => `answered   ${each.answer} for ${each.gateName}: ${byOf(each)}`),
    ...escalations.map(({ level, escalateTo, at }) => `escalated  level ${level} to ${escalateTo} at ${at}`),
    ...votes.map((vote) => `vote       ${voteOf(vote)}`),
    ...withdrawn.map(
      ({ withdrawnBy, withdrawnWhy, ...vote }) =>
        `withdrawn  ${voteOf(vote)}; taken back by ${withdrawnBy}${withdrawnWhy === null ? '' : `: ${withdrawnWhy}`}`,
    ),
    ...(brokenGlass === undefined
      ? []
      : [`alone      BREAK-GLASS ${brokenGlass.useId} by ${brokenGlass.userId}: ${brokenGlass.reason}`]),
    `intent     ${approval.intentHash}`,
  ];
  return lines.map(printable).join('\n');
}

function voteOf({ userId, decision, onBehalfOf, comment }: z.infer<typeof VOTE>): string {
  const who = onBehalfOf === undefined ? userId : `${userId} for ${onBehalfOf.userId}`;
  return `${decision} by ${who}${comment === null ? '' : `: ${comment}`}`;
}

/** For example `1 of CISO (usr_1, usr_2) or LEGAL, after 30 min also usr_3`. */
function placeOf({ roles, k, users = {}, standIns = [] }: Shown['requirements'][number]): string {
  const regular = roles.map((role) => (users[role] === undefined ? role : `${role} (${users[role].join(', ')})`));
  const later = standIns.map(({ id, afterMs }) => `, after ${Math.round(afterMs / 60_000)} min also ${id}`);
  return `${k} of ${regular.join(' or ')}${later.join('')}`;
}

/** A condition of the gate, or an exemption with the two people who agreed on it. */
function byOf({ condition, exemption }: Shown['automatic'][number]): string {
  if (exemption === undefined) return condition ?? '';
  return `exemption ${exemption.id}, proposed by ${exemption.proposedBy}, confirmed by ${exemption.confirmedBy}`;
}

function whatOf({ actionType, question, target, accounts }: Shown): string {
  const about = target === null ? `${accounts.length} accounts: ${accounts.join(', ')}` : `${target.type} ${target.id}`;
  return question === null ? `${actionType} of ${about}` : `${question} (${about})`;
}
