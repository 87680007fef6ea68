import { afterEach, expect, it } from 'vitest';
import { userInForce } from '../../src/pipeline/access/user-in-force.ts';
import { createNotices } from '../../src/pipeline/notifications/notices.ts';
import { backoffMs } from '../../src/pipeline/notifications/retry.ts';
import { createTeller } from '../../src/pipeline/notifications/teller.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { testEngine, type TestEngine } from '../support/engine.ts';
import { gate, planAction, planOf } from '../support/plans.ts';

/** What is told of executions, over the real engine and journal; the people are always the same, and pauses pass at once. */

const engines: TestEngine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

const ADMIN = userInForce(
  {
    id: 'usr_1',
    kind: 'person',
    name: 'Ana',
    email: 'ana@acme.example',
    roles: ['SECURITY_ADMIN'],
    disabled: false,
    linkedAccounts: [],
    createdAt: 0,
  },
  new Map(),
  new Map(),
);

/** Two requests that wait. `failures`: how often the first execution cannot be read, and then the people. */
async function world(failures: { execution: number; people: number }) {
  const engine = testEngine();
  engines.push(engine);
  const { journal, committer, store, clock } = engine;
  const ids = ['exe_1', 'exe_2'];
  const names = new Map<string, string>();
  for (const id of ids) {
    await engine.start(planOf([planAction('suspend', { gates: [gate()] })]), id);
    const [approvalId = ''] = Object.keys((await store.load(id)).state.approvals);
    names.set(id, `tell:approval.requested:${approvalId}`);
  }
  const told: string[] = [];
  const errors: unknown[] = [];
  const pauses: number[] = [];
  const teller = createTeller({
    machine: {
      ...realMachine,
      async sleep(ms) {
        pauses.push(ms);
        await realMachine.turn();
      },
    },
    clock,
    closing: new AbortController().signal,
    journal,
    store: {
      async load(id) {
        if (id === 'exe_1' && failures.execution-- > 0) throw new Error('cannot be read');
        return store.load(id);
      },
    },
    notices: createNotices({ journal, committer }),
    channels: [],
    courier: () => ({ deliver: ({ notice }) => void told.push(notice.title), bring: async () => undefined }),
    async people() {
      if (failures.people-- > 0) throw new Error('cannot be read');
      return [ADMIN];
    },
    wantsEmail: async () => true,
    tellExecution: async () => undefined,
    onError: (thrown) => errors.push(thrown),
  });
  for (const id of ids) teller.tell(id, [names.get(id) ?? '']);
  return { told, errors, pauses };
}

it('tells of the others while one cannot be told, and of that one as soon as it can', async () => {
  const { told, errors, pauses } = await world({ execution: 3, people: 0 });
  await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2);
  expect(errors).toHaveLength(3);
  expect(pauses).toEqual([1, 2, 3].map(backoffMs));
});

it('tells of all of them when the people could not be read for a time', async () => {
  const { told, errors } = await world({ execution: 0, people: 1 });
  await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2);
  expect(errors.length).toBeGreaterThan(0);
});

it('goes on trying what cannot be told for a long time, each half hour, without losing the others', async () => {
  const tries = 30;
  const { told, errors, pauses } = await world({ execution: tries, people: 0 });
  await expect.poll(() => told.length, { timeout: 10_000 }).toBe(2);
  expect(errors).toHaveLength(tries);
  expect(pauses.at(-1)).toBe(1_800_000);
});
