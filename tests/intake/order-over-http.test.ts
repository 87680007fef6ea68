import { beforeAll, describe, expect, it } from 'vitest';
import type { Scenario, TrafficLine } from '../../src/demo/scenario.ts';
import { drawScenario } from '../../src/demo/traffic.ts';
import { DISORDER_TOLERANCE_MS } from '../../src/platform/limits.ts';
import { pieces, shuffled, sorted } from '../support/line-orders.ts';
import { startScenarioServer, type Row, type ScenarioServer } from '../support/scenario-server.ts';
import { sendOverAll, senderOver, watched, type Line, type Sender, type Wire } from '../support/senders.ts';
import { STARTED_AT, until } from '../support/server.ts';

/**
 * The same events in one request, in batches over four connections at once, and shuffled within the five minutes that
 * lateness may take, give the same findings and incidents: over real HTTP, each time to a fresh server whose playbooks
 * act on what is found while the rest still comes in.
 */

const MINUTE = 60_000;

type Company = Pick<Scenario, 'users' | 'egress'>;
type Sending = (senders: readonly Sender[], server: ScenarioServer) => Promise<void>;

/** Sends to a fresh server and answers with what it came to, once nothing is left to do. */
async function arranged(company: Company, count: number, sending: Sending) {
  const server = await startScenarioServer(company);
  try {
    const senders = server.collectors.map(({ key }) => senderOver(server.harness.url, key));
    let isSent = false;
    const send = async (): Promise<void> => {
      await sending(senders, server);
      isSent = true;
    };
    const [wire] = await Promise.all([watched(send), server.attend(() => isSent)]);
    await Promise.all(senders.map((sender) => sender.close()));
    expect(server.harness.counts().events).toBe(count);
    const shown = (await server.incidents()).map(shownOf);
    const executions = await server.executions();
    const started = executions.map(({ playbookId, userId }) => `${playbookId} ${userId}`);
    return {
      wire,
      disorderMs: server.disorderMs(),
      executions: executions.length,
      /** All that must not depend on how the events came. */
      result: {
        ...(await server.found()),
        shown: shown.sort(byText),
        // A campaign that was cut in two is answered by one execution or by one and its follow-ups.
        started: [...new Set(started)].sort(),
        done: [...new Set(executions.flatMap(doneBy))].sort(),
        sessionsEnded: executions.flatMap(sessionsEndedBy).sort(),
      },
    };
  } finally {
    await server.stop();
  }
}

/** What the list of incidents says, but for ids and times that are the journal's own. */
function shownOf(incident: Row): object {
  const { subject, type, severity, confidence, status, summary, accounts, sourceIps, details, findings } = incident;
  const standing = findings.filter(({ superseded }: Row) => !superseded);
  return { subject, type, severity, confidence, status, summary, accounts, sourceIps, details, findings: standing };
}

/** What an execution came to and did at the company, with whom. */
function doneBy({ playbookId, userId, status, containedAt, stages }: Row): string[] {
  const about = `${playbookId} ${userId}`;
  const done = stages
    .flatMap(({ actions }: Row) => actions)
    .filter((action: Row) => action.status === 'SUCCESS')
    .flatMap(({ actionType, target, children }: Row) => {
      const whom = children.length === 0 ? [{ account: target }] : children;
      return whom.map(({ account }: Row) => `${about}: ${actionType} ${account}`);
    });
  return [`${about}: ${status}, ${containedAt === null ? 'not contained' : 'contained'}`, ...done];
}

/** Whose sessions the campaigns ended, as often as they did: nobody's twice. */
function sessionsEndedBy({ playbookId, stages }: Row): string[] {
  if (playbookId !== 'playbook_campaign') return [];
  const kills = stages.flatMap(({ actions }: Row) => actions).filter((a: Row) => a.actionType === 'FULL_SESSION_KILL');
  return kills.flatMap(({ children }: Row) => children.map((child: Row) => `${child.account} ${child.status}`));
}

/** How many of the four the server has at the same moment depends on how fast it is: two at least. */
function expectFourAtOnce({ requestsByPort, most }: Wire): void {
  expect(requestsByPort.size).toBe(4);
  expect(most).toBeGreaterThan(1);
}

function byText(left: object, right: object): number {
  return JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;
}

const first = ([sender]: readonly Sender[]): Sender => {
  if (sender === undefined) throw new Error('there is no sender');
  return sender;
};

describe('the day of the demo', () => {
  /** It ends shortly before the business time at which the server begins. */
  const scenario = drawScenario(15, STARTED_AT);
  const lines = sorted(scenario.files.flatMap((file) => file.lines));
  const take = (sending: Sending) => arranged(scenario, lines.length, sending);
  let reference: Awaited<ReturnType<typeof take>>;

  /** Days of sparse history in larger pieces, the day in small ones: several lie within five minutes. */
  function cutUp(all: readonly TrafficLine[], seed: number): (readonly Line[])[] {
    const history = all.filter(({ time }) => time < scenario.dayStart);
    const day = all.filter(({ time }) => time >= scenario.dayStart);
    return [...pieces(history, seed, 40), ...pieces(day, seed, 6)];
  }

  beforeAll(async () => {
    reference = await take((senders) => first(senders).send(lines));
  });

  it('is there to be compared: four attacks in five formats, found and contained', () => {
    expect(lines.length).toBeGreaterThan(3_500);
    expect(reference.wire).toMatchObject({ most: 1, requestsByPort: { size: 1 } });
    const { incidents, started, done } = reference.result;
    const found = incidents.map((incident: Row) => [incident.type, incident.subject.id, incident.status]);
    const expected = scenario.labels.scenarios.map(({ id, type, accounts, sourceIp }) => [
      type,
      id === 'campaign' ? sourceIp : accounts[0],
      'CONTAINED',
    ]);
    expect(found.sort()).toEqual(expected.sort());
    expect(started).toHaveLength(4);
    expect(done.filter((line) => line.endsWith('COMPLETED, contained'))).toHaveLength(4);
  });

  it('comes to the same in batches over four connections at once', async () => {
    const batches = await take((senders) => sendOverAll(senders, cutUp(lines, 5)));
    expect(batches.result).toEqual(reference.result);
    expectFourAtOnce(batches.wire);
    for (const requests of batches.wire.requestsByPort.values()) expect(requests).toBeGreaterThan(50);
  });

  it.each([3, 17])('comes to the same up to five minutes late, over four connections (%i)', async (seed) => {
    const late = await take((senders) => sendOverAll(senders, cutUp(shuffled(lines, seed), seed)));
    expect(late.disorderMs).toBeGreaterThan(4 * MINUTE);
    expect(late.disorderMs).toBeLessThanOrEqual(DISORDER_TOLERANCE_MS);
    expect(late.result).toEqual(reference.result);
    expectFourAtOnce(late.wire);
  });

  it('comes to the same when the attacks and what lies between them come one by one', async () => {
    const from = lines.findIndex(({ attack }) => attack !== null);
    const to = lines.findLastIndex(({ attack }) => attack !== null) + 1;
    const alone = await take(async (senders) => {
      await first(senders).send(lines.slice(0, from));
      await sendOverAll(
        senders.slice(0, 1),
        lines.slice(from, to).map((line) => [line]),
      );
      await first(senders).send(lines.slice(to));
    });
    expect(to - from).toBeGreaterThan(200);
    expect(alone.result).toEqual(reference.result);
  });

  it('comes to the same when a campaign goes on after it was contained', async () => {
    const accounts = scenario.labels.scenarios.find(({ id }) => id === 'campaign')?.accounts ?? [];
    const third = lines.filter(({ attack }) => attack === 'campaign').at(2);
    const cut = lines.findIndex((line) => line === third) + 1;
    const halted = await take(async (senders, server) => {
      await sendOverAll(senders, cutUp(lines.slice(0, cut), 7));
      const [campaign] = await contained(server, 1);
      expect(campaign?.accounts).toHaveLength(3);
      await sendOverAll(senders, cutUp(lines.slice(cut), 7));
    });
    expect(accounts.length).toBeGreaterThan(3);
    // The accounts that joined are treated by follow-ups of the execution that was over.
    expect(halted.executions).toBeGreaterThan(reference.executions);
    expect(halted.result).toEqual(reference.result);
  });
});

/** Waits until so many campaigns are contained, and every execution is over; answers with their incidents. */
function contained({ incidents, isOver }: ScenarioServer, count: number): Promise<readonly Row[]> {
  return until('the campaigns are contained', async () => {
    const campaigns = (await incidents()).filter(({ type }) => type === 'MULTI_ACCOUNT_CAMPAIGN');
    const done = campaigns.filter(({ status }) => status === 'CONTAINED');
    return done.length === count && isOver() ? done : null;
  });
}

describe('a spike', () => {
  const SOURCES = 5;
  const VICTIMS = 24;
  const SPIKE_MS = 4 * MINUTE;
  const company: Company = {
    users: Array.from({ length: SOURCES * VICTIMS }, (_, n) => userNamed(victim(n))),
    egress: [],
  };
  /**
   * In each round every source tries one of its victims, each twice in all; two systems see every other round. Any
   * order lies within the tolerance.
   */
  const lines = Array.from({ length: 2 * SOURCES * VICTIMS }, (_, index): Line => {
    const time = STARTED_AT - 6 * MINUTE + Math.floor((index * SPIKE_MS) / (2 * SOURCES * VICTIMS));
    const round = Math.floor(index / SOURCES);
    const failed = {
      id: `spike-${index}`,
      time,
      who: victim(index % (SOURCES * VICTIMS)),
      ip: addressOf(index % SOURCES),
    };
    return { time, line: JSON.stringify(round % 2 === 0 ? inEcs(failed) : inOwnFormat(failed)) };
  });
  /** Requests of either system in turn: what they share is what is remembered of an address, and no stream of events. */
  function ofEither(all: readonly Line[], seed: number): (readonly Line[])[] {
    const mixed = shuffled(all, seed);
    const ecs = pieces(mixed.filter(isEcs), seed, 9);
    const own = pieces(
      mixed.filter((line) => !isEcs(line)),
      seed,
      9,
    );
    return Array.from({ length: Math.max(ecs.length, own.length) }, (_, n) => [ecs[n] ?? [], own[n] ?? []])
      .flat()
      .filter(({ length }) => length > 0);
  }
  const take = (sending: Sending) => arranged(company, lines.length, sending);
  let reference: Awaited<ReturnType<typeof take>>;

  beforeAll(async () => {
    reference = await take((senders) => first(senders).send(lines));
  });

  it('is there to be compared: every source with all that it tried', () => {
    expect(reference.result.incidents).toHaveLength(SOURCES);
    for (const incident of reference.result.incidents) {
      expect(incident).toMatchObject({ accounts: { length: VICTIMS }, details: { attempts: 2 * VICTIMS } });
    }
  });

  it.each([5, 23])('loses nothing over four connections, in any order (%i)', async (seed) => {
    const spike = await take((senders) => sendOverAll(senders, ofEither(lines, seed)));
    expect(spike.result).toEqual(reference.result);
    expectFourAtOnce(spike.wire);
  });

  it('loses nothing when it goes on after every source was contained', async () => {
    const rounds = 4;
    const halted = await take(async (senders, server) => {
      await sendOverAll(senders, ofEither(lines.slice(0, rounds * SOURCES), 31));
      for (const incident of await contained(server, SOURCES)) expect(incident.accounts).toHaveLength(rounds);
      await sendOverAll(senders, ofEither(lines.slice(rounds * SOURCES), 37));
    });
    expect(halted.executions).toBeGreaterThanOrEqual(2 * SOURCES);
    expect(halted.result).toEqual(reference.result);
  });
});

function victim(index: number): string {
  return `victim${index}@spike.example`;
}

function addressOf(index: number): string {
  return `89.160.20.${1 + index}`;
}

interface Failed {
  readonly id: string;
  readonly time: number;
  readonly who: string;
  readonly ip: string;
}

function inOwnFormat({ id, time, who, ip }: Failed): object {
  return { id, time, kind: 'login', outcome: 'failure', subject: who, ip };
}

function inEcs({ id, time, who, ip }: Failed): object {
  const event = { id, kind: 'event', category: ['authentication'], action: 'logon', outcome: 'failure' };
  return { '@timestamp': new Date(time).toISOString(), event, user: { name: who }, source: { ip } };
}

function isEcs({ line }: Line): boolean {
  return line.startsWith('{"@timestamp"');
}

function userNamed(id: string): Scenario['users'][number] {
  const session = { ip: '2.125.160.216', country: 'GB', deviceId: null };
  const held = { roles: ['employee'], privileges: [], devices: [], sessions: [session] };
  return { id, mail: id, name: id, homeCountry: 'GB', ...held };
}
