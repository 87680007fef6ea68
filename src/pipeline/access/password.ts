import { z } from 'zod';
import { contentHash } from '../../platform/hash.ts';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { canonicalAccount } from './identities.ts';
import type { User } from './access.ts';

/** Shortest password, in code points: what NIST SP 800-63B asks for at least is 8, for a password alone 15; OWASP takes 12 as sound. */
export const MIN_PASSWORD_LENGTH = 12;
/** Longest password, in UTF-16 units: a sentence fits, and nobody makes the server hash megabytes. */
export const MAX_PASSWORD_LENGTH = 256;
/** Names shorter than this may stand in a password, in UTF-16 units: `Al` stands in many words. */
const MIN_NAME_LENGTH = 4;
/** A unit of so many characters that is only repeated is no password. */
const MAX_REPEATED_UNIT = 4;

/** A password as stored. The cost stands with it, so that it can be raised. */
export const STORED_PASSWORD = z.strictObject({
  algorithm: z.literal('scrypt'),
  n: z.int(),
  r: z.int(),
  p: z.int(),
  /** Hexadecimal, 16 bytes. */
  salt: z.string(),
  /** Hexadecimal, 32 bytes. */
  key: z.string(),
  setAt: z.int(),
  /** Who made the invitation with which it was first set: that person has seen the invitation, never the password. */
  invitedBy: z.string(),
});
export type StoredPassword = Readonly<z.infer<typeof STORED_PASSWORD>>;

export const INVITATION = z.strictObject({
  /** SHA-256 of the secret, hexadecimal. */
  hash: z.string(),
  issuedBy: z.string(),
  issuedAt: z.int(),
  expiresAt: z.int(),
});
export type Invitation = Readonly<z.infer<typeof INVITATION>>;

/** What proves a person here without a key: a password, an invitation to set one, or both. */
export const CREDENTIAL = z.strictObject({
  userId: z.string(),
  password: STORED_PASSWORD.nullable(),
  invitation: INVITATION.nullable(),
});
export type Credential = Readonly<z.infer<typeof CREDENTIAL>>;

/** The same without anything from which a password could be guessed. */
export const RECORDED_CREDENTIAL = z.strictObject({
  userId: z.string(),
  password: z.strictObject({ digest: z.string(), setAt: z.int(), invitedBy: z.string() }).nullable(),
  invitation: INVITATION.nullable(),
});
export type RecordedCredential = Readonly<z.infer<typeof RECORDED_CREDENTIAL>>;

/**
 * What the record says of a credential. Records are exported, archived and kept for ever; whoever reads them should get
 * nothing to guess passwords from. The digest covers the salt, which stands in the row only, so that a row that was
 * changed does not fit and nobody can try passwords against it.
 */
export function recordedCredential({ userId, password, invitation }: Credential): RecordedCredential {
  if (password === null) return { userId, password, invitation };
  const { setAt, invitedBy } = password;
  return { userId, password: { digest: contentHash(password), setAt, invitedBy }, invitation };
}

/** Passwords are compared in one form, however the keyboard wrote them (NIST SP 800-63B asks for NFKC or NFKD). */
export function normalisedPassword(password: string): string {
  return password.normalize('NFKC');
}

/** @throws FirebreakError `weak_password` saying what is wrong with it as a password of `user`. */
export function requireSoundPassword(password: string, user: Pick<User, 'name' | 'email'>, pointer: string): void {
  const faults = faultsOf(password, user).map((detail): Fault => ({ pointer, detail }));
  if (faults.length > 0) throw new FirebreakError('weak_password', `This password ${faults[0]?.detail}`, faults);
}

function faultsOf(password: string, { name, email }: Pick<User, 'name' | 'email'>): readonly string[] {
  if (password.length > MAX_PASSWORD_LENGTH) return [`must be at most ${MAX_PASSWORD_LENGTH} characters`];
  if (!password.isWellFormed()) return ['holds a lone surrogate'];
  const text = normalisedPassword(password);
  if (Array.from(text).length < MIN_PASSWORD_LENGTH) return [`must be at least ${MIN_PASSWORD_LENGTH} characters`];
  const lower = canonicalAccount(text);
  const own = [name, email ?? '', email?.split('@')[0] ?? ''].map(canonicalAccount);
  if (own.some((each) => each.length >= MIN_NAME_LENGTH && lower.includes(each))) {
    return ['holds your own name or email address'];
  }
  if (COMMON.has(lower)) return ['is one of the commonest'];
  if (isRepeated(lower)) return ['only repeats a few characters'];
  return [];
}

function isRepeated(text: string): boolean {
  for (let unit = 1; unit <= MAX_REPEATED_UNIT; unit += 1) {
    const once = text.slice(0, unit);
    if (once.repeat(Math.ceil(text.length / unit)).slice(0, text.length) === text) return true;
  }
  return false;
}

/** The commonest of twelve characters or more; shorter ones are refused anyway. */
const COMMON: ReadonlySet<string> = new Set([
  '123456789012',
  '1234567890123',
  '12345678901234',
  '123456789012345',
  '1234567890123456',
  '1234567890ab',
  '1234567890abc',
  '0123456789012',
  '987654321012',
  '1q2w3e4r5t6y',
  '1q2w3e4r5t6y7u8i',
  '1qaz2wsx3edc',
  '1qaz2wsx3edc4rfv',
  'qazwsxedcrfv',
  'qwertyuiop12',
  'qwertyuiop123',
  'qwertyuiopasdfghjkl',
  'qwerty123456',
  'qwerty12345678',
  'qwertyuiop[]',
  'asdfghjkl123',
  'zxcvbnm12345',
  'abcdefghijkl',
  'abcdefghijklm',
  'abcdefghijklmnopqrstuvwxyz',
  'abcd12345678',
  'abc123456789',
  'a1b2c3d4e5f6',
  'password1234',
  'password12345',
  'password123456',
  'password123!',
  'password1234!',
  'passwordpassword',
  'p@ssw0rd1234',
  'p@ssword1234',
  'passw0rd1234',
  'changeme1234',
  'changemechangeme',
  'letmein12345',
  'letmeinletmein',
  'welcome12345',
  'welcome123456',
  'administrator',
  'administrator1',
  'admin1234567',
  'admin12345678',
  'adminadminadmin',
  'iloveyou1234',
  'iloveyouforever',
  'sunshine1234',
  'princess1234',
  'football1234',
  'monkey123456',
  'dragon123456',
  'superman1234',
  'trustno1trustno1',
  'correcthorsebatterystaple',
  'correct horse battery staple',
  'firebreak1234',
  'firebreak12345',
  'firebreakfirebreak',
  'incidentresponse',
  'summer2025!!',
  'winter2025!!',
  'summer2026!!',
  'winter2026!!',
]);
