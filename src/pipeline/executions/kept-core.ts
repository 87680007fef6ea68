import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { contentHash } from '../../platform/hash.ts';

const BODY = z.strictObject({ format: z.literal('script'), code: z.string() });

/** The code that decides about executions, as an immutable object of a journal: a script that sets `firebreakCore`. */
export interface KeptCore {
  readonly hash: string;
  readonly body: z.infer<typeof BODY>;
}

export function keptCore(code: string): KeptCore {
  const body = { format: 'script', code } as const;
  return { hash: contentHash(body), body };
}

/** The code of a core as a journal keeps it. @throws FirebreakError `conflict` when it is missing or another one. */
export function codeOf(hash: string, body: unknown): string {
  const parsed = BODY.safeParse(body);
  if (parsed.success && contentHash(parsed.data) === hash) return parsed.data.code;
  const what = body === null ? 'is not in the journal' : 'is not what the journal holds under its name';
  throw new FirebreakError('conflict', `The code that decided this (core ${hash}) ${what}: use \`--core current\``);
}
