import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawScenario } from '../../src/demo/traffic.ts';
import { foundIn } from '../support/intake.ts';
import { pieces, shuffled, sorted } from '../support/line-orders.ts';
import { sharedCluster } from '../support/postgres.ts';
import { startReplicas, type Replica } from '../support/replicas.ts';
import { sendOverAll, senderOver, watched, type Line } from '../support/senders.ts';

/** Events come to any of three servers, about the same people and addresses at the same moment: what is found is the same. */

const shared = sharedCluster();
const SEED = 15;

describe.skipIf(shared.skip !== null)('the day of the demo, taken in by several servers', () => {
  // Real time: it ended some minutes ago.
  const scenario = drawScenario(SEED, Date.now() - 60_000);
  const lines = sorted(scenario.files.flatMap((file) => file.lines));
  const day = lines.filter(({ time }) => time >= scenario.dayStart);
  const history = lines.filter(({ time }) => time < scenario.dayStart);
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-egress-'));
  const egress = join(folder, 'egress.json');
  writeFileSync(egress, JSON.stringify(scenario.egress));
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await shared.remove();
  });

  /** Sends all batches over the servers at once, two connections to each, and answers with what was found. */
  async function taken(count: number, batches: readonly (readonly Line[])[]) {
    const house = await startReplicas(shared);
    try {
      const replicas: Replica[] = [];
      while (replicas.length < count) replicas.push(await house.inProcess({ env: { EGRESS_LIST: egress } }));
      const [first] = replicas;
      if (first === undefined) throw new Error('there is one');
      const staff = await house.setUp({ ...first, setupToken: replicas.at(0)?.setupToken ?? null });
      const people = await Promise.all(Array.from({ length: 2 * count }, () => staff.person('SECURITY_ANALYST')));
      const connections = count === 1 ? people.slice(0, 1) : people;
      const senders = connections.map(({ key }, index) => senderOver(replicas[index % count]?.url ?? '', key));
      const wire = await watched(() => sendOverAll(senders, batches));
      await Promise.all(senders.map((sender) => sender.close()));
      const journal = await house.open();
      const found = await foundIn(journal);
      expect(await journal.eventCount()).toBe(lines.length);
      await journal.close();
      expect(await house.verified()).toMatchObject({ code: 0 });
      return { found, wire };
    } finally {
      await house.remove();
    }
  }

  let reference: Awaited<ReturnType<typeof foundIn>>;
  beforeAll(async () => {
    reference = (await taken(1, [lines])).found;
  });

  it('is there to be compared: all four attacks', () => {
    const types = reference.incidents.map((incident) => ('type' in incident ? incident.type : ''));
    expect(types).toEqual(expect.arrayContaining(scenario.labels.scenarios.map(({ type }) => type)));
  });

  it(
    'comes to the same with three servers and six connections, in batches that overlap',
    { timeout: 240_000 },
    async () => {
      const { found, wire } = await taken(3, [...pieces(history, 5, 300), ...pieces(shuffled(day, 9), 5, 40)]);
      expect(wire.requestsByPort.size).toBe(6);
      expect(wire.most).toBeGreaterThan(1);
      expect(found).toEqual(reference);
    },
  );
});
