import type { Json } from '../../../platform/canonical-json.ts';
import { FirebreakError } from '../../../platform/errors.ts';
import type { GroupCommitter } from '../../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../../journal/journal.ts';
import { requireAnother, wordOf } from '../../access/another-person.ts';
import { recordedTrace, type CallContext } from '../../access/principal.ts';
import {
  recordable,
  requireVersion,
  shownTime,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
  type Listing,
} from '../../service.ts';
import { readCertificate, validityFault, type CertificateFacts } from './certificate.ts';
import {
  CONTACT_ID,
  contactStatusOf,
  evolveContact,
  mailRefusalOf,
  portalRefusalOf,
  readContact,
  type Contact,
  type ContactRecord,
  type ContactStatus,
  type StoredContact,
} from './contact.ts';

/** Contacts of one installation: all of them are read when a clock starts. */
export const MAX_CONTACTS = 200;
/** A certificate that ends within this time is warned of, in ms: 30 days, time to order the next one. */
const SOON_MS = 30 * 24 * 3_600_000;

export interface ContactPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews'>;
  readonly committer: GroupCommitter;
}

/** A contact with its id. */
export interface NamedContact {
  readonly id: string;
  readonly contact: StoredContact;
}

export interface ContactQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: ContactStatus | undefined;
}

export interface ContactService {
  list(ctx: CallContext, query: ContactQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Makes it, or replaces the whole of it by a new version, which nobody is told by until another person verifies it. @throws FirebreakError `invalid_contact`, `stale_version`, `conflict`. */
  set(
    ctx: CallContext,
    input: { readonly id: string; readonly definition: Definition; readonly ifMatch: IfMatch },
  ): Promise<Answer>;
  /**
   * Says that name, address and fingerprint were compared with the contact over another line. Never by who saved it.
   * @throws FirebreakError `stale_version` for another version than the present one; `conflict`.
   */
  vouch(
    ctx: CallContext,
    input: { readonly id: string; readonly version: number; readonly fingerprint: string | null; readonly how: string },
  ): Promise<Answer>;
  /** Ends its use at once, for good unless it is saved and verified anew. @throws FirebreakError `conflict` */
  revoke(ctx: CallContext, input: { readonly id: string; readonly reason: string }): Promise<Answer>;
  /** All contacts, whatever their state, by id. */
  all(): Promise<readonly NamedContact[]>;
  /** One contact; null: there is none. */
  load(id: string): Promise<StoredContact | null>;
}

/** Builds the service. Every step is a record of the contact's own stream. */
export function createContactService({ journal, committer }: ContactPorts): ContactService {
  async function existing(id: string): Promise<StoredView> {
    const view = await journal.view('contact', id);
    if (view === null) throw new FirebreakError('not_found', `There is no regulatory contact ${id}`);
    return view;
  }

  async function submit(ctx: CallContext, id: string, before: StoredView | null, record: ContactRecord) {
    const contact = evolveContact(before === null ? null : storedOf(before), record);
    const { type, at, data } = record;
    const draft = { type, v: 1, at, trace: recordedTrace(ctx), data: asData(data) };
    const result = await committer.submit({
      appends: [{ stream: `contact/${id}`, expectedSeq: contact.version - 1, records: [draft] }],
      views: [
        {
          kind: 'contact',
          id,
          expectedVersion: before?.version ?? 0,
          status: contactStatusOf(contact),
          at: contact.saved.at,
          body: recordable(contact, 'invalid_contact'),
        },
      ],
    });
    return { result, answer: contact };
  }

  async function requireRoom(): Promise<void> {
    const { total } = await journal.listViews({ kind: 'contact', limit: 1, skip: 0 });
    if (total >= MAX_CONTACTS)
      throw new FirebreakError('conflict', `There are ${MAX_CONTACTS} contacts already: change one of them`);
  }

  return {
    async list({ now }, { limit, skip, status }) {
      const filter = status === undefined ? {} : { status };
      const { items, total } = await journal.listViews({ kind: 'contact', limit, skip, ...filter });
      return { items: items.map((view) => shown(view.id, storedOf(view), now)), total };
    },
    async get({ now }, { id }) {
      const contact = storedOf(await existing(id));
      return { data: shown(id, contact, now), version: contact.version };
    },
    async set(ctx, { id, definition, ifMatch }) {
      requireId(id);
      const document = readDefinition(definition);
      const certificate = await factsOf(document, ctx.now);
      const contact = await untilApplied(async () => {
        const before = await journal.view('contact', id);
        requireVersion(ifMatch, before === null ? 0 : storedOf(before).version);
        if (before === null) await requireRoom();
        const data = { document, certificate, ...wordOf(ctx.principal) };
        return submit(ctx, id, before, { type: 'contact.saved', at: timeAfter(ctx, before), data });
      });
      const warnings = warningsOf(contact, ctx.now);
      return { data: shown(id, contact, ctx.now), version: contact.version, warnings };
    },
    async vouch(ctx, { id, version, fingerprint, how }) {
      const contact = await untilApplied(async () => {
        const before = await existing(id);
        const stored = storedOf(before);
        requireVersion([version], stored.version);
        if (contactStatusOf(stored) !== 'UNVERIFIED')
          throw new FirebreakError('conflict', `There is nothing to verify: it is ${contactStatusOf(stored)}`);
        requireFingerprint(stored, fingerprint);
        await requireAnother(journal, [stored.saved], ctx.principal);
        const data = { how, ...wordOf(ctx.principal) };
        return submit(ctx, id, before, { type: 'contact.verified', at: timeAfter(ctx, before), data });
      });
      return { data: shown(id, contact, ctx.now), version: contact.version };
    },
    async revoke(ctx, { id, reason }) {
      const contact = await untilApplied(async () => {
        const before = await existing(id);
        if (storedOf(before).revoked !== null) throw new FirebreakError('conflict', 'It is revoked already');
        const data = { by: ctx.principal.userId, reason };
        return submit(ctx, id, before, { type: 'contact.revoked', at: timeAfter(ctx, before), data });
      });
      return { data: shown(id, contact, ctx.now), version: contact.version };
    },
    async all() {
      const { items } = await journal.listViews({ kind: 'contact', limit: MAX_CONTACTS, skip: 0 });
      const contacts = items.map((view) => ({ id: view.id, contact: storedOf(view) }));
      return contacts.sort((left, right) => (left.id < right.id ? -1 : 1));
    },
    async load(id) {
      const view = await journal.view('contact', id);
      return view === null ? null : storedOf(view);
    },
  };
}

function requireId(id: string): void {
  const faults = CONTACT_ID.safeParse(id).error?.issues.map(({ message }) => ({ pointer: '/id', detail: message }));
  if (faults !== undefined) throw new FirebreakError('invalid_contact', 'The contact is not valid', faults);
}

function readDefinition(definition: Definition): Contact {
  const read = readContact(definition);
  if ('faults' in read) throw new FirebreakError('invalid_contact', 'The contact is not valid', read.faults);
  return read.value;
}

/** @throws FirebreakError `invalid_contact` for a certificate that cannot encrypt mail to this address now. */
async function factsOf({ certificate, email }: Contact, now: number): Promise<CertificateFacts | null> {
  if (certificate === undefined) return null;
  const read = await readCertificate(certificate);
  const fault =
    'fault' in read ? read.fault : (validityFault(read.facts, now) ?? addressFault(read.facts.emails, email));
  if (fault === null && 'facts' in read) return read.facts;
  const faults = [{ pointer: '/certificate', detail: fault ?? '' }];
  throw new FirebreakError('invalid_contact', 'The certificate cannot be used', faults);
}

function addressFault(emails: readonly string[], email: string): string | null {
  if (emails.length === 0 || emails.includes(email.toLowerCase())) return null;
  return `It is made for ${emails.join(', ')}, not for ${email}.`;
}

function requireFingerprint({ certificate }: StoredContact, given: string | null): void {
  const wanted = certificate?.fingerprint ?? null;
  const compared = given === null ? null : given.replaceAll(/[:\s]/g, '').toLowerCase();
  if (wanted === compared) return;
  const detail =
    wanted === null
      ? 'This contact has no certificate: leave the fingerprint out.'
      : 'It is not the SHA-256 fingerprint of the stored certificate: what the contact reads out has to be the same.';
  throw new FirebreakError('conflict', 'The fingerprints differ', [{ pointer: '/fingerprint', detail }]);
}

function warningsOf({ certificate, document }: StoredContact, now: number): readonly string[] {
  const warnings = ['Nobody is told by it until another person verifies it.'];
  if (certificate !== null && certificate.emails.length === 0)
    warnings.push('/certificate: it names no address, so that nothing ties it to this mailbox but who verifies it.');
  if (certificate !== null && certificate.validUntil - now < SOON_MS)
    warnings.push(`/certificate: it expires soon, at ${new Date(certificate.validUntil).toISOString()}.`);
  if (certificate === null) warnings.push('/certificate: there is none, so that ENCRYPTED_EMAIL cannot reach it.');
  if (document.portal && document.phone === undefined && document.userId === undefined)
    warnings.push('/phone: without a number or an account nobody knows how to give this contact a code.');
  return warnings;
}

function shown(id: string, contact: StoredContact, now: number): Answer['data'] {
  const { document, certificate, saved, verified, revoked, version } = contact;
  // Plain JSON by its type; absent members are gone.
  const members = recordable(document, 'invalid_contact') as { readonly [key: string]: Json };
  return {
    id,
    ...members,
    status: contactStatusOf(contact),
    certificateFacts:
      certificate === null
        ? null
        : {
            ...certificate,
            emails: [...certificate.emails],
            validFrom: shownTime(certificate.validFrom),
            validUntil: shownTime(certificate.validUntil),
          },
    // What keeps a message from it now; null: nothing does.
    encryptedEmail: mailRefusalOf(contact, now),
    securePortal: portalRefusalOf(contact, now),
    savedBy: saved.by,
    savedAt: shownTime(saved.at),
    verifiedBy: verified?.by ?? null,
    verifiedAt: shownTime(verified?.at),
    verifiedHow: verified?.how ?? null,
    revokedBy: revoked?.by ?? null,
    revokedAt: shownTime(revoked?.at),
    revokedReason: revoked?.reason ?? null,
    version,
  };
}

/** As the journal writes it: time never goes back within a stream. */
function timeAfter({ now }: CallContext, before: StoredView | null): number {
  if (before === null) return now;
  const { saved, verified, revoked } = storedOf(before);
  return Math.max(now, saved.at, verified?.at ?? 0, revoked?.at ?? 0);
}

function asData(data: ContactRecord['data']): { readonly [key: string]: Json } {
  // An object stays one.
  return recordable(data, 'invalid_contact') as { readonly [key: string]: Json };
}

function storedOf(view: StoredView): StoredContact {
  // Only this file writes these bodies.
  return view.body as unknown as StoredContact;
}
