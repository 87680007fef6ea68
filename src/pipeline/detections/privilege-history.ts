import type { BaseObservation } from './detector.ts';
import type { Operation } from './privilege-operations.ts';

/** Devices of one person that are remembered (own; people have a handful). */
const MAX_DEVICES = 32;

/** A first day must have passed before repeating an operation makes it usual (own). */
const USUAL_AGE_MS = 86_400_000;

export interface PrivilegeObservation extends BaseObservation {
  /** What this person did, or null. */
  readonly operation: Operation | null;
  /** True when this person's second factor was removed, reset or added. */
  readonly factorChanged: boolean;
  /** Device of this person's successful sign-in, or null. */
  readonly device: string | null;
  /** Who or what it was done to, for the sentence. */
  readonly target: string;
  /** Its own id, for an answer that acts on it; empty when the event names none. */
  readonly targetId: string;
  readonly ip: string | null;
}

/** What is known of one person, as of a few minutes before the event that is judged. */
export interface PrivilegeHistory {
  readonly firstTime: number | null;
  readonly operations: readonly OperationHistory[];
  /** Device ids in order of last use. */
  readonly devices: readonly string[];
}

interface OperationHistory {
  readonly operation: Operation;
  readonly count: number;
  readonly firstTime: number;
}

export const EMPTY_PRIVILEGE_HISTORY: PrivilegeHistory = { firstTime: null, operations: [], devices: [] };

/** Folds one observation into the history of its person. */
export function foldHistory(history: PrivilegeHistory, observation: PrivilegeObservation): PrivilegeHistory {
  const { operation, device, time } = observation;
  const known = history.operations.find((each) => each.operation === operation);
  const others = history.operations.filter((each) => each.operation !== operation);
  return {
    firstTime: history.firstTime ?? time,
    operations:
      operation === null
        ? history.operations
        : [...others, { operation, count: (known?.count ?? 0) + 1, firstTime: known?.firstTime ?? time }],
    devices:
      device === null
        ? history.devices
        : [...history.devices.filter((each) => each !== device), device].slice(-MAX_DEVICES),
  };
}

/** True while too little is known of the person to call anything unusual. */
export function isLearning(history: PrivilegeHistory, time: number, learningDays: number): boolean {
  return history.firstTime === null || time - history.firstTime < learningDays * 86_400_000;
}

/** True when the person does this regularly: often enough, and not only since today. */
export function isUsual(history: PrivilegeHistory, operation: Operation, time: number, usualCount: number): boolean {
  const known = history.operations.find((each) => each.operation === operation);
  return known !== undefined && known.count >= usualCount && time - known.firstTime >= USUAL_AGE_MS;
}

/** True for a device that this person was never seen with, once any device of theirs is known. */
export function isNewDevice(history: PrivilegeHistory, device: string): boolean {
  return history.devices.length > 0 && !history.devices.includes(device);
}
