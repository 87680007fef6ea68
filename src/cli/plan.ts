import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { canonicalJson } from '../platform/canonical-json.ts';
import { FirebreakError } from '../platform/errors.ts';
import { sha256Hex } from '../platform/hash.ts';
import { printable } from '../platform/printable.ts';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';

const TRIGGER = '/api/incident-playbooks/executions/trigger';
/** Largest plan file that is read, in bytes: a plan of 64 actions for 2,000 accounts each fits. */
const MAX_PLAN_BYTES = 32 * 1024 * 1024;

/** There is nothing to do; the exit codes of `firebreak plan`, in the manner of other planning tools. An error is 1. */
const NOTHING_TO_DO = 0;
const WOULD_ACT = 2;

export interface PlanOptions {
  readonly url: string;
  readonly json: boolean;
  readonly playbook: string;
  readonly user: string;
  /** File with the event that templates and conditions read, as JSON. */
  readonly event?: string;
  /** File with the declared inputs, as JSON. */
  readonly context?: string;
  readonly reference?: string;
  /** File to keep the plan in, for `firebreak trigger --plan`. */
  readonly out?: string;
}

const APPROVAL = z.looseObject({
  needsApproval: z.boolean(),
  denied: z.boolean(),
  requiredApprovers: z.int(),
  requirements: z.array(z.looseObject({ roles: z.array(z.string()), k: z.int() })),
});
const ACTION = z.looseObject({
  actionId: z.string(),
  actionType: z.string(),
  connector: z.string(),
  runs: z.unknown(),
  targets: z.array(z.string()).or(z.looseObject({ unresolved: z.string() })),
  missing: z.array(z.string()),
  approval: APPROVAL.nullable(),
  reversibility: z.string(),
});
const PLAN = z.looseObject({
  name: z.string(),
  playbookVersion: z.int(),
  riskLevel: z.string(),
  input: z.looseObject({}),
  stages: z.array(z.looseObject({ stage: z.int(), actions: z.array(ACTION) })),
});
type Plan = z.infer<typeof PLAN>;
type Action = z.infer<typeof ACTION>;

const FILE = z.strictObject({ plan: PLAN, sha256: z.string() });
const INPUT = z.strictObject({
  playbookId: z.string(),
  userId: z.string(),
  triggerEvent: z.record(z.string(), z.json()),
  context: z.record(z.string(), z.json()),
  reference: z.string().nullable(),
});

/**
 * What a playbook would do for a user: it only reads. The plan of the same input is the same, byte for byte, until something
 * that it depends on changes. Exit code 0: nothing would be done; 2: something would. @throws what the server refused
 */
export async function planCommand(options: PlanOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('POST', TRIGGER, jsonBody(await bodyOf(options)));
  const { planSha256: sha256, ...document } = data;
  const plan = PLAN.parse(document);
  if (typeof sha256 !== 'string' || sha256Hex(canonicalJson(plan)) !== sha256) throw notThePlan('the server');
  const file = `${canonicalJson({ plan, sha256 })}\n`;
  if (options.out !== undefined) await writeFile(options.out, file, { mode: 0o600 });
  io.stdout.write(options.json ? file : `${[...linesOf(plan), `plan ${sha256}`].join('\n')}\n`);
  return wouldAct(plan) ? WOULD_ACT : NOTHING_TO_DO;
}

async function bodyOf({ playbook, user, event, context, reference }: PlanOptions): Promise<object> {
  return {
    playbookId: playbook,
    userId: user,
    dryRun: true,
    ...(event === undefined ? {} : { triggerEvent: await jsonFile(event) }),
    ...(context === undefined ? {} : { context: await jsonFile(context) }),
    ...(reference === undefined ? {} : { reference }),
  };
}

export interface TriggerOptions {
  readonly url: string;
  readonly json: boolean;
  /** File that `firebreak plan --out` wrote. */
  readonly plan: string;
}

/**
 * Has exactly that plan executed, once. Exit code 0. @throws FirebreakError when the file was changed, and what the server
 * refused: `stale_version` when something else would be done now, `conflict` when the plan was executed before
 */
export async function triggerPlanCommand(options: TriggerOptions, io: Io): Promise<number> {
  const parsed = FILE.safeParse(await jsonFile(options.plan));
  if (!parsed.success) throw notThePlan(options.plan);
  const { plan, sha256 } = parsed.data;
  const input = INPUT.safeParse(plan.input);
  if (!input.success || sha256Hex(canonicalJson(plan)) !== sha256) throw notThePlan(options.plan);
  const { reference, ...asked } = input.data;
  const body = { ...asked, ...(reference === null ? {} : { reference }), planSha256: sha256 };
  const { data } = await apiClient(options.url, io).call('POST', TRIGGER, jsonBody(body));
  const { executionId } = z.looseObject({ executionId: z.string() }).parse(data);
  io.stdout.write(options.json ? `${JSON.stringify({ executionId, planSha256: sha256 })}\n` : `${executionId}\n`);
  return 0;
}

function notThePlan(where: string): FirebreakError {
  const detail = 'Its hash is not that of what it says; make the plan again with `firebreak plan --out`.';
  return new FirebreakError('invalid_request', `${where} does not give a whole plan`, [{ pointer: '', detail }]);
}

async function jsonFile(path: string): Promise<unknown> {
  const bytes = await readFile(path);
  if (bytes.length > MAX_PLAN_BYTES)
    throw new FirebreakError('invalid_request', `${path} is larger than ${MAX_PLAN_BYTES} bytes`);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (thrown) {
    throw new FirebreakError('invalid_request', `${path} is not JSON`, [], { cause: thrown });
  }
}

/** Whether anything is left that may be done: what no condition and no policy has ruled out. */
function wouldAct({ stages }: Plan): boolean {
  return stages.some(({ actions }) =>
    actions.some((action) => action.runs !== 'no' && action.approval?.denied !== true),
  );
}

function linesOf({ name, playbookVersion, riskLevel, stages }: Plan): readonly string[] {
  return [
    `${printable(name)}, version ${playbookVersion}, ${riskLevel}`,
    ...stages.flatMap(({ stage, actions }) => [`stage ${stage}`, ...actions.flatMap(linesOfAction)]),
  ];
}

function linesOfAction(action: Action): readonly string[] {
  const { actionId, actionType, connector, targets, missing } = action;
  const whom = Array.isArray(targets) ? targets.join(', ') : `nobody: ${targets.unresolved}`;
  return [
    `  ${printable(actionId)}: ${actionType} by ${printable(connector)} on ${printable(whom)}`,
    `    ${runsOf(action)}; ${approvalOf(action)}; ${action.reversibility}`,
    ...missing.map((each) => `    missing ${printable(each)}`),
  ];
}

function runsOf({ runs }: Action): string {
  if (runs === 'always' || runs === 'yes') return 'runs';
  return runs === 'no' ? 'does not run: its condition is false' : 'runs if its condition holds then';
}

function approvalOf({ approval }: Action): string {
  if (approval === null) return 'asks nobody';
  if (approval.denied) return 'is denied by a policy';
  if (!approval.needsApproval) return 'is allowed by a condition or an exemption';
  const roles = approval.requirements.map(({ roles: names, k }) => `${k} of ${names.join(' or ')}`);
  return `asks ${approval.requiredApprovers}: ${roles.join(', ')}`;
}
