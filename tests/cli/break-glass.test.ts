import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  confirmGlassCommand,
  declareGlassCommand,
  listGlassCommand,
  reviewGlassCommand,
  revokeGlassCommand,
  showGlassCommand,
  useGlassCommand,
  type GlassOptions,
} from '../../src/cli/break-glass.ts';
import { showApprovalCommand } from '../../src/cli/approvals.ts';
import type { Io } from '../../src/cli/io.ts';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, testIo, type Harness, type Person } from '../support/server.ts';

let house: Harness;
beforeAll(async () => {
  house = await startHarness();
  await house.sandbox.seed([{ id: 'p1', sessions: [] }]);
  await house.admin.api('POST', BASE, byHand('waits', [SUSPEND_APPROVED]));
});
afterAll(() => house.stop());

/** What a command says to somebody. */
async function told(
  who: Person,
  command: (options: GlassOptions, io: Io) => Promise<number>,
  file = '',
): Promise<string> {
  const io = testIo({ FIREBREAK_API_KEY: who.key });
  const bytes = new TextEncoder().encode(file);
  expect(await command({ url: house.url, json: false }, { ...io, readInput: async () => bytes })).toBe(0);
  return io.said();
}

it('is declared by two people, used by a third and reviewed, on the command line', async () => {
  const [ciso, ida, requester] = await Promise.all([
    house.person('CISO'),
    house.person('IR_LEAD'),
    house.person('INCIDENT_COMMANDER'),
  ]);
  const what = { people: [ida.id], actionTypes: ['ACCOUNT_SUSPEND'], maxRiskLevel: 'HIGH', usesPerDay: 1 };
  const terms = { ...what, reason: 'the night shift', expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
  expect(await told(ida, showGlassCommand)).toContain('break-glass OFF');
  const file = JSON.stringify(terms);
  const proposed = await told(house.admin, (options, io) => declareGlassCommand('night.json', options, io), file);
  const hash = /hash {8}([0-9a-f]{64})/.exec(proposed)?.[1] ?? '';
  expect(await told(ciso, (options, io) => confirmGlassCommand(hash, options, io))).toContain('break-glass DECLARED');

  const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'waits', userId: 'p1' });
  await house.settled(run.body.data.executionId);
  const { body } = await ida.api('GET', `${BASE}/approvals?executionId=${run.body.data.executionId}`);
  const { id, intentHash: intent } = body.data[0];
  const reason = 'the commander on call does not answer';
  const line = await told(ida, (options, io) => useGlassCommand(id, { ...options, intent, reason }, io));
  expect(line).toContain(`UNREVIEWED`);
  expect(await told(ida, (options, io) => showApprovalCommand(id, options, io))).toContain(
    `BREAK-GLASS ${line.split(' ')[0]}`,
  );
  const [use = ''] = line.split(' ');
  const note = 'the phone log bears it out';
  expect(await told(ciso, (options, io) => reviewGlassCommand(use, { ...options, note }, io))).toContain('REVIEWED');
  expect(await told(ciso, listGlassCommand)).toMatch(new RegExp(`^${use}  REVIEWED .*reviewed by ${ciso.id}: ${note}`));
  expect(await told(ciso, (options, io) => revokeGlassCommand('over', options, io))).toContain('break-glass OFF');
});
