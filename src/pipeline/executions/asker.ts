import type { Clock } from '../../platform/clock.ts';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import type { Machine } from '../../platform/machine.ts';
import type { ServiceReply } from '../approvals/external-approver.ts';
import { NOT_CONFIGURED, type ExternalApprovers, type ServiceSays } from '../approvals/service-contract.ts';
import { requireStillHeld, type CallPorts } from './call-target.ts';
import type { AskEffect } from './core/demands.ts';
import type { NewInput } from './core/inputs.ts';
import { HoldLost } from './hold-lost.ts';

/** Questions in memory at one time; the others wait in their queue on disk. */
const MAX_ASKED = 1_000;
/** Questions to one service at the same time. */
const MAX_ASKED_PER_SERVICE = 16;
/** How long a question waits for its turn, in ms of machine time: when a service does not keep up, people decide without it. */
const MAX_TURN_MS = 120_000;
/** How often a service is asked that does not answer. With the usual 30 s for each, a request waits less than two minutes for it. */
export const MAX_TRIES = 3;
/** Pause before it is asked again, in ms of machine time; doubles. */
const FIRST_PAUSE_MS = 2_000;
/** Longest pause that a service can ask for, in ms: people wait for its answer. */
const MAX_PAUSE_MS = 30_000;

export interface AskerPorts {
  /** Absent: no service is configured. */
  readonly approvers?: Pick<ExternalApprovers, 'ask'>;
  readonly members: CallPorts['members'];
  readonly machine: Machine;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly closing: AbortSignal;
  /** Told of questions that failed in a way only a bug explains. */
  onBug(thrown: unknown, effect: AskEffect): void;
}

/** Asks services outside. Their slowness holds up nothing but the approvals that name them. */
export interface Asker {
  /** Begins a question whose demand is on disk. Never throws. */
  launch(executionId: string, effect: AskEffect): void;
  readonly inFlight: number;
  isUnderWay(executionId: string, effectName: string): boolean;
}

export interface AskerReports {
  /** Takes the answer, once it is on disk. */
  hand(executionId: string, input: NewInput): Promise<void>;
  /** Looks up what is owed and was not begun. */
  lookAgain(): void;
}

/**
 * Whoever holds the effect asks, one question at a time for each approval and service; a process that dies leaves it to the next one,
 * which asks again under the same key. What was said counts whoever heard it.
 */
export function createAsker(ports: AskerPorts, { hand, lookAgain }: AskerReports): Asker {
  const services = keyedSemaphore(MAX_ASKED_PER_SERVICE);
  const underWay = new Set<string>();
  let lookOwed = false;

  async function ask(effect: AskEffect, holder: string): Promise<ServiceReply> {
    const { approvers, machine, clock, closing } = ports;
    const begunAt = clock.monotonic();
    for (let tries = 1; ; tries += 1) {
      await requireStillHeld(ports, holder);
      const said: ServiceSays = (await approvers?.ask(effect, closing)) ?? NOT_CONFIGURED;
      // What was cut off because this process ends is asked by the next one.
      closing.throwIfAborted();
      const { why, status, requestDigest } = said;
      const durationMs = Math.max(0, Math.round(clock.monotonic() - begunAt));
      if (said.heard) return { answer: said.answer, why, status, tries, durationMs, requestDigest };
      if (tries >= MAX_TRIES) return { answer: 'none', why, status, tries, durationMs, requestDigest };
      await machine.sleep(pauseMs(tries, said.retryAfterMs), closing);
      closing.throwIfAborted();
    }
  }

  async function run(executionId: string, effect: AskEffect, holder: string): Promise<void> {
    const { approvalId, service, intentHash } = effect;
    const launchedAt = ports.clock.monotonic();
    const reply = await services.run(service, async () => {
      const isLate = ports.clock.monotonic() - launchedAt > MAX_TURN_MS;
      return isLate ? NO_TURN : ask(effect, holder);
    });
    await hand(executionId, { type: 'service_answer', approvalId, service, intentHash, reply });
  }

  function over(name: string): void {
    underWay.delete(name);
    if (!lookOwed || underWay.size > MAX_ASKED >> 1) return;
    lookOwed = false;
    lookAgain();
  }

  return {
    get inFlight() {
      return underWay.size;
    },
    isUnderWay: (executionId, name) => underWay.has(nameOf(executionId, name)),
    launch(executionId, effect) {
      const name = nameOf(executionId, effect.name);
      if (underWay.has(name)) return;
      if (underWay.size >= MAX_ASKED) {
        lookOwed = true;
        return;
      }
      underWay.add(name);
      run(executionId, effect, ports.members.processId)
        .catch((thrown: unknown) => {
          if (thrown instanceof HoldLost) lookOwed = true;
          else if (!ports.closing.aborted) ports.onBug(thrown, effect);
        })
        .finally(() => over(name));
    },
  };
}

const NO_TURN: ServiceReply = {
  answer: 'none',
  why: 'too_many_questions',
  status: null,
  tries: 0,
  durationMs: 0,
  requestDigest: null,
};

function pauseMs(tries: number, retryAfterMs: number | null): number {
  let pause = FIRST_PAUSE_MS;
  for (let time = 1; time < tries; time += 1) pause *= 2;
  return Math.min(MAX_PAUSE_MS, Math.max(pause, retryAfterMs ?? 0));
}

function nameOf(executionId: string, effectName: string): string {
  return `${executionId}\n${effectName}`;
}
