import { hkdfSync } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogKeyPair } from '../journal/log-key.ts';
import type { RandomBytes } from '../pipeline/access/secret.ts';
import { mailRefusalOf, portalRefusalOf } from '../pipeline/deadlines/contacts/contact.ts';
import type { Announcement } from '../pipeline/deadlines/announcing-desk.ts';
import { createContactService } from '../pipeline/deadlines/contacts/contacts.service.ts';
import { draftStream, type Draft } from '../pipeline/deadlines/drafts/draft.ts';
import { createDraftService, draftIdOf, type DraftPorts } from '../pipeline/deadlines/drafts/drafts.service.ts';
import { textOf } from '../pipeline/deadlines/drafts/render.ts';
import { contactTeller, type TellContacts } from '../pipeline/deadlines/drafts/tell-contacts.ts';
import { createTellingService } from '../pipeline/deadlines/drafts/telling.service.ts';
import type { Portal } from '../pipeline/deadlines/portal/portal.ts';
import { createPortalService } from '../pipeline/deadlines/portal/portal.service.ts';
import type { Notice } from '../pipeline/notifications/contract.ts';
import type { ContactAddress } from '../pipeline/notifications/courier.ts';
import type { Way } from '../pipeline/notifications/routing.ts';
import type { TellRecord } from '../pipeline/tell-of-record.ts';

/** Bytes of the key that proves links and codes: as many as its hash has. */
const PORTAL_KEY_BYTES = 32;

export interface RegulatoryContactPorts extends Pick<DraftPorts, 'evidenceOf' | 'hasEvidence' | 'submissionRecorded'> {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly clock: Pick<Clock, 'now'>;
  /** The log's key, from which the key of links and codes follows: all processes on a journal share it. */
  readonly logKey: LogKeyPair;
  readonly randomBytes: RandomBytes;
  readonly publicUrl: string | null;
  readonly tell: TellRecord;
}

/** Everything about the organisation's own regulatory contacts, put together. */
export function openRegulatoryContacts(ports: RegulatoryContactPorts) {
  const { journal, committer, clock } = ports;
  const contacts = createContactService({ journal, committer });
  const drafts = createDraftService({ ...ports, contacts });
  const portal = createPortalService({ ...ports, contacts, key: portalKeyOf(ports.logKey, journal.id) });
  const tellContacts: TellContacts = contactTeller({ ...ports, contacts });

  /** As it is when it is sent: a contact that was revoked meanwhile is sent nothing. */
  async function contactFor({ channel, contact: named }: Way, notice: Notice): Promise<ContactAddress> {
    const contact = named === undefined ? null : await contacts.load(named.id);
    if (named === undefined || contact === null) return { refusal: 'contact_unknown' };
    const { email: to, certificate = null } = contact.document;
    if (channel === 'ENCRYPTED_EMAIL') {
      const refusal = mailRefusalOf(contact, clock.now());
      if (refusal !== null) return { refusal };
      const document = await textWith(notice.about.id, named.draftHash);
      return { to, contact: { certificate, document, portal: null } };
    }
    const refusal = portalRefusalOf(contact, clock.now());
    if (refusal !== null) return { refusal };
    const { portalId = '' } = named;
    const view = await journal.view('portal', portalId);
    if (view === null) return { refusal: 'message_unknown' };
    const { message, revoked } = view.body as unknown as Portal; // written by `portal.service.ts`
    if (revoked !== null || message.expiresAt <= clock.now()) return { refusal: 'message_closed' };
    const url = portal.linkOf(portalId, message.expiresAt);
    const link = url === null ? null : { url, expiresAt: message.expiresAt };
    return { to, contact: { certificate: null, document: null, portal: link } };
  }

  /** The text that contacts were told of, also where the draft was edited since; null: it is archived. */
  async function textWith(draftId: string, hash: string): Promise<string | null> {
    const records = await journal.readStream(draftStream(draftId));
    const told = records.findLast(({ record }) => record.data['hash'] === hash && 'document' in record.data)?.record;
    // Written by `drafts.service.ts`.
    return told === undefined ? null : textOf(told.data['document'] as unknown as Draft['document']);
  }

  /** What belongs to the start of a clock: the draft, and that contacts hear of it. Repeated under one key it is done once. */
  async function announce({ key, deadlineId, channels, at, ...about }: Announcement): Promise<string> {
    const draftId = await drafts.make({ key, deadlineId, ...about, at });
    const deadlineIds = deadlineId === null ? [] : [deadlineId];
    await tellContacts({ key, incidentId: about.incidentId, deadlineIds, draftId, channels, at });
    return draftId;
  }

  async function isAnnounced(key: string): Promise<boolean> {
    const view = await journal.view('draft', draftIdOf(key));
    // Written by `drafts.service.ts`.
    return view !== null && (view.body as unknown as Draft).asked.some((asked) => asked.key === key);
  }

  return {
    announce,
    isAnnounced,
    services: { contacts, drafts, portal, contactTelling: createTellingService({ drafts, tellContacts }) },
    contactFor,
  };
}

/** The key of links and codes; it follows from the log's key as those of answer links and passkeys do. */
export function portalKeyOf({ privateKey }: LogKeyPair, journalId: string): Uint8Array {
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' });
  return new Uint8Array(hkdfSync('sha256', secret, journalId, 'firebreak portal', PORTAL_KEY_BYTES));
}
