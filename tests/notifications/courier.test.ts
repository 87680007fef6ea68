import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { groupCommitter } from '../../src/journal/group-commit.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { DELIVERY } from '../../src/pipeline/executions/change.ts';
import {
  SendError,
  type Notice,
  type NoticeChannel,
  type OutgoingMessage,
  type Sender,
} from '../../src/pipeline/notifications/contract.ts';
import { createCourier, type DeadDelivery } from '../../src/pipeline/notifications/courier.ts';
import { createNotices, type Notices } from '../../src/pipeline/notifications/notices.ts';
import { backoffMs, MAX_TRIES } from '../../src/pipeline/notifications/retry.ts';
import { putOffMs } from '../../src/pipeline/put-off.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { TEST_START } from '../support/engine.ts';

/** The courier over a real journal in a file, with a FAKE sender that fails as a test says, and time that passes at once. */

let folder = '';
const closers: (() => Promise<void>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-courier-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});

const NOTICE: Notice = {
  kind: 'execution.failed',
  severity: 'HIGH',
  title: 'FAILED: a playbook needs a person',
  lines: ['Look at it.'],
  facts: [],
  about: { type: 'execution', id: 'exe_1' },
  ask: null,
};

type Answer = (message: OutgoingMessage, signal: AbortSignal) => Promise<{ readonly reference: string | null }>;

function world(answer: Answer, { holds = true }: { readonly holds?: boolean } = {}) {
  /** Who the process is among the living, and whether it is sure of what it holds. */
  const member = { processId: 'prc_1', isSure: holds };
  let passed = 0;
  const sent: OutgoingMessage[] = [];
  const dead: DeadDelivery[] = [];
  const errors: unknown[] = [];
  const closing = new AbortController();
  const journal = openSqliteJournal({
    file: join(folder, 'journal.sqlite'),
    birth: { id: 'jrn_test', at: TEST_START, accelerated: true },
  });
  const committer = groupCommitter(journal, realMachine);
  const stored = createNotices({ journal, committer });
  /** How often each of these notices cannot be read. */
  const unreadable = new Map<string, number>();
  const notices: Notices = {
    ...stored,
    async load(id) {
      const left = unreadable.get(id) ?? 0;
      if (left === 0) return stored.load(id);
      unreadable.set(id, left - 1);
      throw new Error(`Record 1 of the stream notice/${id} cannot be read`);
    },
  };
  const sleep = async (ms: number): Promise<void> => {
    passed += ms;
    await new Promise(setImmediate);
  };
  const senderOf = (channel: NoticeChannel): Sender => ({
    channel,
    send: (message, signal) => {
      sent.push(message);
      return answer(message, signal);
    },
    close: async () => undefined,
  });
  const courier = createCourier({
    journal,
    members: {
      get processId() {
        return member.processId;
      },
      holds: () => member.isSure,
    },
    machine: { ...realMachine, sleep },
    clock: { now: () => TEST_START + passed, monotonic: () => passed, accelerated: true },
    closing: closing.signal,
    notices,
    messagesPerMinute: 20,
    senders: [senderOf('SLACK'), senderOf('EMAIL')],
    addressesFor: () => ({ viewUrl: null, answerUrl: null }),
    onDead: async (each) => void dead.push(each),
    onError: (thrown) => errors.push(thrown),
  });
  const raise = async (notice: Partial<Notice> = {}, channel: NoticeChannel = 'SLACK', id = 'ntc_1') => {
    courier.deliver(await raised(notice, channel, id));
  };
  const raised = (notice: Partial<Notice>, channel: NoticeChannel, id: string) =>
    notices.raise({
      id,
      notice: { ...NOTICE, ...notice },
      ways: [{ channel, userId: channel === 'EMAIL' ? 'usr_gone' : null }],
      leftOut: 0,
      at: TEST_START,
      trace: undefined,
      cause: null,
    });
  const statusOf = async (id = 'ntc_1') => (await stored.load(id)).deliveries[0];
  const settled = async (status: string, id = 'ntc_1'): Promise<void> => {
    await expect.poll(async () => (await statusOf(id))?.status, { timeout: 10_000 }).toBe(status);
  };
  const stop = async (): Promise<void> => {
    closing.abort();
    while (committer.busy) await new Promise(setImmediate);
    await journal.close();
  };
  closers.push(stop);
  const owed = async () => (await journal.queuedEffects()).map(({ execution, name }) => `${execution} ${name}`);
  /** Lets much more time pass than a process is ever unsure. */
  const passMuch = async (): Promise<void> => {
    const until = passed + 60_000;
    await expect.poll(() => passed, { timeout: 10_000 }).toBeGreaterThan(until);
  };
  return {
    sent,
    dead,
    errors,
    unreadable,
    member,
    courier,
    notices,
    raise,
    raised,
    statusOf,
    settled,
    owed,
    stop,
    passMuch,
    passed: () => passed,
  };
}

const taken: Answer = async () => ({ reference: 'm-1' });
/** Fails so often, then takes it. */
const after = (failures: number, error: () => SendError): Answer => {
  let left = failures;
  return async () => {
    if (left-- > 0) throw error();
    return { reference: 'm-1' };
  };
};

describe('a message', () => {
  it('is owed until it is sent, and its record says what the receiver calls it', async () => {
    const { raise, settled, statusOf, owed, sent } = world(taken);
    await raise();
    await settled('SENT');
    expect(await statusOf()).toMatchObject({ tries: 1, reference: 'm-1', error: null });
    expect(sent).toHaveLength(1);
    expect(await owed()).toEqual([]);
  });

  it('is tried again under the same id, later each time, as long as that can help', async () => {
    const { raise, settled, statusOf, sent, passed } = world(after(3, () => new SendError('busy', 'later', true)));
    await raise();
    await settled('SENT');
    expect(await statusOf()).toMatchObject({ tries: 4, error: null });
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    expect(passed()).toBeGreaterThanOrEqual(backoffMs(1) + backoffMs(2) + backoffMs(3));
  });

  it('waits as long as its receiver asks', async () => {
    const { raise, settled, passed } = world(after(1, () => new SendError('busy', 'later', true, 500_000)));
    await raise();
    await settled('SENT');
    expect(passed()).toBeGreaterThanOrEqual(500_000);
  });

  it('is given up at once where no repeat can help, and somebody is told', async () => {
    const { raise, settled, statusOf, dead, owed } = world(after(1, () => new SendError('no_service', 'gone', false)));
    await raise();
    await settled('DEAD');
    expect(await statusOf()).toMatchObject({ tries: 1, error: 'no_service' });
    expect(dead).toMatchObject([{ code: 'no_service', others: 0, way: { channel: 'SLACK' } }]);
    expect(await owed()).toEqual([]);
  });

  it('is given up after the last try', async () => {
    const { raise, settled, statusOf, dead } = world(after(99, () => new SendError('busy', 'later', true)));
    await raise();
    await settled('DEAD');
    expect(await statusOf()).toMatchObject({ tries: MAX_TRIES, error: 'busy' });
    expect(dead).toHaveLength(1);
  });

  it('that was given up can be sent again, and counts its tries anew', async () => {
    const { raise, settled, statusOf, notices, courier, owed } = world(
      after(1, () => new SendError('no_service', 'gone', false)),
    );
    await raise();
    await settled('DEAD');
    const change = { type: 'notice.resent', deliveries: [0], data: { by: 'usr_1' }, at: TEST_START } as const;
    const state = await notices.change('ntc_1', change, ({ status }) => status === 'DEAD');
    expect(await owed()).toEqual([`ntc_1 ${DELIVERY}`]);
    if (state !== null) courier.deliver(state);
    await settled('SENT');
    expect(await statusOf()).toMatchObject({ tries: 1 });
  });

  it('to somebody without an address is given up', async () => {
    const { raise, settled, statusOf, sent } = world(taken);
    await raise({}, 'EMAIL');
    await settled('DEAD');
    expect(await statusOf()).toMatchObject({ error: 'no_address' });
    expect(sent).toEqual([]);
  });

  it('that asks for what was decided meanwhile is not sent', async () => {
    const { raise, settled, sent } = world(taken);
    await raise({ ask: { approvalId: 'apr_gone', executionId: 'exe_1', intentHash: 'h', expiresAt: 0 } });
    await settled('OUTDATED');
    expect(sent).toEqual([]);
  });

  it('is one message where there are many notices for one receiver in a moment', async () => {
    const { raised, courier, settled, sent } = world(taken);
    const ids = Array.from({ length: 50 }, (_, index) => `ntc_${index}`);
    const all = await Promise.all(ids.map((id) => raised({}, 'SLACK', id)));
    for (const state of all) courier.deliver(state);
    for (const id of ids) await settled('SENT', id);
    expect(sent.map((message) => message.notices.length)).toEqual([50]);
  });
});

describe('a process that', () => {
  it('ends while it sends leaves the message to the next, which sends it under the same id', async () => {
    const first = world((_message, signal) => new Promise((_, reject) => signal.addEventListener('abort', reject)));
    await first.raise();
    await expect.poll(() => first.sent.length, { timeout: 10_000 }).toBe(1);
    closers.pop();
    await first.stop();
    const second = world(taken);
    expect(await second.owed()).toEqual([`ntc_1 ${DELIVERY}`]);
    second.courier.deliver(await second.notices.load('ntc_1'));
    await second.settled('SENT');
    expect(second.sent[0]?.id).toBe(first.sent[0]?.id);
  });

  it('is not sure that it holds its entries sends nothing', async () => {
    const { raise, sent, owed, statusOf, errors, passMuch } = world(taken, { holds: false });
    await raise();
    await passMuch();
    expect(sent).toEqual([]);
    expect(await statusOf()).toMatchObject({ status: 'PENDING', tries: 0 });
    expect(await owed()).toEqual([`ntc_1 ${DELIVERY}`]);
    expect(errors).toEqual([]);
  });

  it('was not sure of what it holds for a moment, and holds it still, sends it then', async () => {
    const { raise, sent, owed, settled, statusOf, member, passMuch } = world(taken, { holds: false });
    await raise();
    await passMuch();
    member.isSure = true;
    await settled('SENT');
    expect(await statusOf()).toMatchObject({ tries: 1 });
    expect(sent).toHaveLength(1);
    expect(await owed()).toEqual([]);
  });

  it('was taken for dead leaves its messages to whoever takes them over', async () => {
    const { raise, raised, courier, sent, settled, statusOf, member, passMuch } = world(taken, { holds: false });
    await raise();
    await passMuch();
    Object.assign(member, { processId: 'prc_2', isSure: true });
    // A message of its own comes after it in the same lane.
    courier.deliver(await raised({}, 'SLACK', 'ntc_2'));
    await settled('SENT', 'ntc_2');
    expect(await statusOf('ntc_1')).toMatchObject({ status: 'PENDING', tries: 0 });
    expect(sent.flatMap(({ notices }) => notices.map(({ title }) => title))).toHaveLength(1);
  });

  it('was taken for dead, and takes over what it held itself, sends it once', async () => {
    const { raise, notices, courier, sent, settled, statusOf, member, passMuch } = world(taken, { holds: false });
    await raise();
    await passMuch();
    Object.assign(member, { processId: 'prc_2', isSure: true });
    courier.deliver(await notices.load('ntc_1'));
    await settled('SENT');
    expect(await statusOf()).toMatchObject({ tries: 1 });
    expect(sent).toHaveLength(1);
  });
});

describe('a notice that cannot be read', () => {
  it('keeps nothing back that goes out with it, and is sent when it can be', async () => {
    const { raised, courier, unreadable, settled, sent, errors, passed } = world(taken);
    const all = await Promise.all(['ntc_1', 'ntc_2', 'ntc_3'].map((id) => raised({ title: id }, 'SLACK', id)));
    unreadable.set('ntc_2', 3);
    for (const state of all) courier.deliver(state);
    for (const id of ['ntc_1', 'ntc_2', 'ntc_3']) await settled('SENT', id);
    expect(sent.map(({ notices }) => notices.map(({ title }) => title))).toEqual([['ntc_1', 'ntc_3'], ['ntc_2']]);
    expect(errors).toHaveLength(3);
    expect(passed()).toBeGreaterThanOrEqual(putOffMs(1) + putOffMs(2) + putOffMs(3));
  });

  it('is looked at again when it was left by a process that is gone', async () => {
    const { raised, courier, unreadable, settled, errors } = world(taken);
    await raised({}, 'SLACK', 'ntc_1');
    unreadable.set('ntc_1', 2);
    await courier.bring('ntc_1');
    await settled('SENT');
    expect(errors).toHaveLength(2);
  });

  it('is left to whoever takes it over by a process that was taken for dead', async () => {
    const { raised, courier, unreadable, statusOf, sent, member } = world(taken);
    await raised({}, 'SLACK', 'ntc_1');
    unreadable.set('ntc_1', 1);
    const brought = courier.bring('ntc_1');
    member.processId = 'prc_2';
    await brought;
    courier.deliver(await raised({}, 'SLACK', 'ntc_2'));
    await expect.poll(() => sent.length, { timeout: 10_000 }).toBe(1);
    expect(await statusOf()).toMatchObject({ status: 'PENDING', tries: 0 });
  });
});
