import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { readSource } from '../git/read-source.ts';
import { accountsOf } from '../pipeline/access/access.ts';
import { enabledPeople } from '../pipeline/access/access-in-force.ts';
import { systemPrincipal, type CallContext } from '../pipeline/access/principal.ts';
import type { ActionRegistry } from '../pipeline/actions/registry.ts';
import type { PlaybookService } from '../pipeline/playbooks/playbooks.service.ts';
import { createRunbookSourceService, type RunbookSourceService } from '../pipeline/runbooks/sync/sync.service.ts';
import { parameterFaultsOf } from '../pipeline/runbooks/validate/parameter-faults.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import { FirebreakError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { Machine } from '../platform/machine.ts';

/** How long a start waits for Git, in ms: what is in force protects meanwhile, and the repository may be far away or gone. */
const MAX_START_WAIT_MS = 15_000;

export interface SourcePorts {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly playbooks: PlaybookService;
  readonly registry: Pick<ActionRegistry, 'declarations' | 'checkParameters'>;
}

/** Runbooks from Git: judged with the connectors that there are here, and with the people whom authors of commits are. */
export function openRunbookSource({ runbooks }: Config, ports: SourcePorts): RunbookSourceService {
  const { journal, committer, playbooks, registry } = ports;
  const { git } = runbooks;
  return createRunbookSourceService({
    journal,
    committer,
    playbooks,
    surroundings: {
      connectors: [...new Set(registry.declarations().map(({ connector }) => connector))],
      parameterFaults: parameterFaultsOf(registry),
    },
    readOnly: runbooks.readOnly,
    readOwn: git === null ? null : (previous) => readSource({ ...git, origin: null }, previous, process.env),
    requireSigned: runbooks.requireSigned,
    async peopleOf(authors) {
      const people = await enabledPeople(journal);
      const known = new Map(people.flatMap((user) => accountsOf(user).map((account) => [account, user.id] as const)));
      return new Map(
        authors.flatMap(({ email }) => {
          const id = known.get(email.normalize('NFC').toLowerCase());
          return id === undefined ? [] : [[email, id] as const];
        }),
      );
    },
  });
}

export interface StartPorts {
  readonly source: Pick<RunbookSourceService, 'pull'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly machine: Machine;
  readonly log: Pick<Log, 'info' | 'error' | 'warn'>;
}

/**
 * Takes the runbooks of the repository that the configuration names. A start does not fail by it: without runbooks from Git those
 * in force go on, and the log and the health say why. It is waited for a while, and goes on beside the rest after that.
 * @param config null: this process takes none
 * @returns when it is over
 */
export async function takeRunbookSource(
  config: Pick<Config, 'runbooks'> | null,
  { source, clock, machine, log }: StartPorts,
): Promise<{ readonly over: Promise<void> }> {
  if ((config?.runbooks.git ?? null) === null) return { over: Promise.resolve() };
  const take = async (): Promise<void> => {
    try {
      const { data, warnings = [] } = await source.pull(contextAt(clock.now()), { allowOlder: false, dryRun: false });
      for (const each of warnings) log.warn({ runbooks: true }, each);
      log.info({ changes: data['changes'] }, 'the runbooks are those of Git');
    } catch (thrown) {
      const faults = thrown instanceof FirebreakError ? thrown.faults : [];
      log.error({ err: thrown, faults }, 'the runbooks could not be taken from Git; those in force go on');
    }
  };
  const over = take();
  await Promise.race([over, machine.sleep(MAX_START_WAIT_MS)]);
  return { over };
}

function contextAt(now: number): CallContext {
  const principal = systemPrincipal('git');
  return { principal, traceId: '0'.repeat(32), correlationId: 'start', now, idempotencyKey: null };
}
