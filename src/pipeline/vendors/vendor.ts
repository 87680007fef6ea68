import { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { canonicalIdentity } from '../events/text.ts';
import { DATA_CLASSES } from '../inventory/asset.ts';
import { ROLES } from '../vocabulary.ts';

export const VENDOR_ID = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'is lower-case letters, digits, dots, dashes');

/** People of a vendor that somebody calls; who needs more calls one of these. */
const MAX_CONTACTS = 50;
/** Clauses of one contract that matter in an incident. */
const MAX_CLAUSES = 50;
/** Vendors and systems that one vendor names itself; the inventory names others. */
const MAX_DEPENDENCIES = 500;
/** Levels of an escalation path: after ten people have been told, an eleventh is no path any more. */
const MAX_LEVELS = 10;
/** Longest delay of a level, in minutes: a week. */
const MAX_DELAY_MINUTES = 7 * 1_440;
/** Longest duty, in hours: a year. */
const MAX_DUTY_HOURS = 366 * 24;

const LINE = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .regex(/^\P{C}*$/u, 'holds a control character');
const NAME = z
  .string()
  .max(512)
  .transform((text) => canonicalIdentity(text) ?? '')
  .pipe(z.string().min(1, 'is empty'));
const HOURS = z.int().min(1).max(MAX_DUTY_HOURS).nullable().default(null);

const VENDOR = z.strictObject({
  name: LINE,
  enabled: z.boolean().default(true),
  /** Other names under which events and the inventory know it. */
  names: z.array(NAME).max(20).default([]),
  contacts: z
    .array(
      z.strictObject({
        name: LINE,
        function: LINE.optional(),
        email: z.email().max(320).optional(),
        phone: LINE.optional(),
        /** When they can be reached, in words. */
        hours: LINE.optional(),
      }),
    )
    .max(MAX_CONTACTS)
    .default([]),
  contract: z
    .strictObject({
      reference: LINE,
      clauses: z
        .array(z.strictObject({ reference: LINE, obligation: LINE }))
        .max(MAX_CLAUSES)
        .default([]),
    })
    .nullable()
    .default(null),
  duties: z
    .strictObject({
      /** Within so many hours they have to tell us of an incident of theirs. */
      theyTellUsWithinHours: HOURS,
      /** Within so many hours we have to tell them of one of ours. */
      weTellThemWithinHours: HOURS,
      reference: LINE.optional(),
    })
    .default({ theyTellUsWithinHours: null, weTellThemWithinHours: null }),
  /** Own people, who are told when an incident touches the vendor; nothing is sent to the vendor. */
  escalation: z
    .array(
      z
        .strictObject({
          afterMinutes: z.int().min(0).max(MAX_DELAY_MINUTES),
          roles: z.array(z.enum(ROLES)).max(ROLES.length).default([]),
          userIds: z.array(z.string().min(1).max(200)).max(50).default([]),
        })
        .refine(({ roles, userIds }) => roles.length + userIds.length > 0, 'names nobody: give roles or userIds'),
    )
    .max(MAX_LEVELS)
    .default([]),
  /** Vendors that this one hangs on itself. */
  dependsOn: z.array(VENDOR_ID).max(MAX_DEPENDENCIES).default([]),
  /** Systems of ours that hang on it, beside those whose entry in the inventory says so. */
  supports: z
    .array(z.strictObject({ type: z.enum(['user', 'host', 'segment', 'ip']), id: NAME }))
    .max(MAX_DEPENDENCIES)
    .default([]),
  /** Our data that it holds or works on. */
  dataClasses: z.array(z.enum(DATA_CLASSES)).max(DATA_CLASSES.length).default([]),
});

/** A third party, as people describe it. Plain data. */
export type Vendor = Readonly<z.output<typeof VENDOR>>;

/** The vendor that a value describes, or all faults, each with a pointer. */
export function readVendor(
  value: unknown,
  id: string,
): { readonly value: Vendor } | { readonly faults: readonly Fault[] } {
  const parsed = VENDOR.safeParse(value);
  const named = VENDOR_ID.safeParse(id);
  const faults: Fault[] = [...(parsed.error?.issues ?? [])].map(({ path, message }) => ({
    pointer: `/${path.map(String).join('/')}`,
    detail: message,
  }));
  if (!named.success) faults.push({ pointer: '/id', detail: named.error.issues[0]?.message ?? 'is no id' });
  if (!parsed.success || faults.length > 0) return { faults };
  const { escalation, dependsOn } = parsed.data;
  const falling = escalation.findIndex(
    ({ afterMinutes }, index) => afterMinutes <= (escalation[index - 1]?.afterMinutes ?? -1),
  );
  if (falling !== -1)
    faults.push({ pointer: `/escalation/${falling}/afterMinutes`, detail: 'has to be later than the level before.' });
  if (dependsOn.includes(id)) faults.push({ pointer: '/dependsOn', detail: 'names the vendor itself.' });
  return faults.length > 0 ? { faults } : { value: { ...parsed.data, dependsOn: [...new Set(dependsOn)].sort() } };
}
