import { z } from 'zod';
import { FirebreakError } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import { EVENT_PLAN, executeEventPlan } from './event-plan.ts';
import type { Io } from './io.ts';
import { readPlanFile } from './plan-file.ts';

/** `firebreak trigger --plan`: exactly the plan of a file is executed, once. */

const TRIGGER = '/api/incident-playbooks/executions/trigger';

export interface TriggerOptions {
  readonly url: string;
  readonly json: boolean;
  /** File that `firebreak plan --out` wrote. */
  readonly plan: string;
}

const INPUT = z.strictObject({
  playbookId: z.string(),
  userId: z.string(),
  triggerEvent: z.record(z.string(), z.json()),
  context: z.record(z.string(), z.json()),
  reference: z.string().nullable(),
});

const PLAYBOOK_PLAN = z.looseObject({ planFormat: z.literal(1), input: INPUT });
const ANY_PLAN = z.union([EVENT_PLAN, PLAYBOOK_PLAN]);

/**
 * Has exactly that plan executed, once. Exit code 0. @throws FirebreakError when the file was changed, and what the server
 * refused: `stale_version` when something else would be done now, `conflict` when the plan was executed before
 */
export async function triggerPlanCommand(options: TriggerOptions, io: Io): Promise<number> {
  const { plan, sha256 } = await readPlanFile(options.plan, ANY_PLAN);
  const ids =
    plan.planFormat === 2
      ? await executeEventPlan({ plan, sha256 }, options.url, io)
      : [await executePlaybookPlan(plan.input, sha256, options.url, io)];
  if (ids.length === 0) throw new FirebreakError('conflict', 'Nothing began');
  const [executionId] = ids;
  const shown = { executionId, executionIds: ids, planSha256: sha256 };
  io.stdout.write(options.json ? `${JSON.stringify(shown)}\n` : `${ids.join('\n')}\n`);
  return 0;
}

async function executePlaybookPlan(
  { reference, ...asked }: z.infer<typeof INPUT>,
  sha256: string,
  url: string,
  io: Io,
): Promise<string> {
  const body = { ...asked, ...(reference === null ? {} : { reference }), planSha256: sha256 };
  const { data } = await apiClient(url, io).call('POST', TRIGGER, jsonBody(body));
  return z.looseObject({ executionId: z.string() }).parse(data).executionId;
}
