import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { canonicalAccount } from '../access/identities.ts';

/** Most protected identities: they stand in every plan, and more than these are no exceptions any more. */
const MAX_PROTECTED = 500;
/** Longest id, in UTF-16 units: an LDAP distinguished name fits. */
const MAX_ID_LENGTH = 512;

const DOCUMENT = z.strictObject({
  identities: z
    .array(
      z.strictObject({
        id: z.string().max(MAX_ID_LENGTH).transform(canonicalAccount).pipe(z.string().min(1, 'is empty')),
        reason: z.string().trim().min(1).max(MAX_TEXT_LENGTH),
      }),
    )
    .max(MAX_PROTECTED),
});

/** Accounts that nothing contains without a person: break-glass accounts, those that Firebreak itself signs in with. */
export type ProtectedIdentities = Readonly<z.infer<typeof DOCUMENT>>;

export const NOBODY_PROTECTED: ProtectedIdentities = { identities: [] };

/** The list from a JSON value, ids in canonical form and in their order; or all faults, each with a pointer. */
export function readProtectedIdentities(value: unknown): ProtectedIdentities | { readonly faults: readonly Fault[] } {
  const parsed = DOCUMENT.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.map(String).join('/')}`,
      detail: message,
    }));
    return { faults };
  }
  const seen = new Set<string>();
  const faults: Fault[] = [];
  for (const [index, { id }] of parsed.data.identities.entries()) {
    if (seen.has(id)) faults.push({ pointer: `/identities/${index}/id`, detail: `${id} stands here twice.` });
    seen.add(id);
  }
  if (faults.length > 0) return { faults };
  return { identities: [...parsed.data.identities].sort((left, right) => (left.id < right.id ? -1 : 1)) };
}
