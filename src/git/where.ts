import { isThisMachine } from '../platform/address-class.ts';
import { gitFault } from './run-git.ts';

/** What people say of where runbooks are, checked before git sees any of it. Pure. */

/** Longest name of a branch or a tag, in UTF-16 units. */
const MAX_REF = 250;
/** Longest path or address, in UTF-16 units. */
const MAX_PLACE = 2_000;
// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Where a repository lies: a path of this machine, or an address that git fetches from. */
export interface RepositoryPlace {
  readonly kind: 'path' | 'https' | 'http' | 'ssh';
  readonly place: string;
}

/**
 * A path, `https://`, `ssh://` or `user@host:path`; plain http to this machine only. Refused are all other transports of git
 * (`ext::` runs programs), credentials in the address (they would stand in lists of processes and in records), and control characters.
 * @throws FirebreakError `invalid_request`
 */
export function repositoryPlace(text: string): RepositoryPlace {
  if (text === '' || text.length > MAX_PLACE || CONTROL.test(text) || text.startsWith('-'))
    throw gitFault('The repository is a path, or an https or ssh address');
  if (/^[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:(?![/:])\S+$/.test(text)) return { kind: 'ssh', place: text };
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)) return { kind: 'path', place: text };
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'ssh:' && url.password === '' && !url.hostname.startsWith('-'))
    return { kind: 'ssh', place: text };
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isThisMachine(url.hostname))) {
    if (url.username === '' && url.password === '')
      return { kind: url.protocol === 'https:' ? 'https' : 'http', place: text };
    throw gitFault('The address holds credentials: take them out, and use a credential helper of git');
  }
  throw gitFault(
    'The repository is a path, or an https or ssh address without a password; other transports are refused',
  );
}

/** A branch, a tag, HEAD or a whole commit id, as git allows names. @throws FirebreakError `invalid_request` */
export function gitRef(text: string): string {
  const wellFormed = /^[A-Za-z0-9_][A-Za-z0-9_./+-]*$/.test(text) && !/\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$/.test(text);
  if (wellFormed && text.length <= MAX_REF) return text;
  throw gitFault('ref is a branch, a tag, HEAD or a whole commit id; expressions are not resolved', '/ref');
}

/** A folder inside the repository, `/` between its parts; empty for the whole of it. @throws FirebreakError `invalid_request` */
export function folderInside(text: string): string {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (text.length <= MAX_PLACE && !text.startsWith('/') && !CONTROL.test(text) && !parts.includes('..'))
    return parts.join('/');
  throw gitFault('folder is a path inside the repository, without ".."', '/folder');
}
