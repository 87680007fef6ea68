import { VaultError } from '../pipeline/evidence/vault.ts';

/** Names of files that are laid beside an object. */
const ATTACHED = /^[A-Za-z0-9][A-Za-z0-9._-]{0,150}_meta\.json$/;

/** @throws VaultError `missing` for a name that no such file may have. */
export function requireAttachedName(fileName: string): void {
  if (!ATTACHED.test(fileName)) throw new VaultError('missing', 'That is no name of a file beside evidence');
}
