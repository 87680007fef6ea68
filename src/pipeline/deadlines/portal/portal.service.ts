import { FirebreakError } from '../../../platform/errors.ts';
import { sameText } from '../../../platform/same-text.ts';
import type { GroupCommitter } from '../../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../../journal/journal.ts';
import { canonicalAccount } from '../../access/identities.ts';
import { recordedTrace, type AnonymousContext, type CallContext } from '../../access/principal.ts';
import type { RandomBytes } from '../../access/secret.ts';
import { recordable, shownTime, untilApplied, type Answer, type Listing } from '../../service.ts';
import { portalRefusalOf } from '../contacts/contact.ts';
import type { ContactService } from '../contacts/contacts.service.ts';
import { codeDigest, codeOf, CODE_LENGTH, portalToken, readPortalToken } from './portal-token.ts';
import {
  CODE_LIFETIME_MS,
  evolvePortal,
  isOpenPortal,
  MAX_CODES,
  MAX_WRONG_CODES,
  portalStatusOf,
  portalStream,
  portalView,
  type Origin,
  type Portal,
  type PortalRecord,
  type PortalStatus,
  type Reading,
} from './portal.ts';

export interface PortalPorts {
  readonly journal: Pick<JournalReader, 'view' | 'longReads'>;
  readonly committer: GroupCommitter;
  readonly contacts: Pick<ContactService, 'load'>;
  /** Secret of this journal's links and codes, the same in all of its processes. */
  readonly key: Uint8Array;
  readonly randomBytes: RandomBytes;
  /** Where people reach this server; null: a link has no beginning. */
  readonly publicUrl: string | null;
}

export interface PortalQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: PortalStatus | undefined;
  readonly draftId?: string | undefined;
}

/** What somebody who proved to be the contact reads. */
export interface OpenedMessage {
  readonly id: string;
  readonly portal: Portal;
  readonly reading: Reading;
}

export interface PortalService {
  list(ctx: CallContext, query: PortalQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Makes a one-time code that the caller reads out to the contact, in place of an earlier one. It is in this answer only. @throws FirebreakError `conflict` */
  issueCode(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Closes the page. @throws FirebreakError `conflict` */
  revoke(ctx: CallContext, input: { readonly id: string; readonly reason: string }): Promise<Answer>;
  /** The message that a link leads to, which is still closed. @throws FirebreakError `unauthenticated` for a link that proves nothing (any more). */
  byLink(ctx: AnonymousContext, token: string): Promise<{ readonly id: string; readonly expiresAt: number }>;
  /** Opens it with a one-time code, and records who read what. @throws FirebreakError `unauthenticated`, `forbidden` for a code that is wrong, over or used. */
  readByCode(
    ctx: AnonymousContext,
    input: { readonly token: string; readonly code: string; readonly from: Origin },
  ): Promise<OpenedMessage>;
  /** Opens it for the contact's own account, and records it. @throws FirebreakError `not_found` for anybody else. */
  readBySession(ctx: CallContext, input: { readonly id: string; readonly from: Origin }): Promise<OpenedMessage>;
  /** Whether it waits for this person. @throws FirebreakError `not_found` */
  requireOwn(ctx: CallContext, id: string): Promise<Portal>;
  /** The link of a message; null where nobody knows this server's own address. */
  linkOf(id: string, expiresAt: number): string | null;
}

/** Builds the service. Every step, a wrong code too, is a record of the message's own stream: guessing is on record, and counted there. */
export function createPortalService(ports: PortalPorts): PortalService {
  const { journal, committer, contacts, key, randomBytes, publicUrl } = ports;

  async function existing(id: string): Promise<StoredView> {
    const view = await journal.view('portal', id);
    if (view === null) throw new FirebreakError('not_found', `There is no message ${id}`);
    return view;
  }

  async function submit(ctx: CallContext | AnonymousContext, id: string, before: StoredView, record: PortalRecord) {
    const portal = evolvePortal(storedOf(before), record);
    const { type, at, data } = record;
    const trace = 'principal' in ctx ? recordedTrace(ctx) : undefined;
    // An object stays one.
    const plain = recordable(data, 'invalid_request') as { readonly [key: string]: string };
    const draft = { type, v: 1, at, ...(trace === undefined ? {} : { trace }), data: plain };
    const result = await committer.submit({
      appends: [{ stream: portalStream(id), expectedSeq: portal.version - 1, records: [draft] }],
      views: [{ ...portalView(id, portal), expectedVersion: before.version }],
    });
    return { result, answer: portal };
  }

  /** Open, and for a contact that may still be told by it. */
  async function requireOpen(portal: Portal, now: number): Promise<void> {
    const contact = await contacts.load(portal.message.contactId);
    const refusal = contact === null ? 'contact_unknown' : portalRefusalOf(contact, now);
    if (isOpenPortal(portal, now) && refusal === null) return;
    throw new FirebreakError('conflict', refusal === null ? 'The page is closed' : `The page is closed: ${refusal}`);
  }

  async function isOpenFor(portal: Portal, now: number): Promise<boolean> {
    const contact = await contacts.load(portal.message.contactId);
    return contact !== null && portalRefusalOf(contact, now) === null && isOpenPortal(portal, now);
  }

  async function proven(now: number, text: string): Promise<{ readonly id: string; readonly view: StoredView }> {
    const token = readPortalToken(key, text);
    const view = token === null ? null : await journal.view('portal', token.portalId);
    // One sentence for all that is wrong with it: it tells a forger nothing.
    if (token === null || view === null || token.expiresAt <= now || !(await isOpenFor(storedOf(view), now)))
      throw new FirebreakError('unauthenticated', 'This link is not valid, or its time is over');
    return { id: token.portalId, view };
  }

  /** Null: it was refused, which is on record. */
  async function tryCode(
    ctx: AnonymousContext,
    token: string,
    given: string,
    from: Origin,
  ): Promise<OpenedMessage | null> {
    return untilApplied(async () => {
      const { id, view } = await proven(ctx.now, token);
      const before = storedOf(view);
      const { code, message } = before;
      const at = Math.max(ctx.now, before.changedAt);
      // Nothing to guess at: not recorded, or every visitor could make the journal grow.
      if (code === null) return { result: UNCHANGED, answer: null };
      if (code.expiresAt > ctx.now && sameText(code.digest, codeDigest(key, id, given))) {
        const data = { by: `contact/${message.contactId}`, provenBy: 'code', hash: message.hash, ...from } as const;
        const { result, answer } = await submit(ctx, id, view, { type: 'portal.read', at, data });
        return { result, answer: { id, portal: answer, reading: { ...data, at } } };
      }
      const left = code.expiresAt <= ctx.now ? 0 : Math.max(0, MAX_WRONG_CODES - code.wrong - 1);
      const { result } = await submit(ctx, id, view, { type: 'portal.refused', at, data: { ...from, left } });
      return { result, answer: null };
    });
  }

  async function requireOwn({ principal, now }: CallContext, id: string): Promise<Portal> {
    const view = await journal.view('portal', id);
    const portal = view === null ? null : storedOf(view);
    const contact = portal === null ? null : await contacts.load(portal.message.contactId);
    const { userId = null } = contact?.document ?? {};
    const isOwn = userId !== null && userId === canonicalAccount(principal.userId) && principal.kind === 'person';
    // Whose it is, is nobody else's business.
    if (portal === null || !isOwn || !(await isOpenFor(portal, now)))
      throw new FirebreakError('not_found', `There is no message ${id} for you`);
    return portal;
  }

  function linkOf(id: string, expiresAt: number): string | null {
    return publicUrl === null ? null : `${publicUrl}/portal/${portalToken(key, id, expiresAt)}`;
  }

  function shown(id: string, portal: Portal, now: number): Answer['data'] {
    const { contactId, draftId, incidentId, title, hash, expiresAt } = portal.message;
    return {
      id,
      contactId,
      draftId,
      incidentId,
      title,
      hash,
      status: portalStatusOf(portal),
      isOpen: isOpenPortal(portal, now),
      openedAt: shownTime(portal.openedAt),
      expiresAt: shownTime(expiresAt),
      link: linkOf(id, expiresAt),
      readings: portal.readings.map(({ at, ...reading }) => ({ ...reading, at: shownTime(at) })),
      revokedBy: portal.revoked?.by ?? null,
      revokedReason: portal.revoked?.reason ?? null,
      version: portal.version,
    };
  }

  return {
    async list({ now }, { limit, skip, status, draftId }) {
      const filters = {
        ...(status === undefined ? {} : { status }),
        ...(draftId === undefined ? {} : { ref: draftId }),
      };
      const { items, total } = await journal.longReads.listViews({ kind: 'portal', limit, skip, ...filters });
      return { items: items.map((view) => shown(view.id, storedOf(view), now)), total };
    },
    async get({ now }, { id }) {
      const portal = storedOf(await existing(id));
      return { data: shown(id, portal, now), version: portal.version };
    },
    async issueCode(ctx, { id }) {
      const code = codeOf(randomBytes(CODE_LENGTH));
      const expiresAt = ctx.now + CODE_LIFETIME_MS;
      const portal = await untilApplied(async () => {
        const view = await existing(id);
        const before = storedOf(view);
        await requireOpen(before, ctx.now);
        if (before.codesIssued >= MAX_CODES)
          throw new FirebreakError('conflict', `${MAX_CODES} codes were made for this message: tell the contact anew`);
        const data = { by: ctx.principal.userId, digest: codeDigest(key, id, code), expiresAt };
        return submit(ctx, id, view, { type: 'portal.code_issued', at: Math.max(ctx.now, before.changedAt), data });
      });
      const data = { ...shown(id, portal, ctx.now), code, codeExpiresAt: shownTime(expiresAt) };
      return { data, version: portal.version };
    },
    async revoke(ctx, { id, reason }) {
      const portal = await untilApplied(async () => {
        const view = await existing(id);
        const before = storedOf(view);
        if (before.revoked !== null) throw new FirebreakError('conflict', 'It is closed already');
        const data = { by: ctx.principal.userId, reason };
        return submit(ctx, id, view, { type: 'portal.revoked', at: Math.max(ctx.now, before.changedAt), data });
      });
      return { data: shown(id, portal, ctx.now), version: portal.version };
    },
    async byLink({ now }, token) {
      const { id, view } = await proven(now, token);
      return { id, expiresAt: storedOf(view).message.expiresAt };
    },
    async readByCode(ctx, { token, code, from }) {
      const opened = await tryCode(ctx, token, code, from);
      if (opened !== null) return opened;
      throw new FirebreakError('forbidden', 'This code is wrong, over or used: ask for a new one');
    },
    async readBySession(ctx, { id, from }) {
      return untilApplied(async () => {
        const { message, changedAt } = await requireOwn(ctx, id);
        const at = Math.max(ctx.now, changedAt);
        const data = { by: ctx.principal.userId, provenBy: 'session', hash: message.hash, ...from } as const;
        const { result, answer } = await submit(ctx, id, await existing(id), { type: 'portal.read', at, data });
        return { result, answer: { id, portal: answer, reading: { ...data, at } } };
      });
    },
    requireOwn,
    linkOf,
  };
}

const UNCHANGED = { status: 'applied', hashes: [] } as const;

function storedOf(view: StoredView): Portal {
  // Only this room writes these bodies.
  return view.body as unknown as Portal;
}
