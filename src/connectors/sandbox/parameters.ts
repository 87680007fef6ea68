import { z } from 'zod';
import { pathFault } from '../../platform/artifact-path.ts';

/**
 * Parameters of the sandbox actions. Unknown members are refused; everything has a default where a sensible one
 * exists. Parsing what was parsed gives the same again, so that it does no harm to do it twice.
 */

/** Longest text that a playbook or an event field may bring, in characters. */
const MAX_TEXT = 64 * 1024;
/** What is kept of a title: mail readers show less. */
const MAX_TITLE = 200;
/** What is kept of a message. */
const MAX_MESSAGE = 4_000;

/**
 * Text for one line. Event fields flow in here, so line breaks and other control characters become spaces (a break
 * would add mail headers), what is too long is cut, and what nothing is left of gets a stand-in: a hostile field
 * must not be able to stop the notice.
 */
const line = z
  .string()
  .min(1)
  .max(MAX_TEXT)
  .transform((text) => cut(text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' '), MAX_TITLE) || '(no title)');

/** Text of several lines; control characters other than line breaks and tabs become spaces. */
const paragraph = z
  .string()
  .max(MAX_TEXT)
  .transform((text) => cut(text.replace(/[^\P{Cc}\n\t]+/gu, ' '), MAX_MESSAGE));

function cut(text: string, length: number): string {
  return text.trim().slice(0, length).toWellFormed().trim();
}

/** A number, also as a template delivers it: a string of digits. */
function wholeNumber(minimum: number, maximum: number): z.ZodType<number> {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^[0-9]{1,9}$/.test(value) ? Number(value) : value),
    z.int().min(minimum).max(maximum),
  );
}

/** A truth value, also as a template delivers it. */
const flag = z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean());

/** Minutes until it ends by itself: at most a year. Absent: it stays until it is undone. */
const lifetimeMinutes = wholeNumber(1, 365 * 24 * 60).optional();
const identifier = z.string().min(1).max(200);
const identifiers = z.array(identifier).min(1).max(100);
const reason = line.default('Contained by Firebreak');

/** Files that one action collects; more is an image. */
const MAX_PATHS = 64;
const path = z.string().refine((value) => pathFault(value) === null, {
  error: ({ input }) => pathFault(typeof input === 'string' ? input : '') ?? 'is no path',
});

export const PARAMETERS = {
  withReason: z.strictObject({ reason }),
  preserveArtifacts: z.strictObject({ paths: z.array(path).min(1).max(MAX_PATHS) }),
  stepUpChallenge: z.strictObject({
    challengeType: z.enum(['EMAIL_OTP', 'IN_APP_OTP']).default('EMAIL_OTP'),
    expirationMinutes: wholeNumber(1, 24 * 60).default(15),
  }),
  selectiveTokenRevoke: z.strictObject({
    /** Tokens issued to this address. */
    ip: identifier.optional(),
    sessionIds: identifiers.optional(),
    tokenIds: identifiers.optional(),
  }),
  none: z.strictObject({}),
  passwordReset: z.strictObject({ sendEmail: flag.default(true) }),
  userNotification: z.strictObject({
    title: line.default('Unusual activity on your account'),
    message: paragraph.default('We saw unusual activity on your account. If it was not you, tell your security team.'),
    sendEmail: flag.default(true),
  }),
  analystEscalation: z.strictObject({
    title: line.default('An incident needs an analyst'),
    message: paragraph.default('An automatic response has reached the point where a person has to look at it.'),
    priority: z.enum(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']).default('HIGH'),
  }),
  /** Without ids: all trusted devices. */
  deviceDeregister: z.strictObject({ deviceIds: identifiers.optional() }),
  ipAllow: z.strictObject({ expirationMinutes: lifetimeMinutes, reason }),
  ipDeny: z.strictObject({
    expirationMinutes: lifetimeMinutes,
    reason,
    /** `{{event.ipNormalised}}`: true when the raw text had to be read leniently; such an address is not blocked. */
    ipNormalised: flag.default(false),
  }),
  geoLock: z.strictObject({
    /** ISO 3166-1 alpha-2. Absent: the user's home country as the directory knows it. */
    allowedCountries: z
      .array(z.string().regex(/^[A-Z]{2}$/, 'is not a two-letter country code in upper case'))
      .min(1)
      .max(250)
      .optional(),
    expirationMinutes: lifetimeMinutes,
  }),
  enhancedLogging: z.strictObject({ expirationMinutes: wholeNumber(1, 365 * 24 * 60).default(24 * 60) }),
  /** The grant to take away; every other privilege of the user is ineffective while the block stands. */
  actionBlock: z.strictObject({ privilege: identifier.optional() }),
} as const;
