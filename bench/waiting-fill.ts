import { join } from 'node:path';
import { groupCommitter } from '../src/journal/group-commit.ts';
import { openLogKeeper } from '../src/journal/log-keeper.ts';
import { loadLogKey } from '../src/journal/log-key.ts';
import { openSqliteJournal } from '../src/journal/sqlite/sqlite-journal.ts';
import type { CallContext } from '../src/pipeline/access/principal.ts';
import { governanceOf } from '../src/pipeline/approvals/governance.ts';
import { createPolicyService } from '../src/pipeline/approvals/policies.service.ts';
import { createGuardService } from '../src/pipeline/guards/guards.service.ts';
import { executionStore } from '../src/pipeline/executions/execution-store.ts';
import { createExecutionService } from '../src/pipeline/executions/executions.service.ts';
import { createRunner } from '../src/pipeline/executions/runner.ts';
import { createPlaybookService } from '../src/pipeline/playbooks/playbooks.service.ts';
import { systemClock, type Clock } from '../src/platform/clock.ts';
import { readConfig } from '../src/platform/config.ts';
import { randomIds } from '../src/platform/ids.ts';
import { realMachine } from '../src/platform/machine.ts';
import { lateDesks } from '../src/start/desks.ts';
import { outsideSystems } from '../src/start/outside-systems.ts';

/** The same list each time, as nobody is exempt here. */
const NOBODY: readonly [] = [];

/** Triggers that are under way at once: a whole group of commits. */
const AT_ONCE = 250;

/**
 * Starts executions that park at their first gate, in the journal of a server that is stopped: with the product's own
 * services, runner and group commit, only without HTTP. Everything is placed in the log and signed at the end.
 *
 * @param agoMs how long ago they were started: what was due meanwhile is due at the server's next start.
 */
export async function fillWithWaiting(dataDir: string, playbookId: string, count: number, agoMs = 0): Promise<void> {
  const { config } = readConfig({ DATA_DIR: dataDir }, () => '');
  const journal = openSqliteJournal({
    file: join(dataDir, 'journal.sqlite'),
    birth: { id: 'unused', at: 0, accelerated: false },
  });
  const wall = systemClock();
  const clock: Clock = { ...wall, now: () => wall.now() - agoMs };
  const ids = randomIds();
  const committer = groupCommitter(journal, realMachine);
  // Only its declarations are asked for.
  const { desks } = lateDesks({});
  const outside = outsideSystems(
    config,
    { url: 'http://127.0.0.1:1', token: 'nothing is called' },
    { desks, hosts: null },
  );
  const { registry } = outside;
  const store = executionStore(journal);
  const closing = new AbortController().signal;
  const runner = createRunner(
    {
      journal,
      members: journal.members,
      machine: realMachine,
      committer,
      store,
      clock,
      closing,
      revokedOf: async () => [],
      onError(thrown) {
        throw thrown;
      },
    },
    () => ({
      launch: () => undefined,
      inFlight: 0,
      isUnderWay: () => false,
    }),
  );
  const playbooks = createPlaybookService({
    journal,
    committer,
    ids,
    defaults: {
      executionTimeoutMs: config.playbooks.timeoutMs,
      backoffMs: config.playbooks.retryBackoffMs,
      approvalTimeoutMs: config.approvals.timeoutMs,
    },
    declarationOf: (type) => registry.declarations().find((declaration) => declaration.type === type) ?? null,
    parameterFaults: (type, parameters) => registry.checkParameters(type, parameters),
    channels: ['IN_APP'],
    hasPasskeys: false,
    onUnusable: (id, thrown) => {
      throw new Error(`${id} cannot be run: ${thrown.message}`);
    },
  });
  const exemptions = { inForce: async () => NOBODY };
  const policies = createPolicyService({
    journal,
    committer,
    ids,
    approvalTimeoutMs: config.approvals.timeoutMs,
    reversibilityOf: () => null,
    channels: [],
    valuesOf: async () => null,
    hasPasskeys: false,
    exemptions: exemptions.inForce,
  });
  const governance = governanceOf(policies, createGuardService({ journal, committer }), exemptions);
  const executions = createExecutionService({ journal, committer, runner, store, clock, ids, playbooks, governance });
  const trigger = async (index: number): Promise<void> => {
    const whole = { triggerEvent: {}, context: {}, dryRun: false, reference: null, planSha256: null };
    await executions.trigger(contextAt(clock.now()), { playbookId, userId: `person${index}`, ...whole });
  };
  for (let first = 0; first < count; first += AT_ONCE) {
    const size = Math.min(AT_ONCE, count - first);
    await Promise.all(Array.from({ length: size }, (_, index) => trigger(first + index)));
  }
  const keeper = await openLogKeeper(journal, loadLogKey(join(dataDir, 'log-key.pem')), wall, []);
  await keeper.keep(true);
  await outside.close();
  await journal.close();
}

function contextAt(now: number): CallContext {
  const principal = {
    userId: 'usr_bench',
    keyId: 'key_bench',
    provenBy: 'key',
    keyIssuedBy: 'usr_bench',
    kind: 'service',
    name: 'Load',
    roles: ['SECURITY_ANALYST'],
    scopes: null,
    linkedAccounts: [],
    source: null,
  } as const;
  return { principal, traceId: '0'.repeat(32), correlationId: '0'.repeat(32), now, idempotencyKey: null };
}
