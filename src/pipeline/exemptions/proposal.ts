import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { canonicalAccount } from '../access/identities.ts';
import { checkCondition, evaluateCondition, MAX_CONDITION_LENGTH } from '../playbooks/conditions.ts';
import { faultsOf } from '../playbooks/document.ts';
import { checkJson, type Read } from '../playbooks/plain-json.ts';
import { actionTypeSchema } from '../playbooks/playbook-schema.ts';
import { POLICY_SCOPE } from '../playbooks/scope.ts';

/** An exemption as it may be proposed: from which gate, for what, why, and until when. */

const HOUR_MS = 3_600_000;
/** Furthest end of an exemption, in ms from the proposal: a quarter. Who still needs it then has to say so again. */
export const MAX_EXEMPTION_MS = 90 * 24 * HOUR_MS;
/** Most users, playbooks or action types that one exemption names: a list that the second person still reads. */
const MAX_NAMED = 32;
/** Longest id of an account, in UTF-16 units: an LDAP distinguished name fits. */
const MAX_ACCOUNT_LENGTH = 512;

const name = z.string().trim().min(1).max(200);
const account = z.string().max(MAX_ACCOUNT_LENGTH).transform(canonicalAccount).pipe(z.string().min(1, 'is empty'));
const listOf = <Item extends z.ZodType<string>>(item: Item) =>
  z
    .array(item)
    .min(1, 'names nothing: leave it out, or name something')
    .max(MAX_NAMED)
    .transform((items) => [...new Set(items)].sort());

const APPLIES_TO = z
  .strictObject({
    userIds: listOf(account).optional(),
    playbookIds: listOf(name).optional(),
    actionTypes: listOf(actionTypeSchema).optional(),
    condition: z.string().trim().min(1).max(MAX_CONDITION_LENGTH).optional(),
  })
  .refine((given) => Object.values(given).some((member) => member !== undefined), {
    message: 'needs at least one of userIds, playbookIds, actionTypes, condition: nobody is exempt from everything',
  });

const PROPOSAL = z.strictObject({
  policyId: name,
  gateId: name.optional(),
  gateName: name.optional(),
  appliesTo: APPLIES_TO,
  reason: z.string().trim().min(1).max(MAX_TEXT_LENGTH),
  expiresAt: z.iso
    .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
    .transform((time) => Date.parse(time)),
});

const KNOWN = { '': Object.keys(PROPOSAL.shape), '/appliesTo': Object.keys(APPLIES_TO.shape) };

export type AppliesTo = Readonly<z.output<typeof APPLIES_TO>>;
export type Proposal = Readonly<z.output<typeof PROPOSAL>>;

/**
 * The proposal from a JSON value, ids of users in canonical form; or all faults, each with a pointer. An exemption for
 * everything is refused, also one whose condition is true whatever it is asked about.
 *
 * @param now business time, ms since 1970.
 */
export function readProposal(value: unknown, now: number): Read<Proposal> {
  const plain = checkJson(value);
  if ('faults' in plain) return plain;
  const parsed = PROPOSAL.safeParse(plain.value);
  if (!parsed.success) return { faults: faultsOf(parsed.error, KNOWN) };
  const faults = [...gateFaults(parsed.data), ...endFaults(parsed.data, now), ...conditionFaults(parsed.data)];
  return faults.length > 0 ? { faults } : { value: parsed.data };
}

function gateFaults({ gateId, gateName }: Proposal): readonly Fault[] {
  if ((gateId === undefined) !== (gateName === undefined)) return [];
  return [{ pointer: '/gateName', detail: 'Name the gate by its gateName, or by its gateId: by one of them.' }];
}

function endFaults({ expiresAt }: Proposal, now: number): readonly Fault[] {
  const pointer = '/expiresAt';
  if (expiresAt <= now) return [{ pointer, detail: 'This time is over.' }];
  const latest = new Date(now + MAX_EXEMPTION_MS).toISOString();
  if (expiresAt - now <= MAX_EXEMPTION_MS) return [];
  return [{ pointer, detail: `An exemption ends within 90 days, so at ${latest} at the latest.` }];
}

function conditionFaults({ appliesTo: { condition } }: Proposal): readonly Fault[] {
  if (condition === undefined) return [];
  const pointer = '/appliesTo/condition';
  const faults = checkCondition(condition, POLICY_SCOPE, pointer);
  if (faults.length > 0) return faults;
  const constant = evaluateCondition(condition, { incident: {}, event: null, results: {}, context: {}, user: null });
  if ('error' in constant) return [];
  return [{ pointer, detail: 'It says the same whatever it is asked about, so it narrows nothing.' }];
}
