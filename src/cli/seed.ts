import { BUILTIN_PLAYBOOKS } from '../pipeline/playbooks/builtin/builtins.ts';
import { FirebreakError } from '../platform/errors.ts';
import { apiClient, type ApiClient } from './api-client.ts';
import type { Io } from './io.ts';

export interface SeedOptions {
  readonly url: string;
  readonly missing: boolean;
  readonly json: boolean;
}

/** Installs the built-in playbooks through the API. Idempotent: with any playbook there it skips, unless `--missing`. */
export async function seedCommand(options: SeedOptions, io: Io): Promise<number> {
  const client = apiClient(options.url, io);
  const { total } = await client.call('GET', '/api/incident-playbooks?limit=1');
  if (total > 0 && !options.missing) {
    say(options, io, { created: [], skipped: total }, `Found ${total} existing playbooks. Skipping seed.`);
    return 0;
  }
  const created = await createMissing(client);
  const skipped = BUILTIN_PLAYBOOKS.length - created.length;
  const lines = created.map((id) => `Created playbook ${id}`);
  say(options, io, { created, skipped }, lines.length > 0 ? lines.join('\n') : 'All built-in playbooks are there.');
  return 0;
}

async function createMissing(client: ApiClient): Promise<string[]> {
  const created: string[] = [];
  for (const playbook of BUILTIN_PLAYBOOKS) {
    const id = playbook.playbookId ?? '';
    if (await exists(client, id)) continue;
    await client.call('POST', '/api/incident-playbooks', { type: 'application/json', bytes: JSON.stringify(playbook) });
    created.push(id);
  }
  return created;
}

async function exists(client: ApiClient, id: string): Promise<boolean> {
  try {
    await client.call('GET', `/api/incident-playbooks/${encodeURIComponent(id)}`);
    return true;
  } catch (thrown) {
    if (thrown instanceof FirebreakError && thrown.code === 'not_found') return false;
    throw thrown;
  }
}

function say({ json }: SeedOptions, io: Io, value: object, text: string): void {
  io.stdout.write(`${json ? JSON.stringify(value) : text}\n`);
}
