import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from '../../src/demo/scenario.ts';
import { TWO_PEOPLE } from '../../src/demo/staff.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { BUILTIN_PLAYBOOKS } from '../../src/pipeline/playbooks/builtin/builtins.ts';
import { foundIn } from './intake.ts';
import { startHarness, STARTED_AT, until, type Body, type Harness, type Person } from './server.ts';

/**
 * A fresh server with everything in force that the demo has: people at the sandbox company, an egress list, the four
 * playbooks, the policy, and a security team that votes as soon as it is asked.
 */
export interface ScenarioServer {
  readonly harness: Harness;
  /** Who sends events; a key each, as limits are by key. */
  readonly collectors: readonly Person[];
  /** Votes until `isSent` and nothing is left to do. Every gate is approved; whether it was legitimate: no. */
  attend(isSent: () => boolean): Promise<void>;
  /** Nothing is owed, under way or asked. */
  isOver(): boolean;
  /** What `GET /api/incidents` shows, all pages in one. */
  incidents(): Promise<readonly Row[]>;
  /** The executions that answer to incidents, in full, follow-ups among them; without the children. */
  executions(): Promise<readonly Row[]>;
  /** How late events were stored: the most that one was older than another one before it, in ms of event time. */
  disorderMs(): number;
  /** Stops the server and reads its journal. */
  found(): ReturnType<typeof foundIn>;
  stop(): Promise<void>;
}

/** An item as the API shows it; tests say which members they expect. */
export type Row = NonNullable<Body['data']>;

/** Longest time for sending everything and settling it, in ms of machine time: far above what a slow machine needs. */
const PATIENCE_MS = 50_000;
const SENDERS = 4;
const PAGE = 200;

/** Executions that are not at their end, effects that are owed, and questions that wait. */
const OPEN = `select
  (select count(*) from effects) +
  (select count(*) from views where kind = 'approval' and status = 'PENDING') +
  (select count(*) from views where kind = 'execution' and status not in ('COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED',
    'HALTED_BY_APPROVAL', 'SKIPPED', 'ROLLED_BACK', 'COMPENSATION_FAILED', 'CANCELLED')) as n`;

export async function startScenarioServer({
  users,
  egress,
}: Pick<Scenario, 'users' | 'egress'>): Promise<ScenarioServer> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-egress-'));
  const egressFile = join(folder, 'egress.json');
  writeFileSync(egressFile, JSON.stringify(egress));
  const harness = await startHarness({ accelerated: true, env: { EGRESS_LIST: egressFile } });
  const { api } = harness.admin;
  await harness.sandbox.seed(users);
  for (const playbook of BUILTIN_PLAYBOOKS) expectMade(await api('POST', '/api/incident-playbooks', playbook));
  expectMade(await api('POST', '/api/incident-playbooks/policies', TWO_PEOPLE));
  const approvers = [await harness.person('SECURITY_ADMIN'), await harness.person('INCIDENT_COMMANDER')];
  const analyst = await harness.person('SECURITY_ANALYST');
  const collectors: Person[] = [];
  while (collectors.length < SENDERS) collectors.push(await harness.service('SECURITY_ANALYST'));

  async function list(path: string): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (;;) {
      const { body } = await api('GET', `${path}?limit=${PAGE}&skip=${rows.length}`);
      rows.push(...body.data);
      if (rows.length >= (body.total ?? 0)) return rows;
    }
  }

  async function vote(): Promise<void> {
    for (const { id, purpose, intentHash } of await list('/api/incident-playbooks/approvals')) {
      const [verb, voters] = purpose === 'gate' ? ['approve', approvers] : ['deny', [analyst]];
      for (const voter of voters) {
        const reply = await voter.api('POST', `/api/incident-playbooks/approvals/${id}/${verb}`, { intentHash });
        // 409: one vote was enough, or it has changed since it was read; the next round sees what it is now.
        if (reply.status !== 200 && reply.status !== 409) throw new Error(`a vote failed: ${reply.text}`);
      }
    }
  }

  const isOver = (): boolean => harness.database().prepare<[], { n: number }>(OPEN).get()?.n === 0;

  return {
    harness,
    collectors,
    isOver,
    attend: async (isSent) => {
      const ask = async (): Promise<true | null> => {
        const isAll = isSent();
        await vote();
        return isAll && isOver() ? true : null;
      };
      await until('everything is sent and every execution is over', ask, PATIENCE_MS);
    },
    incidents: () => list('/api/incidents'),
    async executions() {
      const rows = await list('/api/incident-playbooks/executions');
      const own = rows.filter(({ parentExecutionId }) => parentExecutionId === null);
      const replies = own.map(({ id }) => api('GET', `/api/incident-playbooks/executions/${id}`));
      return (await Promise.all(replies)).map(({ body }) => body.data);
    },
    disorderMs() {
      const stored = harness.database().prepare<[], { time: number }>('select time from events order by no').all();
      let [newest, disorder] = [0, 0];
      for (const { time } of stored) {
        newest = Math.max(newest, time);
        disorder = Math.max(disorder, newest - time);
      }
      return disorder;
    },
    async found() {
      await harness.halt();
      const birth = { id: 'jrn_unused', at: STARTED_AT, accelerated: true };
      const journal = openSqliteJournal({ file: join(harness.dataDir, 'journal.sqlite'), birth });
      const found = await foundIn(journal);
      await journal.close();
      return found;
    },
    async stop() {
      await harness.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function expectMade({ status, text }: { readonly status: number; readonly text: string }): void {
  if (status !== 201) throw new Error(`it was not installed: ${text}`);
}
