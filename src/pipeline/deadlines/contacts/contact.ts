import { z } from 'zod';
import type { Json } from '../../../platform/canonical-json.ts';
import { invariant, type Fault } from '../../../platform/errors.ts';
import type { Word } from '../../access/another-person.ts';
import { canonicalAccount } from '../../access/identities.ts';
import { faultsOf } from '../../playbooks/document.ts';
import { checkJson, type Read } from '../../playbooks/plain-json.ts';
import { validityFault, type CertificateFacts } from './certificate.ts';

/**
 * The organisation's own regulatory contacts: who is told when a clock starts, and over what. Nobody here is a regulator:
 * nothing is ever sent to one by the server.
 */

/** Regimes that one contact names: more than there are in the table of clocks. */
const MAX_REGIMES = 40;

/** What a contact is to the organisation; a draft takes its data-protection officer from here. */
export const CONTACT_ROLES = ['DPO', 'COMPLIANCE', 'LEGAL', 'CISO', 'EXECUTIVE', 'OTHER'] as const;

/** Ids are chosen, and stand in records for ever: name the post (`dpo`), not the person. */
export const CONTACT_ID = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}$/,
    'is of a-z, 0-9, - and _, at most 64 characters, and begins with a letter or digit',
  );

/** Regimes as runbooks and clocks name them, in upper case. */
export const REGIME = z
  .string()
  .trim()
  .transform((text) => text.toUpperCase())
  .pipe(z.string().regex(/^[A-Z0-9][A-Z0-9_.-]{0,63}$/, 'is the name of a regime, for example GDPR'));

const line = z
  .string()
  .trim()
  .min(1)
  .max(200)
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'may not hold control characters');
/** One mailbox: nothing that ends it, quotes or begins another one. */
const MAILBOX = z
  .string()
  .max(254)
  .regex(/^[^\s@<>()[\]\\,;:"\p{Cc}]{1,64}@[A-Za-z0-9.-]{1,190}$/u, 'is one email address alone, like dpo@example.org');
const instant = z.iso
  .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
  .transform((time) => new Date(time).toISOString());

const CONTACT = z.strictObject({
  name: line,
  roles: z.array(z.enum(CONTACT_ROLES)).min(1).max(CONTACT_ROLES.length).default(['OTHER']),
  /** Empty: all of them. */
  regimes: z.array(REGIME).max(MAX_REGIMES).default([]),
  email: MAILBOX,
  /** Where a one-time code is read out. */
  phone: line.optional(),
  /** S/MIME, in PEM. Absent: no encrypted mail can be sent, and none is sent in the clear. */
  certificate: z.string().min(1).optional(),
  /** Whether messages may wait for this contact on a page of this server. */
  portal: z.boolean().default(false),
  /** The contact's own account here, with which the page opens without a code. */
  userId: z.string().max(200).transform(canonicalAccount).pipe(z.string().min(1)).optional(),
  validFrom: instant.optional(),
  validUntil: instant.optional(),
});

export type Contact = Readonly<z.output<typeof CONTACT>>;

const KNOWN = { '': Object.keys(CONTACT.shape) };

/**
 * A contact from a JSON value; or all faults, each with a pointer. The certificate is judged by `readCertificate`. An OpenPGP
 * key is refused by its name: nothing here could encrypt for it.
 */
export function readContact(value: unknown): Read<Contact> {
  const plain = checkJson(value);
  if ('faults' in plain) return plain;
  const pgp = pgpFaults(plain.value);
  if (pgp.length > 0) return { faults: pgp };
  const parsed = CONTACT.safeParse(plain.value);
  if (!parsed.success) return { faults: faultsOf(parsed.error, KNOWN) };
  const { validFrom, validUntil, certificate, portal } = parsed.data;
  if (validFrom !== undefined && validUntil !== undefined && validUntil <= validFrom)
    return { faults: [{ pointer: '/validUntil', detail: 'It lies before validFrom: nobody could be told.' }] };
  if (certificate === undefined && !portal) return { faults: [{ pointer: '', detail: NO_WAY }] };
  return { value: parsed.data };
}

const NO_WAY = 'Give a certificate for encrypted mail, or allow the portal: otherwise this contact cannot be told.';

function pgpFaults(value: Json): readonly Fault[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const name = Object.keys(value).find((member) => /pgp/i.test(member));
  if (name === undefined) return [];
  return [{ pointer: `/${name}`, detail: 'OpenPGP keys are not supported: give an S/MIME certificate in PEM.' }];
}

/** Folded from its records, and the body of its row. */
export interface StoredContact {
  readonly document: Contact;
  /** Of its certificate, as it was read when it was stored. */
  readonly certificate: CertificateFacts | null;
  readonly saved: Word & { readonly at: number };
  /** Another person has compared name, address and fingerprint with the contact, over another line. */
  readonly verified: (Word & { readonly at: number; readonly how: string }) | null;
  readonly revoked: { readonly by: string; readonly at: number; readonly reason: string } | null;
  /** How many records it has. */
  readonly version: number;
}

export const CONTACT_STATUSES = ['UNVERIFIED', 'VERIFIED', 'REVOKED'] as const;
export type ContactStatus = (typeof CONTACT_STATUSES)[number];

/** A record of a contact's stream. */
export type ContactRecord =
  | {
      readonly type: 'contact.saved';
      readonly at: number;
      readonly data: Word & { readonly document: Contact; readonly certificate: CertificateFacts | null };
    }
  | { readonly type: 'contact.verified'; readonly at: number; readonly data: Word & { readonly how: string } }
  | {
      readonly type: 'contact.revoked';
      readonly at: number;
      readonly data: { readonly by: string; readonly reason: string };
    };

/** One record more. Whatever is saved has to be verified anew. @throws for one that cannot come next. */
export function evolveContact(before: StoredContact | null, { type, at, data }: ContactRecord): StoredContact {
  const version = (before?.version ?? 0) + 1;
  if (type === 'contact.saved') {
    const { by, issuedBy, document, certificate } = data;
    return { document, certificate, saved: { by, issuedBy, at }, verified: null, revoked: null, version };
  }
  invariant(before !== null && before.revoked === null, 'a contact was saved, and is not revoked');
  if (type === 'contact.revoked') return { ...before, revoked: { by: data.by, reason: data.reason, at }, version };
  const { by, issuedBy, how } = data;
  return { ...before, verified: { by, issuedBy, how, at }, version };
}

/** The contact that the records of its stream make, or null where there are none. */
export function foldContact(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): StoredContact | null {
  // What is in such a stream was written as a `ContactRecord`.
  return records.reduce<StoredContact | null>(
    (before, record) => evolveContact(before, record as unknown as ContactRecord),
    null,
  );
}

export function contactStatusOf({ verified, revoked }: StoredContact): ContactStatus {
  if (revoked !== null) return 'REVOKED';
  return verified === null ? 'UNVERIFIED' : 'VERIFIED';
}

/** Whether a regime is this contact's business. */
export function isFor({ document: { regimes } }: StoredContact, wanted: readonly string[]): boolean {
  if (regimes.length === 0 || wanted.length === 0) return true;
  const own = new Set(regimes);
  return wanted.some((regime) => own.has(regime.toUpperCase()));
}

/** Why the contact cannot be told anything at `now`, a snake_case word; null: it can. */
export function refusalOf(contact: StoredContact, now: number): string | null {
  const { document, revoked, verified } = contact;
  if (revoked !== null) return 'contact_revoked';
  if (verified === null) return 'contact_unverified';
  if (document.validFrom !== undefined && now < Date.parse(document.validFrom)) return 'contact_not_valid_yet';
  if (document.validUntil !== undefined && now >= Date.parse(document.validUntil)) return 'contact_expired';
  return null;
}

/** Why no encrypted mail can be sent to the contact at `now`, a snake_case word; null: it can. */
export function mailRefusalOf(contact: StoredContact, now: number): string | null {
  const refusal = refusalOf(contact, now);
  if (refusal !== null) return refusal;
  const { certificate, document } = contact;
  if (certificate === null || document.certificate === undefined) return 'no_certificate';
  return validityFault(certificate, now) === null ? null : 'certificate_expired';
}

/** Why nothing can wait for the contact on a page at `now`, a snake_case word; null: it can. */
export function portalRefusalOf(contact: StoredContact, now: number): string | null {
  return refusalOf(contact, now) ?? (contact.document.portal ? null : 'portal_not_allowed');
}
