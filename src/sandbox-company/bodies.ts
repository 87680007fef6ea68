import { z } from 'zod';
import { addressClass, canonicalAddress } from '../platform/address-class.ts';
import { LIMITS, Refusal } from './company.ts';

/** The shapes of request bodies. Unknown members are refused everywhere. */

const name = z.string().min(1).max(200);
const text = z.string().max(LIMITS.text);
const lifetime = z.int().min(1_000).max(LIMITS.lifetimeMs);
const country = z.string().regex(/^[A-Z]{2}$/);
const countries = z.array(country).min(1).max(250);
const owner = z.string().min(1).max(200).nullable();
const ip = z.string().refine((value) => canonicalAddress(value) === value, 'is not a plainly written IP address');
const listableIp = ip.refine((value) => {
  const kind = addressClass(value);
  return kind !== 'loopback' && kind !== 'linklocal' && kind !== 'metadata' && kind !== 'reserved';
}, 'is an address that no list of ours may hold');

const bytes = z.int().min(0).max(LIMITS.imageBytes);
const filePath = z
  .string()
  .max(1_000)
  .regex(/^\/[^\0]*$/, 'is not an absolute path');

export const BODIES = {
  empty: z.strictObject({}),
  suspend: z.strictObject({ reason: text.optional() }),
  signIn: z.strictObject({ ip, country, deviceId: name.nullable().default(null) }),
  selectTokens: z.strictObject({
    ip: ip.optional(),
    sessionIds: z.array(name).min(1).max(200).optional(),
    tokenIds: z.array(name).min(1).max(200).optional(),
  }),
  passwordReset: z.strictObject({ sendEmail: z.boolean().default(true) }),
  selectDevices: z.strictObject({ deviceIds: z.array(name).min(1).max(200).optional() }),
  enrolDevice: z.strictObject({ name }),
  geoLock: z.strictObject({
    allowedCountries: countries.optional(),
    expiresInMs: lifetime.nullable().optional(),
    expiresAt: z.int().nullable().optional(),
    owner: owner.optional(),
  }),
  logging: z.strictObject({
    expiresInMs: lifetime.nullable().optional(),
    expiresAt: z.int().nullable().optional(),
    owner: owner.optional(),
  }),
  grant: z.strictObject({ name, grantedBy: name }),
  actionBlock: z.strictObject({ privilege: name.nullable().default(null) }),
  challenge: z.strictObject({
    type: z.enum(['EMAIL_OTP', 'IN_APP_OTP']),
    expiresInMs: z
      .int()
      .min(1_000)
      .max(24 * 3_600_000),
  }),
  answer: z.strictObject({ code: z.string().max(64) }),
  notification: z.strictObject({ title: z.string().min(1).max(200), text, sendEmail: z.boolean() }),
  message: z.strictObject({
    subject: z.string().min(1).max(200),
    text,
    kind: z.enum(['notification', 'escalation', 'other']).default('other'),
  }),
  ipList: z.strictObject({
    entries: z
      .array(
        z.strictObject({
          ip: listableIp,
          list: z.enum(['deny', 'allow']),
          owner,
          reason: z.string().max(500),
          addedAt: z.int(),
          expiresAt: z.int().nullable(),
        }),
      )
      .max(LIMITS.ipEntries),
  }),
  isolate: z.strictObject({ reason: text.optional() }),
  connect: z.strictObject({ from: z.enum(['management', 'segment', 'outside']) }),
  clock: z.strictObject({ now: z.int().min(0) }),
  seed: z.strictObject({
    reset: z.boolean().default(false),
    users: z
      .array(
        z.strictObject({
          id: name,
          mail: name.optional(),
          name: name.optional(),
          homeCountry: country.default('DE'),
          roles: z.array(name).max(20).default([]),
          privileges: z.array(name).max(50).default([]),
          devices: z.array(name).max(20).default([]),
          sessions: z
            .array(z.strictObject({ ip, country, deviceId: name.nullable().default(null) }))
            .max(20)
            .default([]),
        }),
      )
      .max(LIMITS.users)
      .default([]),
    segments: z
      .array(z.strictObject({ id: name }))
      .max(LIMITS.hosts)
      .default([]),
    hosts: z
      .array(
        z.strictObject({
          id: name,
          segmentId: name,
          diskBytes: bytes.default(1024 * 1024),
          memoryBytes: bytes.default(256 * 1024),
          files: z
            .array(z.strictObject({ path: filePath, size: bytes.optional(), text: text.optional() }))
            .max(LIMITS.filesPerHost)
            .default([]),
        }),
      )
      .max(LIMITS.hosts)
      .default([]),
  }),
} as const;

export type SeedUser = z.infer<typeof BODIES.seed>['users'][number];
export type SeedSegment = z.infer<typeof BODIES.seed>['segments'][number];
export type SeedHost = z.infer<typeof BODIES.seed>['hosts'][number];

/** The body in its shape. @throws Refusal 400 that names the first wrong member */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refusal(
    400,
    'invalid_body',
    issue?.message ?? 'wrong shape',
    `/${(issue?.path ?? []).map(String).join('/')}`,
  );
}
