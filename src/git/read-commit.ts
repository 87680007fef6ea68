import { printable } from '../platform/printable.ts';
import type { HISTORIES, SIGNATURE_STATES } from '../pipeline/runbooks/sync/runbook-set.ts';
import type { OwnCopy } from './own-copy.ts';
import { gitFault } from './run-git.ts';

/** How the commit follows the one that is in force: what was there before is still there, or it is not. */
export type History = (typeof HISTORIES)[number];

/** `unknown_key`: it is signed, and nobody here says by whom. */
type SignatureState = (typeof SIGNATURE_STATES)[number];

export interface CommitSignature {
  readonly state: SignatureState;
  /** Who signed, as the allowed signers or the key say it; null where nobody says. */
  readonly signer: string | null;
  /** Fingerprint of the key; null where there is none. */
  readonly key: string | null;
}

export interface CommitAuthor {
  readonly name: string;
  readonly email: string;
}

export interface CommitFacts {
  readonly commitId: string;
  readonly author: CommitAuthor;
  /** RFC 3339 in UTC. */
  readonly committedAt: string;
}

/** Longest name, address or fingerprint that is kept, in UTF-16 units. */
const MAX_WORD = 254;

/** The commit that a ref leads to, also where that is a tag. @throws FirebreakError `invalid_request` */
export async function commitOf(copy: OwnCopy, ref: string): Promise<string> {
  const answer = await copy.must('There is no commit', [
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${ref}^{commit}`,
  ]);
  return answer.toString('latin1').trim();
}

/** Who made the commit, or the last one up to it that changed `path`. */
export async function factsOf(copy: OwnCopy, commitId: string, path: string | null): Promise<CommitFacts> {
  const format = '--format=%H%x00%an%x00%ae%x00%ct';
  const place = path === null ? [] : [path];
  const answer = await copy.must('The commit cannot be read', [
    'log',
    '-1',
    '--no-show-signature',
    format,
    commitId,
    '--',
    ...place,
  ]);
  const [id = '', name = '', email = '', seconds = ''] = answer.toString('utf8').trimEnd().split('\0');
  if (id === '') throw gitFault(`No commit changed ${printable(path ?? '')}`);
  return { commitId: id, author: { name: word(name), email: word(email) }, committedAt: timeOf(seconds) };
}

/** @param allowedSigners file of `ssh-keygen`, which says whose keys count; null: none count, but those that gpg trusts */
export async function signatureOf(
  copy: OwnCopy,
  commitId: string,
  allowedSigners: string | null,
): Promise<CommitSignature> {
  const raw = await copy.must('The commit cannot be read', ['cat-file', 'commit', commitId]);
  const header = raw.subarray(0, Math.max(raw.indexOf('\n\n'), 0)).toString('latin1');
  if (!/^gpgsig(?:-sha256)? /m.test(header)) return { state: 'unsigned', signer: null, key: null };
  const signers = allowedSigners === null ? [] : ['-c', `gpg.ssh.allowedSignersFile=${allowedSigners}`];
  const verify = [...signers, '-c', 'gpg.program=gpg', '-c', 'gpg.ssh.program=ssh-keygen'];
  const answer = await copy.must('The signature cannot be looked at', [
    ...verify,
    'log',
    '-1',
    '--no-show-signature',
    '--format=%G?%x00%GS%x00%GF%x00%GK',
    commitId,
    '--',
  ]);
  const [letter = '', signer = '', fingerprint = '', key = ''] = answer.toString('utf8').trimEnd().split('\0');
  return { state: STATES[letter] ?? 'unknown_key', signer: wordOrNone(signer), key: wordOrNone(fingerprint || key) };
}

/** Letters of `%G?`: what is expired or revoked does not count as good. Others are keys that nobody vouches for. */
const STATES: Readonly<Record<string, SignatureState>> = { G: 'good', B: 'bad', X: 'bad', Y: 'bad', R: 'bad' };

/**
 * How `commitId` follows `previous`. `unknown` where the history ends before it could be told: a shallow clone.
 * @throws FirebreakError `invalid_request`
 */
export async function historyOf(copy: OwnCopy, commitId: string, previous: string | null): Promise<History> {
  if (previous === null) return 'first';
  if (previous === commitId) return 'same';
  if (await isAncestor(copy, previous, commitId)) return 'ahead';
  const shallow = (await copy.must('The history cannot be read', ['rev-parse', '--is-shallow-repository'])).toString(
    'latin1',
  );
  if (shallow.trim() === 'true') return 'unknown';
  const isThere = await copy.fetch(previous).catch(() => false);
  return isThere && (await isAncestor(copy, commitId, previous)) ? 'older' : 'rewritten';
}

async function isAncestor(copy: OwnCopy, earlier: string, later: string): Promise<boolean> {
  const there = await copy.ask(['cat-file', '-e', `${earlier}^{commit}`]);
  if (there.code !== 0) return false;
  const { code, complaint } = await copy.ask(['merge-base', '--is-ancestor', earlier, later]);
  if (code > 1) throw gitFault(`The history cannot be read: ${complaint}`);
  return code === 0;
}

function timeOf(seconds: string): string {
  const at = /^\d{1,11}$/.test(seconds) ? Number(seconds) * 1_000 : 0;
  return new Date(at).toISOString();
}

function word(text: string): string {
  return printable(text.toWellFormed()).trim().slice(0, MAX_WORD).toWellFormed() || 'unknown';
}

function wordOrNone(text: string): string | null {
  return text.trim() === '' ? null : word(text);
}
