import type { Json } from '../../../platform/canonical-json.ts';
import { FirebreakError } from '../../../platform/errors.ts';
import { contentHash, derivedId } from '../../../platform/hash.ts';
import type { GroupCommitter } from '../../../journal/group-commit.ts';
import type { Append, Change, JournalReader, View } from '../../../journal/journal.ts';
import type { RecordTrace } from '../../audit/record.ts';
import { CONTACT_CHANNELS, isContactChannel, type ContactChannel, type Notice } from '../../notifications/contract.ts';
import { oneLine } from '../../notifications/one-line.ts';
import { MAX_TOLD_CONTACTS, type Way } from '../../notifications/routing.ts';
import { recordable, untilApplied } from '../../service.ts';
import { recordTellName, recordTells, type TellRecord } from '../../tell-of-record.ts';
import { incidentOf } from '../../incidents/incident-change.ts';
import type { Severity } from '../../vocabulary.ts';
import { isFor, portalRefusalOf, refusalOf } from '../contacts/contact.ts';
import type { ContactService, NamedContact } from '../contacts/contacts.service.ts';
import { evolvePortal, PORTAL_LIFETIME_MS, portalStream, portalView, type PortalMessage } from '../portal/portal.ts';
import { draftStream, draftView, evolveDraft, type Draft } from './draft.ts';
import { missingIn } from './fill.ts';
import { textOf } from './render.ts';

/** Longest value that a notice repeats, in UTF-16 units. */
const MAX_VALUE_LENGTH = 300;
/** Times that contacts are told of one draft. */
const MAX_ASKED = 100;
/** Contacts that are named one by one as not told. */
const MAX_NAMED = 20;

export interface TellContactsPorts {
  readonly journal: Pick<JournalReader, 'view'>;
  readonly committer: GroupCommitter;
  readonly contacts: Pick<ContactService, 'all'>;
  /** Hands what was committed to who tells. */
  readonly tell: TellRecord;
}

/** Whom to tell of which draft. */
export interface ContactsRequest {
  /** The same for every repeat: told twice is told once. */
  readonly key: string;
  readonly incidentId: string;
  readonly deadlineIds: readonly string[];
  readonly draftId: string;
  /** As a runbook names them, in either case. None that leads to contacts: both of those. */
  readonly channels: readonly string[];
  /** Business time, ms since 1970. */
  readonly at: number;
  readonly trace?: RecordTrace;
}

/** What became of the asking; `told` are ways that were queued, and `refused` says of whom nothing was, and why. */
export interface ContactsAsked {
  readonly noticeId: string;
  readonly told: readonly { readonly contactId: string; readonly channel: ContactChannel }[];
  readonly refused: readonly { readonly contactId: string; readonly why: string }[];
}

export type TellContacts = (request: ContactsRequest) => Promise<ContactsAsked>;

/**
 * Tells the organisation's own contacts of a draft, by encrypted mail and by a page, and those who answer for it that they were
 * told. One commit holds the record, the pages and what the courier owes; who cannot be reached is said to people, never
 * reached in the clear. @throws FirebreakError `not_found`, `conflict` for a draft of another incident or a withdrawn one.
 */
export function contactTeller({ journal, committer, contacts, tell }: TellContactsPorts): TellContacts {
  return async (request) => {
    const { key, draftId, at } = request;
    const stream = draftStream(draftId);
    const { asked, isNew } = await untilApplied(async () => {
      const view = await journal.view('draft', draftId);
      if (view === null) throw new FirebreakError('not_found', `There is no draft ${draftId}`);
      const draft = view.body as unknown as Draft; // written by this room
      const before = draft.asked.find((each) => each.key === key);
      if (before !== undefined) return { result: UNCHANGED, answer: { asked: before, isNew: false } };
      requireUsable(draft, request);
      const plan = planOf(request, draft, await contacts.all(), await severityOf(journal, request.incidentId));
      const { notice, ways, channels } = plan;
      const data = { key, notice, ways, channels, ...plan.asked };
      const after = evolveDraft(draft, { type: 'draft.contacts_asked', at: Math.max(at, draft.changedAt), data });
      const record = recordOf('draft.contacts_asked', after.changedAt, data, request);
      const change: Change = {
        appends: [
          { stream, expectedSeq: draft.version, records: [record] },
          ...plan.messages.map((each) => opened(each, request)),
        ],
        views: [
          { ...draftView(draftId, after), expectedVersion: view.version },
          ...plan.messages.map((each) => openedView(each, at)),
        ],
        effects: recordTells(tell, stream, after.version),
      };
      const result = await committer.submit(change);
      return { result, answer: { asked: { ...plan.asked, seq: after.version }, isNew: true } };
    });
    const name = recordTellName(asked.seq);
    if (isNew) tell(stream, name);
    return { noticeId: derivedId('ntc', stream, name), told: asked.told, refused: asked.refused };
  };
}

const UNCHANGED = { status: 'applied', hashes: [] } as const;

function requireUsable({ about, asked, withdrawn }: Draft, { draftId, incidentId }: ContactsRequest): void {
  if (about.incidentId !== incidentId)
    throw new FirebreakError('conflict', `The draft ${draftId} is not of incident ${incidentId}`);
  if (asked.length >= MAX_ASKED)
    throw new FirebreakError('conflict', `Contacts were told ${MAX_ASKED} times of this draft: make another one`);
  if (withdrawn !== null) throw new FirebreakError('conflict', 'It is withdrawn: make another draft');
}

interface Waiting {
  readonly id: string;
  readonly message: PortalMessage;
}

interface Plan {
  readonly asked: Omit<ContactsAsked, 'noticeId'>;
  readonly ways: readonly Way[];
  readonly messages: readonly Waiting[];
  readonly notice: Omit<Notice, 'ask'>;
  /** For people: what was named beside the channels of contacts. */
  readonly channels: readonly string[];
}

function planOf(request: ContactsRequest, draft: Draft, all: readonly NamedContact[], severity: Severity): Plan {
  const named = request.channels.map((channel) => channel.toUpperCase());
  const wanted = CONTACT_CHANNELS.filter((channel) => named.includes(channel));
  const channels: readonly ContactChannel[] = wanted.length === 0 ? CONTACT_CHANNELS : wanted;
  const concerned = all.filter(({ contact }) => isFor(contact, [draft.about.regime]));
  const chosen = concerned.flatMap((each) => choicesFor(each, channels, request.at));
  const told = chosen.flatMap(({ contactId, channel, why }) => (why === null ? [{ contactId, channel }] : []));
  const kept = told.slice(0, 2 * MAX_TOLD_CONTACTS);
  const refused = [
    ...chosen.flatMap(({ contactId, why }) => (why === null ? [] : [{ contactId, why }])),
    ...told.slice(kept.length).map(({ contactId }) => ({ contactId, why: 'too_many_contacts' })),
  ];
  const notice = noticeOf(request, draft, severity, { told: kept, refused });
  const ways = kept.map(({ contactId, channel }): Way => {
    const portalId = channel === 'SECURE_PORTAL' ? { portalId: portalIdOf(request, contactId) } : {};
    return { channel, userId: null, contact: { id: contactId, draftHash: draft.hash, ...portalId } };
  });
  const messages = kept
    .filter(({ channel }) => channel === 'SECURE_PORTAL')
    .map(({ contactId }) => ({
      id: portalIdOf(request, contactId),
      message: messageFor(contactId, request, draft, notice),
    }));
  return {
    asked: { told: kept, refused },
    ways,
    messages,
    notice,
    channels: named.filter((channel) => !isContactChannel(channel)),
  };
}

/**
 * Encrypted mail is tried also where there is no certificate: the courier gives it up at once and tells people, as it does with
 * every message that reaches nobody. Who is not in force is not tried at all.
 */
function choicesFor({ id: contactId, contact }: NamedContact, channels: readonly ContactChannel[], now: number) {
  const refusal = refusalOf(contact, now);
  return channels.map((channel) => {
    const why = refusal ?? (channel === 'SECURE_PORTAL' ? portalRefusalOf(contact, now) : null);
    return { contactId, channel, why };
  });
}

function portalIdOf({ key, draftId }: ContactsRequest, contactId: string): string {
  return derivedId('ptl', key, draftId, contactId);
}

function messageFor(
  contactId: string,
  request: ContactsRequest,
  draft: Draft,
  notice: Omit<Notice, 'ask'>,
): PortalMessage {
  const { incidentId, draftId, at } = request;
  const { title, lines } = notice;
  const text = textOf(draft.document);
  const hash = contentHash({ draftHash: draft.hash, lines, title });
  return { contactId, draftId, incidentId, title, lines, text, hash, expiresAt: at + PORTAL_LIFETIME_MS };
}

function noticeOf(
  { draftId, incidentId, deadlineIds }: ContactsRequest,
  { about, hash, document }: Draft,
  severity: Severity,
  { told, refused }: Plan['asked'],
): Omit<Notice, 'ask'> {
  const short = (value: string): string => oneLine(value, MAX_VALUE_LENGTH).text;
  const missing = missingIn(document).length;
  const nobody = told.length === 0 ? ['No regulatory contact could be told: tell one yourself, at once.'] : [];
  const rest = refused.length > MAX_NAMED ? [`… and ${refused.length - MAX_NAMED} more.`] : [];
  const why = refused.slice(0, MAX_NAMED).map(({ contactId, why: reason }) => `Not told: ${contactId}, ${reason}.`);
  return {
    kind: 'contact.told',
    severity: told.length === 0 ? 'CRITICAL' : severity,
    title: short(`A ${about.regime} notification is drafted for incident ${incidentId}`),
    lines: [
      ...nobody,
      'Nothing was sent to an authority: a person approves the text, another hands it in and records the proof.',
      missing === 0
        ? 'Nothing is marked as missing in it.'
        : `${missing} things are missing in it, each marked MISSING.`,
      ...why,
      ...rest,
    ],
    facts: [
      { label: 'Regime', value: short(about.regime) },
      ...(about.stage === null ? [] : [{ label: 'Stage', value: short(about.stage) }]),
      { label: 'Incident', value: short(incidentId) },
      { label: 'Draft', value: draftId },
      { label: 'SHA-256 of the text', value: hash },
      ...deadlineIds.slice(0, MAX_NAMED).map((id) => ({ label: 'Deadline', value: short(id) })),
    ],
    about: { type: 'draft', id: draftId },
  };
}

async function severityOf(journal: Pick<JournalReader, 'view'>, incidentId: string): Promise<Severity> {
  const view = await journal.view('incident', incidentId);
  return view === null ? 'HIGH' : incidentOf(view).incident.severity;
}

function recordOf(type: string, at: number, data: object, { trace }: ContactsRequest) {
  const plain = recordable(data, 'invalid_draft') as { readonly [key: string]: Json }; // an object stays one
  return { type, v: 1, at, ...(trace === undefined ? {} : { trace }), data: plain };
}

function opened({ id, message }: Waiting, request: ContactsRequest): Append {
  const records = [recordOf('portal.opened', request.at, { message }, request)];
  return { stream: portalStream(id), expectedSeq: 0, records };
}

function openedView({ id, message }: Waiting, at: number): View {
  return {
    ...portalView(id, evolvePortal(null, { type: 'portal.opened', at, data: { message } })),
    expectedVersion: 0,
  };
}
