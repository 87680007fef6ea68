import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (how: { readonly type: 'minor' }) => void;

let collect: Collect | null | undefined;

/**
 * Has the engine give back what became garbage just now, which takes it about a millisecond. For whoever lets much memory outside of the
 * heap pass by, as pieces of a request are: the engine holds them against the heap, keeps up to 32 MiB of them, and goes through all that lives
 * again and again because it takes them for growth. Collecting 2 GiB of evidence took half as long again, and 25 MiB more.
 * @returns false where the engine has no such door; nothing depends on it
 */
export function collectYoung(): boolean {
  collect ??= found();
  collect?.({ type: 'minor' });
  return collect !== null;
}

/** The engine hands its collector out to programs that ask for it when a context begins. */
function found(): Collect | null {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? (gc as Collect) : null; // as V8 has it
}
