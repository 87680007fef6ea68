import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { jsonFile, planOf, planText } from './plan-file.ts';
import { linesOfRun, PLAN_EXIT_CODES, RUN, wouldAct } from './plan-lines.ts';

const TRIGGER = '/api/incident-playbooks/executions/trigger';

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

const PLAN = RUN.extend({ input: z.looseObject({}) });

/**
 * What a playbook would do for a user: it only reads. The plan of the same input is the same, byte for byte, until something
 * that it depends on changes. Exit code 0: nothing would be done; 2: something would. @throws what the server refused
 */
export async function planCommand(options: PlanOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('POST', TRIGGER, jsonBody(await bodyOf(options)));
  const made = planOf(data, PLAN, 'the server');
  const { plan, sha256 } = made;
  const file = planText(made);
  if (options.out !== undefined) await writeFile(options.out, file, { mode: 0o600 });
  io.stdout.write(options.json ? file : `${[...linesOfRun(plan), `plan ${sha256}`].join('\n')}\n`);
  return wouldAct(plan) ? PLAN_EXIT_CODES.wouldAct : PLAN_EXIT_CODES.nothing;
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
