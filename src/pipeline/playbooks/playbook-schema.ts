import { z } from 'zod';
import { MAX_ACTIONS_PER_EXECUTION, MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { ACTION_TYPES, PLAYBOOK_TYPES, ROLES, SEVERITIES, type ActionType } from '../vocabulary.ts';
import { MAX_CONDITION_LENGTH } from './conditions.ts';

/** The shape of a playbook document, member for member; unknown members are refused. */

/** Longest time of anything in a playbook, in ms: 30 days, the longest containment that makes sense unattended. */
export const MAX_DURATION_MS = 30 * 24 * 3_600_000;

/** Most people a gate can ask for; organisations with more approvers for one step than that do not act at all. */
export const MAX_APPROVERS = 10;

/** Stages are numbered by people; gaps are fine. */
const MAX_STAGE = 99;

/** Longest name of a playbook, rule, action or input, in UTF-16 units. */
const MAX_NAME_LENGTH = 200;

/** Other names of action types that documents use; each is stored as the one on the right (SEMANTICS). */
const ACTION_ALIASES: ReadonlyMap<string, ActionType> = new Map([['REVOKE_ACTIVE_SESSIONS', 'FULL_SESSION_KILL']]);

/** One try may take this long, in ms, unless the action says otherwise: slow admin APIs answer within seconds. */
const ACTION_TIMEOUT_MS = 30_000;

/** Longest that one try may take, in ms: 24 hours, which a disk image of 2 TB takes at 25 MB/s. */
const MAX_ATTEMPT_MS = 24 * 3_600_000;

/** Fixed paths below `/api/incident-playbooks`, where a playbook's id would stand. */
const ROUTES: ReadonlySet<string> = new Set(['executions', 'approvals', 'audits', 'policies', 'metrics']);

const name = z.string().trim().min(1).max(MAX_NAME_LENGTH);
const duration = (least: number) => z.int().min(least).max(MAX_DURATION_MS);
/** Ids are used in expressions, pointers, keys and URLs, and name members of objects. */
const id = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/,
    'Ids are 1 to 100 letters, digits, "_", "-" or ".", not starting with a sign',
  )
  .refine((value) => !(value in Object.prototype), 'This id is a name of JavaScript; choose another');
const playbookId = id.refine((value) => !ROUTES.has(value), 'This id is the name of a route; choose another');
const roles = z.array(z.enum(ROLES)).min(1).max(ROLES.length).transform(unique);
const json = z.json();
const jsonObject = z.record(z.string(), json);

/** Takes both spellings (`FULL_SESSION_KILL`, `full_session_kill`) and the aliases; one is stored. */
export const actionTypeSchema = z.preprocess((value) => {
  if (typeof value !== 'string') return value;
  const upper = value.trim().toUpperCase();
  return ACTION_ALIASES.get(upper) ?? upper;
}, z.enum(ACTION_TYPES));

export const ruleSchema = z.strictObject({
  ruleId: id,
  ruleType: z.enum(PLAYBOOK_TYPES),
  /** Thresholds by name; which names a rule knows is the detector's to say. */
  conditions: jsonObject.default({}),
});

export const retrySchema = z.strictObject({
  maxRetries: z.int().min(0).max(10).optional(),
  backoffMs: duration(0).optional(),
  backoffMultiplier: z.int().min(1).max(10).optional(),
});

export const FALLBACK_BEHAVIORS = ['DENY_ACTION', 'ESCALATE_TO_HUMAN', 'ALLOW_ACTION'] as const;

export const approvalSchema = z.strictObject({
  roles: roles.optional(),
  requiredApprovers: z.int().min(1).max(MAX_APPROVERS).optional(),
  timeoutMs: duration(1_000).optional(),
  fallbackBehavior: z.enum(FALLBACK_BEHAVIORS).optional(),
  /** Approving needs the voter's passkey. */
  requirePasskey: z.boolean().optional(),
});

export const questionSchema = z.strictObject({
  text: z.string().trim().min(1).max(MAX_TEXT_LENGTH),
  roles,
  requiredApprovers: z.int().min(1).max(MAX_APPROVERS).optional(),
  timeoutMs: duration(1_000).optional(),
});

export const actionSchema = z.strictObject({
  actionId: id,
  actionType: actionTypeSchema,
  /** Which connector does it, where several offer the action type. Absent: the first one that is registered. */
  connector: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,63}$/, 'Connectors are named by lower-case letters, digits and "-", for example ssh')
    .optional(),
  name: name.optional(),
  description: z.string().max(MAX_TEXT_LENGTH).optional(),
  stage: z.int().min(1).max(MAX_STAGE).default(1),
  target: z.string().trim().min(1).max(500).optional(),
  parameters: jsonObject.default({}),
  condition: z.string().trim().min(1).max(MAX_CONDITION_LENGTH).optional(),
  requiresApproval: z.boolean().optional(),
  approval: approvalSchema.optional(),
  forEach: z.enum(['accounts']).optional(),
  onFailure: z.enum(['CONTINUE', 'HALT', 'COMPENSATE']).default('CONTINUE'),
  onDenied: z.enum(['CONTINUE', 'HALT']).optional(),
  retry: retrySchema.default({}),
  timeoutMs: z.int().min(100).max(MAX_ATTEMPT_MS).default(ACTION_TIMEOUT_MS),
  waitMs: duration(1_000).optional(),
  ttlMs: duration(1_000).optional(),
  question: questionSchema.optional(),
  onlyWhileGated: id.optional(),
});

export const playbookSchema = z.strictObject({
  playbookId: playbookId.optional(),
  _id: playbookId.optional(),
  name,
  description: z.string().max(MAX_TEXT_LENGTH).optional(),
  playbookType: z.enum(PLAYBOOK_TYPES),
  severity: z.enum(SEVERITIES),
  enabled: z.boolean().default(true),
  inputs: z
    .array(z.string().regex(/^[A-Za-z_]\w{0,63}$/, 'Inputs are names of letters, digits and "_"'))
    .max(64)
    .default([])
    .transform(unique),
  rules: z.array(ruleSchema).max(16).default([]),
  actions: z.array(actionSchema).min(1).max(MAX_ACTIONS_PER_EXECUTION),
  executionTimeoutMs: duration(1_000).optional(),
  /** The seeds' other name for `executionTimeoutMs`. */
  maxExecutionTimeMs: duration(1_000).optional(),
});

/** Members known at each place, for the fix of an unknown one. */
export const PLAYBOOK_MEMBERS = {
  '': Object.keys(playbookSchema.shape),
  '/rules': Object.keys(ruleSchema.shape),
  '/actions': Object.keys(actionSchema.shape),
  '/actions/approval': Object.keys(approvalSchema.shape),
  '/actions/question': Object.keys(questionSchema.shape),
  '/actions/retry': Object.keys(retrySchema.shape),
};

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
