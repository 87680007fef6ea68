import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { MAX_CONDITION_LENGTH } from '../playbooks/conditions.ts';
import { faultsOf, readDocument, repeated } from '../playbooks/document.ts';
import { checkJson, type Read } from '../playbooks/plain-json.ts';
import { actionTypeSchema, FALLBACK_BEHAVIORS, MAX_APPROVERS, MAX_DURATION_MS } from '../playbooks/playbook-schema.ts';
import { MAX_ROLE_NAME, ROLE_NAME } from '../access/role-names.ts';
import { CHANNELS, SEVERITIES, type RoleName } from '../vocabulary.ts';

/** An approval policy as the seeds POST it, with every default filled in: gates, and what makes each apply. */

export const POLICY_SCOPES = ['ALL_PLAYBOOKS', 'SPECIFIC_PLAYBOOKS', 'RISK_LEVEL_BASED', 'ACTION_TYPE_BASED'] as const;

/** Most gates of a policy, and most steps, people or conditions of one gate: a page that people still read. */
const MAX_ITEMS = 32;
/** Most roles of one gate: more than these nobody seats. */
const MAX_ROLES = 16;

const text = z.string().trim().min(1).max(200);
const expression = z.string().trim().min(1).max(MAX_CONDITION_LENGTH);
const duration = (least: number) => z.int().min(least).max(MAX_DURATION_MS);
const userIds = z.array(text).max(MAX_ITEMS);
/** One CEL expression or several, any of which is enough. */
const conditions = z.union([expression.transform((one) => [one]), z.array(expression).min(1).max(MAX_ITEMS)]);

const triggersSchema = z.strictObject({
  riskLevels: z.array(z.enum(SEVERITIES)).max(SEVERITIES.length).optional(),
  actionTypes: z.array(actionTypeSchema).max(MAX_ITEMS).optional(),
  playbookIds: z.array(text).max(200).optional(),
  condition: expression.optional(),
});

const approvalRoleSchema = z.strictObject({
  /** Which roles there are is not content: `checkPolicy` knows. */
  role: z.string().max(MAX_ROLE_NAME).regex(ROLE_NAME, 'is no name of a role: those are written like SECURITY_ADMIN'),
  users: userIds.optional(),
  fallbackUsers: userIds.optional(),
});

const escalationSchema = z.strictObject({
  escalationLevel: z.int().min(1).max(10),
  /** Counted from the request, not from the step before. */
  delayMs: duration(1_000),
  escalateTo: text,
});

const exemptionSchema = z.strictObject({
  exemptionId: text.optional(),
  reason: z.string().trim().min(1).max(MAX_TEXT_LENGTH),
  createdBy: text.optional(),
  /** Business time, ms since 1970: an exemption without an end is a hole. */
  expiresAt: z.int().min(1),
  condition: expression.optional(),
});

/** A configured service that is asked beside people; its name alone is enough. */
const externalApprovalSchema = z.strictObject({
  service: text,
  /** False: its approval is enough. Absent: false where one approver is needed, else true. */
  human: z.boolean().optional(),
  /** What follows when it does not answer. */
  fallbackBehavior: z.enum(FALLBACK_BEHAVIORS).default('ESCALATE_TO_HUMAN'),
});

const gateSchema = z.strictObject({
  gateId: text.optional(),
  gateName: text,
  description: z.string().max(MAX_TEXT_LENGTH).optional(),
  requiresApproval: z.boolean().default(true),
  requiredApprovers: z.int().min(1).max(MAX_APPROVERS).default(1),
  approvalRoles: z.array(approvalRoleSchema).min(1).max(MAX_ROLES),
  approvalTimeoutMs: duration(1_000).optional(),
  /** Approving needs the voter's passkey. */
  requirePasskey: z.boolean().optional(),
  triggers: triggersSchema.default({}),
  escalationPath: z.array(escalationSchema).max(MAX_ITEMS).default([]),
  autoApproveConditions: conditions.optional(),
  autoDenyConditions: conditions.optional(),
  exemptions: z.array(exemptionSchema).max(MAX_ITEMS).optional(),
  fallbackBehavior: z.enum(FALLBACK_BEHAVIORS).optional(),
  externalApproval: z
    .preprocess((value) => (typeof value === 'string' ? { service: value } : value), externalApprovalSchema)
    .optional(),
  channels: z
    .array(z.preprocess((value) => (typeof value === 'string' ? value.toUpperCase() : value), z.enum(CHANNELS)))
    .max(CHANNELS.length)
    .optional(),
});

const policySchema = z.strictObject({
  policyId: text.optional(),
  _id: text.optional(),
  name: text,
  description: z.string().max(MAX_TEXT_LENGTH).optional(),
  scope: z.enum(POLICY_SCOPES).default('ALL_PLAYBOOKS'),
  policyGates: z.array(gateSchema).min(1).max(MAX_ITEMS),
  exemptions: z.array(exemptionSchema).max(MAX_ITEMS).optional(),
  fallbackBehavior: z.enum(FALLBACK_BEHAVIORS).default('ESCALATE_TO_HUMAN'),
  priority: z.int().min(0).max(1_000).default(0),
  enabled: z.boolean().default(true),
});

type ParsedPolicy = z.output<typeof policySchema>;
type ParsedGate = z.output<typeof gateSchema>;

export interface PolicyGate extends Omit<ParsedGate, 'approvalTimeoutMs'> {
  readonly approvalTimeoutMs: number;
}

export interface Policy extends Omit<ParsedPolicy, 'policyGates' | '_id'> {
  readonly policyGates: readonly PolicyGate[];
}

/** A policy version as it is in force. */
export interface PolicyInForce {
  readonly policyId: string;
  readonly version: number;
  readonly policy: Policy;
  /** Roles of the organisation that it names, as they were known when it was saved. Absent: none. */
  readonly customRoles?: readonly RoleName[];
}

const KNOWN = {
  '': Object.keys(policySchema.shape),
  '/exemptions': Object.keys(exemptionSchema.shape),
  '/policyGates': Object.keys(gateSchema.shape),
  '/policyGates/triggers': Object.keys(triggersSchema.shape),
  '/policyGates/approvalRoles': Object.keys(approvalRoleSchema.shape),
  '/policyGates/escalationPath': Object.keys(escalationSchema.shape),
  '/policyGates/exemptions': Object.keys(exemptionSchema.shape),
  '/policyGates/externalApproval': Object.keys(externalApprovalSchema.shape),
};

/** The seeds' `APPROVAL_TIMEOUT_MS`: one hour. */
const APPROVAL_TIMEOUT_MS = 3_600_000;

/** Parses the text of a policy, YAML and JSON alike. See `readDocument` and `toPolicy`. */
export function parsePolicy(
  source: string,
  format: 'json' | 'yaml',
  approvalTimeoutMs = APPROVAL_TIMEOUT_MS,
): Read<Policy> {
  const read = readDocument(source, format);
  return 'faults' in read ? read : toPolicy(read.value, approvalTimeoutMs);
}

/**
 * A policy from a JSON value with defaults filled in (`approvalTimeoutMs` in ms is the configured default). Content
 * only; `checkPolicy` judges what it means. All faults with pointer and fix; saving the result again changes nothing.
 */
export function toPolicy(value: unknown, approvalTimeoutMs = APPROVAL_TIMEOUT_MS): Read<Policy> {
  const plain = checkJson(value);
  if ('faults' in plain) return plain;
  const parsed = policySchema.safeParse(plain.value);
  if (!parsed.success) return { faults: faultsOf(parsed.error, KNOWN) };
  const faults = contradictions(parsed.data);
  if (faults.length > 0) return { faults };
  const { _id, ...policy } = parsed.data;
  const policyId = policy.policyId ?? _id;
  return {
    value: {
      ...policy,
      ...(policyId === undefined ? {} : { policyId }),
      policyGates: policy.policyGates.map((gate) => ({
        ...gate,
        approvalTimeoutMs: gate.approvalTimeoutMs ?? approvalTimeoutMs,
      })),
    },
  };
}

/** What a scope needs each gate's triggers to name; a gate that names nothing would match everything. */
const NEEDED = {
  ALL_PLAYBOOKS: null,
  SPECIFIC_PLAYBOOKS: 'playbookIds',
  RISK_LEVEL_BASED: 'riskLevels',
  ACTION_TYPE_BASED: 'actionTypes',
} as const;

function contradictions(policy: ParsedPolicy): readonly Fault[] {
  const faults: Fault[] = [];
  const { policyId, _id, scope } = policy;
  if (policyId !== undefined && _id !== undefined && policyId !== _id) {
    faults.push({ pointer: '/_id', detail: '_id and policyId are the same id; give one, or the same twice.' });
  }
  faults.push(
    ...repeated(
      policy.policyGates.map((gate) => gate.gateName),
      '/policyGates',
      'gateName',
    ),
  );
  const needed = NEEDED[scope];
  for (const [index, gate] of policy.policyGates.entries()) {
    const pointer = `/policyGates/${index}`;
    if (needed !== null && (gate.triggers[needed] ?? []).length === 0) {
      const detail = `The scope ${scope} needs at least one of triggers.${needed}.`;
      faults.push({ pointer: `${pointer}/triggers/${needed}`, detail });
    }
    const roles = gate.approvalRoles.map((each) => each.role);
    faults.push(...repeated(roles, `${pointer}/approvalRoles`, 'role'));
    if (gate.externalApproval?.human === false && gate.requiredApprovers > 1) {
      const detail = 'A service stands for none of several people: leave human out, or set requiredApprovers to 1.';
      faults.push({ pointer: `${pointer}/externalApproval/human`, detail });
    }
    if (gate.externalApproval?.human === false && gate.requirePasskey === true) {
      const detail = 'A service has no passkey: leave human out, or requirePasskey.';
      faults.push({ pointer: `${pointer}/externalApproval/human`, detail });
    }
  }
  return faults;
}
