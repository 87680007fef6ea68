import { createHash } from 'node:crypto';
import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { ServiceAnswerInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { PlanGate } from '../../src/pipeline/playbooks/plan.ts';
import type { Meant } from '../world/approver.ts';
import type { Asked, ExecutionModel, Judge } from './model.ts';
import { isQuorum, type Tally } from './votes.ts';

/** What the services outside truly meant, by the key of the question. */
export type MeantBy = (key: string) => ReadonlySet<Meant>;

/**
 * A service is heard once, while it is asked, by what it truly said. Compares that with what was made of it, and counts it in.
 */
export function takeServiceAnswer(
  execution: ExecutionModel,
  input: ServiceAnswerInput,
  facts: readonly Fact[],
  judge: Pick<Judge, 'broken' | 'journalId'>,
  meantBy: MeantBy,
): void {
  const { broken } = judge;
  const { approvalId, service, intentHash, reply, at } = input;
  const tally = execution.approvals.get(approvalId);
  const isHeard = facts.some(({ type }) => type === 'service.answered');
  const mayBeHeard =
    tally !== undefined &&
    tally.decided === null &&
    tally.rule === null &&
    at < tally.approval.expiresAt &&
    intentHash === tally.approval.intentHash &&
    namesOf(tally).has(service) &&
    !tally.heard.has(service);
  if (isHeard !== mayBeHeard)
    broken('services', `${execution.id} ${isHeard ? 'hears a service that may not be heard' : 'ignores a service'}`);
  if (tally === undefined || !isHeard) return;
  const text = JSON.stringify([judge.journalId, approvalId, service, intentHash]);
  const key = createHash('sha256').update(text).digest('base64url');
  if (!meantBy(key).has(reply.answer))
    broken('services', `${execution.id} takes ${reply.answer} for what the service said, and it never did`);
  tally.heard.set(service, reply.answer);
  if (tally.verdict !== 'pending') return;
  if (reply.answer === 'denied' || (reply.answer === 'none' && silenceOf(tally, service).includes('DENY_ACTION')))
    tally.verdict = 'denied';
  else if (isQuorum(tally)) tally.verdict = 'approved';
}

/** After the facts: what a service has decided is decided. */
export function checkServiceDecision(
  execution: ExecutionModel,
  { approvalId }: ServiceAnswerInput,
  { broken }: Pick<Judge, 'broken'>,
): void {
  const tally = execution.approvals.get(approvalId);
  if (tally !== undefined && tally.verdict !== 'pending' && tally.decided === null)
    broken('services', `${execution.id} has an answer that decides, and no decision`);
}

/** Whether the time was over before a service was heard whose silence means no. */
export function isMissed(
  { heard }: Pick<Tally, 'heard'>,
  { service, fallbackBehavior }: NonNullable<PlanGate['external']>,
): boolean {
  return fallbackBehavior === 'DENY_ACTION' && !heard.has(service);
}

function namesOf({ approval }: Pick<Asked, 'approval'>): ReadonlySet<string> {
  return new Set(approval.gates.flatMap(({ external }) => (external === undefined ? [] : [external.service])));
}

function silenceOf({ approval }: Pick<Tally, 'approval'>, service: string): readonly string[] {
  return approval.gates.flatMap(({ external }) => (external?.service === service ? [external.fallbackBehavior] : []));
}
