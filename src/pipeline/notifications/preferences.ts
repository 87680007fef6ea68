import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { NOTICE_KINDS, type NoticeKind } from './contract.ts';

const PREFERENCES = z.strictObject({ email: z.array(z.enum(NOTICE_KINDS)).max(NOTICE_KINDS.length) });

/** What a person wants to hear by mail. In-app everything is kept: nobody can make themself unreachable. */
export type Preferences = Readonly<z.infer<typeof PREFERENCES>>;

/** Before anybody chose. */
export const ALL_BY_MAIL: Preferences = { email: [...NOTICE_KINDS] };

/** Name of the stream of a person's preferences. */
export function preferenceStream(userId: string): string {
  return `preference/${userId}`;
}

/** Preferences from a JSON value; or all faults, each with a pointer. */
export function readPreferences(value: unknown): Preferences | { readonly faults: readonly Fault[] } {
  const parsed = PREFERENCES.safeParse(value);
  if (parsed.success) return { email: [...new Set(parsed.data.email)].sort() };
  const faults = parsed.error.issues.map(({ path, message }) => ({
    pointer: `/${path.map(String).join('/')}`,
    detail: message,
  }));
  return { faults };
}

/** Whether a stored row lets mail of this kind through; absent: everything. */
export function wantsByMail(body: unknown, kind: NoticeKind): boolean {
  const stored = z.looseObject({ preferences: PREFERENCES }).safeParse(body);
  return !stored.success || stored.data.preferences.email.includes(kind);
}
