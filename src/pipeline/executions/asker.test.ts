import { describe, expect, it } from 'vitest';
import type { ServiceQuestion, ServiceSays } from '../approvals/service-contract.ts';
import { createAsker, MAX_TRIES } from './asker.ts';
import type { AskEffect } from './core/demands.ts';
import type { NewInput } from './core/inputs.ts';

const effect = (approvalId = 'apr_1', service = 'soar'): AskEffect => ({
  kind: 'ask',
  name: `ask:${approvalId}:${service}`,
  approvalId,
  service,
  intentHash: 'h',
  key: `key of ${approvalId}`,
  action: 'ACCOUNT_SUSPEND',
  event: {},
  requestedAt: 0,
});

const YES: ServiceSays = { heard: true, answer: 'approved', why: null, status: 200, requestDigest: 'd' };
const unheard = (retryAfterMs: number | null = null): ServiceSays => ({
  heard: false,
  why: 'timeout',
  status: null,
  requestDigest: 'd',
  retryAfterMs,
});

/** An asker whose pauses pass at once, and whose service answers when it is told to. */
function house() {
  const closing = new AbortController();
  const asked: ServiceQuestion[] = [];
  const answers: ((said: ServiceSays) => void)[] = [];
  const handed: (NewInput & { readonly executionId: string })[] = [];
  const pauses: number[] = [];
  const bugs: unknown[] = [];
  const lease = { processId: 'p1', holds: true };
  let looks = 0;
  let now = 0;
  const asker = createAsker(
    {
      approvers: {
        ask: (question) => {
          asked.push(question);
          return new Promise((resolve) => answers.push(resolve));
        },
      },
      members: {
        get processId() {
          return lease.processId;
        },
        holds: () => lease.holds,
        beat: async () => {
          lease.holds = true;
        },
        withTarget: (_target, work) => work(),
      },
      machine: {
        turn: async () => undefined,
        sleep: async (ms) => {
          pauses.push(ms);
          now += ms;
        },
        after: () => () => undefined,
      },
      clock: { monotonic: () => now },
      closing: closing.signal,
      onBug: (thrown) => bugs.push(thrown),
    },
    {
      hand: async (executionId, input) => void handed.push({ ...input, executionId }),
      lookAgain: () => {
        looks += 1;
      },
    },
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return {
    asker,
    asked,
    handed,
    pauses,
    bugs,
    lease,
    closing,
    turn,
    looks: () => looks,
    pass: (ms: number) => {
      now += ms;
    },
    async answer(said: ServiceSays) {
      await turn();
      const next = answers.shift();
      if (next === undefined) throw new Error('nobody is asked');
      next(said);
      await turn();
    },
  };
}

describe('the asker', () => {
  it('hands in what the service said, with how it was asked', async () => {
    const { asker, answer, handed, asked, pass, turn } = house();
    asker.launch('exe_1', effect());
    expect(asker.isUnderWay('exe_1', 'ask:apr_1:soar')).toBe(true);
    await turn();
    pass(70);
    await answer(YES);
    expect(asked).toMatchObject([{ key: 'key of apr_1', service: 'soar' }]);
    const reply = { answer: 'approved', why: null, status: 200, tries: 1, durationMs: 70, requestDigest: 'd' };
    expect(handed).toEqual([
      { executionId: 'exe_1', type: 'service_answer', approvalId: 'apr_1', service: 'soar', intentHash: 'h', reply },
    ]);
    expect([asker.inFlight, asker.isUnderWay('exe_1', 'ask:apr_1:soar')]).toEqual([0, false]);
  });

  it('asks again who did not answer, so often and no more, under the same key', async () => {
    const { asker, answer, handed, asked, pauses } = house();
    asker.launch('exe_1', effect());
    await answer(unheard());
    await answer(unheard(5_000));
    await answer(unheard(900_000));
    expect(asked.map(({ key }) => key)).toEqual(Array.from({ length: MAX_TRIES }, () => 'key of apr_1'));
    expect(pauses).toEqual([2_000, 5_000]);
    expect(handed).toMatchObject([{ reply: { answer: 'none', why: 'timeout', tries: MAX_TRIES, durationMs: 7_000 } }]);
  });

  it('waits no longer than half a minute, whatever the service asks for', async () => {
    const { asker, answer, pauses } = house();
    asker.launch('exe_1', effect());
    await answer(unheard(900_000));
    expect(pauses).toEqual([30_000]);
  });

  it('does not repeat an answer that is none', async () => {
    const { asker, answer, handed, asked } = house();
    asker.launch('exe_1', effect());
    await answer({ heard: true, answer: 'none', why: 'not_json', status: 200, requestDigest: 'd' });
    expect(asked).toHaveLength(1);
    expect(handed).toMatchObject([{ reply: { answer: 'none', why: 'not_json', tries: 1 } }]);
  });

  it('asks nobody twice at a time', async () => {
    const { asker, asked, turn } = house();
    asker.launch('exe_1', effect());
    asker.launch('exe_1', effect());
    await turn();
    expect([asked.length, asker.inFlight]).toEqual([1, 1]);
  });

  it('lets nothing be asked by a process that was taken for dead', async () => {
    const { asker, asked, handed, lease, answer, turn, looks, bugs } = house();
    asker.launch('exe_1', effect());
    await turn();
    lease.processId = 'p2';
    await answer(unheard());
    // Another process holds it by now: no second try from here, and no answer.
    expect([asked.length, handed.length, asker.inFlight]).toEqual([1, 0, 0]);
    expect(looks()).toBe(1);
    expect(bugs).toEqual([]);
  });

  it('leaves a question that is cut off by the end of the process to the next one', async () => {
    const { asker, handed, closing, answer, bugs } = house();
    asker.launch('exe_1', effect());
    closing.abort(new Error('closing'));
    await answer(unheard());
    expect([handed, bugs, asker.inFlight]).toEqual([[], [], 0]);
  });

  it('gives up questions that a slow service keeps waiting, so that people decide', async () => {
    const { asker, asked, answer, handed, turn, pass } = house();
    for (let number = 0; number < 40; number += 1) asker.launch('exe_1', effect(`apr_${number}`));
    asker.launch('exe_1', effect('apr_0', 'board'));
    await turn();
    // Each service has places of its own.
    expect(asked.filter(({ service }) => service === 'soar')).toHaveLength(16);
    expect(asked.filter(({ service }) => service === 'board')).toHaveLength(1);
    pass(120_001);
    await answer(YES);
    const late = handed.filter((each) => each.type === 'service_answer' && each.reply.why === 'too_many_questions');
    expect(late).toHaveLength(24);
    expect(asked).toHaveLength(17);
  });

  it('keeps so many in memory, and looks for the others when there is room', async () => {
    const { asker, turn, looks, answer, pass } = house();
    for (let number = 0; number < 1_200; number += 1) asker.launch('exe_1', effect(`apr_${number}`));
    await turn();
    expect(asker.inFlight).toBe(1_000);
    expect(looks()).toBe(0);
    pass(120_001);
    await answer(YES);
    expect(asker.inFlight).toBeLessThan(500);
    expect(looks()).toBe(1);
  });
});
