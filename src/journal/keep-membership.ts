import type { Machine } from '../platform/machine.ts';
import { BEAT_MS, type Membership } from './membership.ts';

/** How often a process looks for what nobody living holds, in ms: a commit of a process that performs nothing waits this long at most. */
const CLAIM_MS = 100;

/**
 * Shortest time from one look to the next that a hint asks for, in ms: a look asks on the connection on which this
 * process also says that it lives and takes its targets, and under load it finds more the longer it waits.
 */
const HINTED_MS = 20;

export interface MembershipPorts {
  readonly members: Membership;
  readonly machine: Machine;
  readonly closing: AbortSignal;
  /** Null in a process that performs nothing. */
  readonly takeOver: (() => Promise<void>) | null;
  onError(thrown: unknown): void;
}

/** Says that this process lives, and goes on with what others left behind, until `closing`. */
export async function keepMembership(ports: MembershipPorts): Promise<void> {
  const { members, machine, closing, takeOver } = ports;
  // Loops of their own: a take-over that lasts must not keep this process from saying that it lives.
  const loops = [
    repeat(
      ports,
      () => members.beat(),
      () => machine.sleep(BEAT_MS, closing),
    ),
  ];
  if (takeOver !== null && members.listen === undefined)
    loops.push(repeat(ports, takeOver, () => machine.sleep(CLAIM_MS, closing)));
  else if (takeOver !== null && members.listen !== undefined) {
    const { ring, pause } = hintedPause(machine, closing);
    loops.push(repeat(ports, takeOver, pause), members.listen(ring, closing));
  }
  await Promise.all(loops);
}

/** As long as the pause between two looks, unless somebody rings: a ring during the look before counts. */
function hintedPause(machine: Machine, closing: AbortSignal) {
  let rung = false;
  let awake = new AbortController();
  const ring = (): void => {
    rung = true;
    awake.abort();
  };
  closing.addEventListener('abort', ring, { once: true });
  return {
    ring,
    async pause(): Promise<void> {
      await machine.sleep(HINTED_MS, closing);
      awake = new AbortController();
      if (!rung) await machine.sleep(CLAIM_MS - HINTED_MS, awake.signal);
      rung = false;
    },
  };
}

async function repeat(
  { closing, onError }: MembershipPorts,
  work: () => Promise<void>,
  pause: () => Promise<void>,
): Promise<void> {
  while (!closing.aborted) {
    await work().catch((thrown: unknown) => {
      if (!closing.aborted) onError(thrown);
    });
    await pause();
  }
}
