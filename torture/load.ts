import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { openApi, type Api, type Reply } from './api.ts';
import type { Company } from './company.ts';
import type { Draw } from './draw.ts';
import { campaign, factors, travel, type Attack } from './events.ts';
import type { AckLedger } from './ledger.ts';
import { BY_HAND } from './playbooks.ts';
import type { Staff } from './staff.ts';

/** People who are seeded at once. */
const PEOPLE_PER_SEEDING = 100;
/** People who are shared between executions, so that several hold the same. */
export const SHARED_PEOPLE = ['s0', 's1', 's2', 's3', 's4'].map((name) => `${name}@torture.test`);
/** Executions that may be open; beyond it load waits, so that a run ends soon after its last kill. */
const MAX_OPEN = 60;
/** Requests that may be under way, most of them said to be at work by a process that is dead. */
const MAX_UNDER_WAY = 60;
/** Pause between two pieces of load, in ms. */
const PAUSE_MS = [10, 90] as const;
/** How often the number of open executions is asked for, in ms. */
const MONITOR_MS = 400;
/** Votes of one person that are under way at once. */
const VOTES_AT_ONCE = 8;
/** How often approvers look for what waits for them, in ms. */
const APPROVER_MS = 100;
const TRIGGER = '/api/incident-playbooks/executions/trigger';
/** Executions of a burst; two webhooks of each wait for a vote. */
const BURST = 10;
const OPEN_STATUSES = ['INITIATED', 'RUNNING', 'AWAITING_APPROVAL', 'COMPENSATING'] as const;

const STARTED = z.looseObject({ data: z.looseObject({ id: z.string() }) });
const TAKEN = z.looseObject({ data: z.looseObject({ accepted: z.int(), duplicate: z.int(), rejected: z.int() }) });
const LIST = z.looseObject({ total: z.int(), data: z.array(z.looseObject({ id: z.string() })) });

interface Vote {
  readonly id: string;
  readonly key: string;
  readonly approvalId: string;
  readonly vote: 'approve' | 'deny';
}

export interface LoadPorts {
  readonly api: Api;
  readonly company: Company;
  readonly ledger: AckLedger;
  readonly staff: Staff;
  readonly draw: Draw;
  /** How many pieces of load may have been begun by now: a run of many kills must not drown in its load. */
  budget(): number;
  /** Load ends; what was asked and not yet acknowledged is given up. */
  readonly closing: AbortSignal;
  /** Approvers and the monitor end. */
  readonly ending: AbortSignal;
}

export interface Load {
  /** Executions that have not ended, as the API last said. */
  readonly open: number;
  /** Holds that end by themselves and have not yet: their undo may take as long as a call that was cut off can land. */
  readonly lasting: number;
  /** How often they were counted. */
  readonly counted: number;
  /** Changes whenever something moves: for the watchdog. */
  readonly pulse: string;
  /** Batches of events as they were acknowledged, to be sent again at the end. */
  readonly batches: readonly { readonly path: string; readonly body: string }[];
  /** Approvals that somebody's vote was acknowledged for. */
  readonly votedOn: ReadonlySet<string>;
  /**
   * Has many webhooks agreed to at one server at once; `onVoting` is called right before. Resolves when it has answered,
   * or has not in time.
   */
  burst(url: string, onVoting: () => void): Promise<void>;
  /** Waits until load has ended. @throws what no server should have answered. */
  done(): Promise<void>;
  /** Waits until approvers and monitor have ended. */
  ended(): Promise<void>;
}

/** Begins load: playbooks by hand and attacks by events, with two approvers who vote on everything. */
export function startLoad(ports: LoadPorts): Load {
  const { api, company, ledger, staff, closing, ending } = ports;
  const state = { open: 0, lasting: 0, counted: 0, ended: 0, votes: 0, bursts: 0 };
  const batches: { path: string; body: string }[] = [];
  const votedOn = new Set<string>();
  const free: string[] = [];
  let people = 0;

  async function person(): Promise<string> {
    if (free.length === 0) {
      const ids = Array.from({ length: PEOPLE_PER_SEEDING }, () => `p${(people += 1)}@torture.test`);
      await company.seed(ids);
      free.push(...ids);
    }
    return free.shift() ?? person();
  }

  async function trigger(draw: Draw): Promise<void> {
    // Webhooks are what a repeat shows at, and moments to strike at.
    const playbookId = draw.chance(30) ? 'hooks' : draw.pick(BY_HAND);
    const userId = playbookId === 'shared' ? draw.pick(SHARED_PEOPLE) : await person();
    const body = JSON.stringify({ playbookId, userId, triggerEvent: { reason: 'torture' } });
    const name = `${playbookId}-${people}-${draw.integer(0, 1_000_000_000)}`;
    const reply = await api.insist(TRIGGER, staff.load, name, { body });
    if (reply === null) return;
    const { id } = STARTED.parse(expectStatus(reply, 201)).data;
    ledger.note({ kind: 'execution', id, playbookId, userId });
  }

  /** Nobody else votes meanwhile, so that it is this server which has to do what people agreed to. */
  async function burst(url: string, onVoting: () => void): Promise<void> {
    const one = openApi(() => [url], closing);
    state.bursts += 1;
    try {
      for (let count = 0; count < BURST; count += 1) await startHooks(one, await person());
      const [{ id, key } = { id: '', key: '' }] = staff.approvers;
      const waiting = await pending(one, key);
      onVoting();
      await Promise.all(waiting.map((approvalId) => castVote(one, { id, key, approvalId, vote: 'approve' })));
    } finally {
      state.bursts -= 1;
      await one.close();
    }
  }

  /** One that is not answered is not acknowledged: nothing is known about it. */
  async function startHooks(one: Api, userId: string): Promise<void> {
    const body = JSON.stringify({ playbookId: 'hooks', userId, triggerEvent: { reason: 'torture' } });
    const sent = { body, idempotencyKey: `burst-${userId}` };
    const reply = await one.ask('POST', TRIGGER, staff.load, sent).catch(() => null);
    if (reply?.status !== 201) return;
    const { id } = STARTED.parse(reply.body).data;
    ledger.note({ kind: 'execution', id, playbookId: 'hooks', userId });
  }

  /** True when there is nothing more to be said about it. */
  async function castVote(from: Api, { id, key, approvalId, vote }: Vote): Promise<boolean> {
    const path = `/api/incident-playbooks/approvals/${approvalId}/${vote}`;
    const reply = await from.ask('POST', path, key, { body: '{}' }).catch(() => null);
    if (reply === null || reply.status >= 500 || reply.status === 429) return false;
    // 409: somebody else decided it, or an earlier try of ours was taken without an answer.
    if (reply.status === 409) return true;
    expectStatus(reply, 200);
    ledger.note({ kind: 'vote', approvalId, voterId: id, vote });
    votedOn.add(approvalId);
    state.votes += 1;
    return true;
  }

  async function attack(draw: Draw): Promise<void> {
    const userId = await person();
    // Each attack has addresses of its own: its first victim's number, some way apart.
    const number = Number(/\d+/.exec(userId)?.[0]) * 128;
    const now = Date.now();
    const kind = draw.integer(0, 2);
    const made: Attack =
      kind === 0
        ? travel(userId, number, now)
        : kind === 1
          ? factors(userId, number, now)
          : campaign([userId, await person(), await person(), await person()], number, now);
    for (const { path, lines } of made.batches) {
      const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
      const name = `events-${userId}-${batches.length}-${draw.integer(0, 1_000_000_000)}`;
      const reply = await api.insist(path, staff.load, name, { body, type: 'application/x-ndjson' });
      if (reply === null) return;
      const { accepted, duplicate, rejected } = TAKEN.parse(expectStatus(reply, 200)).data;
      if (rejected > 0 || accepted + duplicate !== lines.length)
        throw new Error(`events were refused: ${JSON.stringify(reply.body)}`);
      ledger.note({ kind: 'events', batch: batches.length, count: lines.length });
      batches.push({ path, body });
    }
    ledger.note({ kind: 'attack', playbookId: made.playbookId, userId: made.userId });
  }

  /** Does not wait for what it began: a request may be told for a while that its first try is still at work. */
  async function generate(draw: Draw): Promise<void> {
    const underWay = new Set<Promise<void>>();
    let begun = 0;
    let thrown: unknown = null;
    while (!closing.aborted && thrown === null) {
      if (state.open < MAX_OPEN && underWay.size < MAX_UNDER_WAY && begun < ports.budget()) {
        begun += 1;
        const work = (draw.chance(25) ? attack(draw) : trigger(draw))
          .catch((reason: unknown) => {
            thrown ??= reason;
          })
          .finally(() => underWay.delete(work));
        underWay.add(work);
      }
      await pause(draw.integer(...PAUSE_MS));
    }
    await Promise.all(underWay);
    if (thrown !== null) throw thrown;
  }

  async function approver(index: number, draw: Draw): Promise<void> {
    const { id, key } = staff.approvers[index] ?? { id: '', key: '' };
    const voted = new Set<string>();
    const cast = async (approvalId: string): Promise<void> => {
      const vote = draw.chance(8) ? 'deny' : 'approve';
      if (await castVote(api, { id, key, approvalId, vote })) voted.add(approvalId);
    };
    while (!ending.aborted) {
      const waiting = (await pending(api, key)).filter((each) => !voted.has(each));
      if (state.bursts === 0) await Promise.all(waiting.slice(0, VOTES_AT_ONCE).map(cast));
      await pause(APPROVER_MS);
    }
  }

  async function monitor(): Promise<void> {
    while (!ending.aborted) {
      const counts = await Promise.all(
        OPEN_STATUSES.map((status) => count(api, staff.watch, `executions?status=${status}&limit=1`)),
      );
      // Asked for at the end only: it is a walk over all actions.
      const lasting = closing.aborted
        ? await count(api, staff.watch, 'audits?playbookId=lasting&status=SUCCESS&limit=1')
        : 0;
      const all = await count(api, staff.watch, 'executions?limit=1');
      if (counts.every((each) => each !== null) && lasting !== null && all !== null) {
        state.lasting = lasting;
        state.open = counts.reduce((sum, each) => sum + each, 0);
        state.ended = all - state.open;
        state.counted += 1;
      }
      await pause(MONITOR_MS);
    }
  }

  const load = generate(ports.draw.branch());
  // Whoever waits for it hears of a failure; until then it is no unhandled one.
  load.catch(() => undefined);
  const attendants = inParallel([
    monitor(),
    ...staff.approvers.map((_, index) => approver(index, ports.draw.branch())),
  ]);
  return {
    get open() {
      return state.open;
    },
    get lasting() {
      return state.lasting;
    },
    get counted() {
      return state.counted;
    },
    get pulse() {
      return `${ledger.size} ${state.ended} ${state.votes}`;
    },
    batches,
    votedOn,
    burst,
    done: () => load,
    ended: () => attendants,
  };
}

async function inParallel(work: readonly Promise<void>[]): Promise<void> {
  await Promise.all(work);
}

/** The body of a reply. @throws when the status is another: no fault of this run can lead to that. */
export function expectStatus({ status, body }: Reply, wanted: number): unknown {
  if (status === wanted) return body;
  throw new Error(`${wanted} was expected, not ${status}: ${JSON.stringify(body).slice(0, 1_000)}`);
}

async function pending(api: Api, key: string): Promise<readonly string[]> {
  const path = '/api/incident-playbooks/approvals?status=PENDING&limit=50';
  const reply = await api.ask('GET', path, key).catch(() => null);
  return reply?.status === 200 ? LIST.parse(reply.body).data.map(({ id }) => id) : [];
}

async function count(api: Api, key: string, query: string): Promise<number | null> {
  const reply = await api.ask('GET', `/api/incident-playbooks/${query}`, key).catch(() => null);
  return reply?.status === 200 ? LIST.parse(reply.body).total : null;
}
