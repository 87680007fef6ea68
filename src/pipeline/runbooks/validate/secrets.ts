/** Secrets written in clear, by their known shapes. What is found is never shown. */

/** Shapes of keys, each with the name of what it is. All are linear. */
const SHAPES: readonly (readonly [what: string, shape: RegExp])[] = [
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g],
  ['a Slack token', /\bxox[abeoprs]-[0-9A-Za-z-]{10,250}/g],
  ['a Slack webhook address', /https:\/\/hooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9/_-]{8,200}/g],
  ['a GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b/g],
  ['a GitLab token', /\bglpat-[A-Za-z0-9_-]{20,64}/g],
  ['a Google API key', /\bAIza[0-9A-Za-z_-]{35}/g],
  ['a Stripe key', /\b[rs]k_live_[0-9A-Za-z]{16,128}/g],
  ['a private key', /-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY-----/g],
  ['a JSON web token', /\beyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,500}\.[A-Za-z0-9_-]{10,500}/g],
  ['a password in an address', /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'{}]{1,100}:[^\s/@"'{}]{3,100}@/gi],
];

/** Names of parameters whose text is a secret. */
const SECRET_NAMES =
  /(?:^|_|-)(?:password|passwd|passphrase|secret|api_?key|access_?key|private_?key|auth_?token|access_?token|token|credential|authorization)s?$/i;

export interface FoundSecret {
  readonly what: string;
  readonly offset: number;
  readonly end: number;
}

/** In the whole text, comments too. */
export function secretsIn(text: string): readonly FoundSecret[] {
  return SHAPES.flatMap(([what, shape]) =>
    [...text.matchAll(shape)].map(({ 0: found, index }) => ({ what, offset: index, end: index + found.length })),
  ).sort((left, right) => left.offset - right.offset);
}

/** Whether a parameter of this name holds a secret in clear: not a template, and not empty. */
export function isSecretMember(name: string, value: unknown): boolean {
  const separated = name.replaceAll(/([a-z])([A-Z])/g, '$1_$2');
  if (!SECRET_NAMES.test(separated) || typeof value !== 'string') return false;
  return value.trim() !== '' && !value.includes('{{') && !value.startsWith('secret://');
}

/** A sentence without the secrets that it may repeat. */
export function masked(sentence: string): string {
  let result = sentence;
  for (const { offset, end } of [...secretsIn(sentence)].reverse()) {
    result = `${result.slice(0, offset)}(secret)${result.slice(end)}`;
  }
  return result;
}
