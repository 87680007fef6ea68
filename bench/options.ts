import type { Workshop } from './children.ts';

/** Where the product and *bare* keep what they keep. */
export type StoreKind = 'sqlite' | 'postgres';

/** What is asked for on the command line. */
export interface BenchOptions {
  /** Measured time of each variant at each level, and the time before it that does not count. */
  readonly seconds: number;
  readonly warmup: number;
  /** The compiled server. */
  readonly program: string;
  /** Directory for a CPU profile of the server, or null. */
  readonly profileDir: string | null;
  readonly db: StoreKind;
  /** Executions that wait, in `waiting`. */
  readonly count: number;
  /** Artefacts of `evidence`, in MiB. */
  readonly sizesMiB: readonly number[];
  /** How long the server of `evidence` is left alone after its start, in seconds. */
  readonly settle: number;
}

/** One run. @throws CannotRunError where something is missing on this machine; Error when the product did wrong. */
export type Bench = (workshop: Workshop, options: BenchOptions) => Promise<Record<string, unknown>>;

/** Something that a bench needs is not on this machine. Nothing is wrong with the product. */
export class CannotRunError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'CannotRunError';
  }
}
