import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { canonicalJson } from '../platform/canonical-json.ts';
import { FirebreakError } from '../platform/errors.ts';
import { sha256Hex } from '../platform/hash.ts';

/** Files of plans: what `firebreak plan --out` writes and `firebreak trigger --plan` reads. */

/** Largest file that is read, in bytes: a plan of 64 actions for 2,000 accounts each fits. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** A plan and its hash, as the server answered them. */
export interface PlanFile<Plan> {
  readonly plan: Plan;
  readonly sha256: string;
}

/** The plan of an answer, whose hash is made again: nothing is believed. @throws FirebreakError when it is another one */
export function planOf<Plan>(data: object, plan: z.ZodType<Plan>, where: string): PlanFile<Plan> {
  const { planSha256: sha256, missing: _missing, ...document } = data as Record<string, unknown>; // an object went in
  if (typeof sha256 !== 'string' || sha256Hex(canonicalJson(document)) !== sha256) throw notThePlan(where);
  return { plan: plan.parse(document), sha256 };
}

/** The bytes of the file: the same plan gives the same bytes. */
export function planText<Plan>({ plan, sha256 }: PlanFile<Plan>): string {
  return `${canonicalJson({ plan, sha256 })}\n`;
}

/** The plan of a file. @throws FirebreakError `invalid_request` when it is none, or was changed */
export async function readPlanFile<Plan>(path: string, plan: z.ZodType<Plan>): Promise<PlanFile<Plan>> {
  const parsed = z.strictObject({ plan: z.looseObject({}), sha256: z.string() }).safeParse(await jsonFile(path));
  if (!parsed.success || sha256Hex(canonicalJson(parsed.data.plan)) !== parsed.data.sha256) throw notThePlan(path);
  const read = plan.safeParse(parsed.data.plan);
  if (!read.success) throw notThePlan(path);
  return { plan: read.data, sha256: parsed.data.sha256 };
}

export async function jsonFile(path: string): Promise<unknown> {
  const bytes = await readFile(path);
  if (bytes.length > MAX_FILE_BYTES)
    throw new FirebreakError('invalid_request', `${path} is larger than ${MAX_FILE_BYTES} bytes`);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (thrown) {
    throw new FirebreakError('invalid_request', `${path} is not JSON`, [], { cause: thrown });
  }
}

function notThePlan(where: string): FirebreakError {
  const detail = 'Its hash is not that of what it says; make the plan again with `firebreak plan --out`.';
  return new FirebreakError('invalid_request', `${where} does not give a whole plan`, [{ pointer: '', detail }]);
}
