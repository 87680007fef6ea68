import type { CallContext } from '../../../src/pipeline/access/principal.ts';
import type { PasswordService } from '../../../src/pipeline/access/passwords.service.ts';
import { formTokenOf, SESSION_IDLE_MS, SESSION_LIFETIME_MS } from '../../../src/pipeline/access/session.ts';
import type { SessionService } from '../../../src/pipeline/access/sessions.service.ts';
import { fieldOf } from '../../support/visitor.ts';
import { addressOf } from './request.ts';
import type { BrowserSession } from './served-doors.ts';

/** Sessions of browsers: from a real sign-in, and those that do not hold any more. */

const PASSWORD = 'four words of nonsense';
const CALL = { traceId: '1'.repeat(32), correlationId: 'matrix', idempotencyKey: null };
const FROM = { ip: '203.0.113.9', userAgent: 'a browser' };
/** After so long, in ms, somebody signs in anew: before a session ends because nobody uses it. */
const RENEWED_MS = 20 * 60_000;
/** Somebody at work looks so often, in ms. */
const LOOK_MS = SESSION_IDLE_MS - 60_000;
const NOBODY: BrowserSession = { cookie: '', formToken: '' };
const ANOTHER = 'boss';

export interface Sessions {
  /** Sets the password of an account by an invitation of whoever calls. */
  givePassword(ctx: CallContext, account: { readonly login: string; readonly id: string }): Promise<void>;
  of(login: string, proof: string | undefined): Promise<BrowserSession>;
  /** A call that was let in; then its session ends. */
  endedOnItsWay(login: string): Promise<{ readonly ctx: CallContext; readonly ended: () => Promise<void> }>;
}

export interface SessionPorts {
  readonly passwords: PasswordService;
  readonly sessions: SessionService;
  readonly now: () => number;
  readonly url: string;
}

export function createSessions({ passwords, sessions, now, url }: SessionPorts): Sessions {
  const begun = new Map<string, { readonly at: number; readonly session: Promise<BrowserSession> }>();

  /** As a browser does; who is not let in has no session. */
  async function signedIn(login: string): Promise<BrowserSession> {
    const site = { 'sec-fetch-site': 'same-origin' };
    const body = new URLSearchParams({ email: addressOf(login), password: PASSWORD });
    const reply = await fetch(`${url}/sign-in`, { method: 'POST', redirect: 'manual', headers: site, body });
    const [cookie = ''] = (reply.headers.getSetCookie()[0] ?? '').split(';');
    if (reply.status !== 303) return NOBODY;
    const page = await fetch(`${url}/approvals`, { headers: { cookie, accept: 'text/html' } });
    return { cookie, formToken: fieldOf({ text: await page.text() }, 'formToken') };
  }

  function present(login: string): Promise<BrowserSession> {
    const known = begun.get(login);
    if (known !== undefined && now() - known.at < RENEWED_MS) return known.session;
    const session = signedIn(login);
    begun.set(login, { at: now(), session });
    return session;
  }

  async function begunAt(login: string, at: number): Promise<string> {
    const claim = { email: addressOf(login), password: PASSWORD, from: FROM, previous: null };
    return (await passwords.signIn({ ...CALL, now: at }, claim)).secret;
  }

  async function contextOf(secret: string): Promise<CallContext> {
    const principal = await sessions.authenticate(secret, now());
    if (principal === null) throw new Error('a session that was just begun does not hold');
    return { ...CALL, now: now(), principal };
  }

  const shown = (secret: string): BrowserSession => ({
    cookie: `firebreak=${secret}`,
    formToken: formTokenOf(secret),
  });

  return {
    async givePassword(ctx, { id }) {
      const { secret } = await passwords.invite(ctx, { id });
      await passwords.accept({ ...CALL, now: now() }, { invitation: secret, password: PASSWORD });
    },
    async of(login, proof) {
      if (proof === 'no session') return NOBODY;
      if (proof === 'form token of another')
        return { ...(await present(login)), formToken: (await present(ANOTHER)).formToken };
      if (proof === 'unused too long') return shown(await begunAt(login, now() - SESSION_IDLE_MS));
      if (proof === 'too long ago') return shown(await usedFor(login, SESSION_LIFETIME_MS));
      if (proof !== 'signed out') return present(login);
      const secret = await begunAt(login, now());
      const ctx = await contextOf(secret);
      await sessions.end(ctx, { id: ctx.principal.keyId });
      return shown(secret);
    },
    async endedOnItsWay(login) {
      const ctx = await contextOf(await begunAt(login, now()));
      return { ctx, ended: async () => void (await sessions.end(ctx, { id: ctx.principal.keyId })) };
    },
  };

  /** A session that was begun so long ago, and was never left. */
  async function usedFor(login: string, lifetime: number): Promise<string> {
    const start = now() - lifetime;
    const secret = await begunAt(login, start);
    for (let at = start + LOOK_MS; at < now(); at += LOOK_MS) await sessions.authenticate(secret, at);
    await sessions.authenticate(secret, now() - 1);
    return secret;
  }
}
