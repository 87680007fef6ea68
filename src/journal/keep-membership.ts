import type { Machine } from '../platform/machine.ts';
import { BEAT_MS, type Membership } from './membership.ts';

/** How often a process looks for what nobody living holds, in ms: a commit of a process that performs nothing waits this long at most. */
const CLAIM_MS = 100;

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
  const { members, takeOver } = ports;
  // Two loops: a take-over that lasts must not keep this process from saying that it lives.
  await Promise.all([
    repeat(ports, BEAT_MS, () => members.beat()),
    takeOver === null ? undefined : repeat(ports, CLAIM_MS, takeOver),
  ]);
}

async function repeat({ machine, closing, onError }: MembershipPorts, everyMs: number, work: () => Promise<void>) {
  while (!closing.aborted) {
    await work().catch((thrown: unknown) => {
      if (!closing.aborted) onError(thrown);
    });
    await machine.sleep(everyMs, closing);
  }
}
