import type { FastifyReply, FastifyRequest } from 'fastify';
import { SESSION_LIFETIME_MS } from '../pipeline/access/session.ts';

/**
 * Over TLS the name says that it was set by this host, for all of it, over TLS (RFC 6265bis, section 4.1.3.2): no
 * neighbouring host can plant one. Browsers refuse that name over plain HTTP, which is for this machine only.
 */
const OVER_TLS = '__Host-firebreak';
const ON_THIS_MACHINE = 'firebreak';

/** How people reach the server, as far as it is configured. */
export interface Reach {
  /** The origin that people use (`PUBLIC_URL`); null: what the request says. */
  readonly publicUrl: string | null;
}

/** Whether the browser speaks TLS, to us or to the proxy in front. Who lies about it only spoils the own cookie. */
export function isOverTls(request: FastifyRequest, { publicUrl }: Reach): boolean {
  if (publicUrl !== null) return publicUrl.startsWith('https:');
  return request.headers['x-forwarded-proto'] === 'https';
}

/** Whether a cookie that lets somebody in may be given: over TLS, or where the line does not leave this machine. */
export function isPrivateLine(request: FastifyRequest, reach: Reach): boolean {
  return isOverTls(request, reach) || isLoopback(request.headers.host ?? '');
}

/** Whether a `Host` header names this machine. What a proxy says in its place is not asked. */
function isLoopback(host: string): boolean {
  return /^(localhost|\[::1\]|127(\.\d{1,3}){3})(:\d{1,5})?$/.test(host);
}

/** The secret that the browser sent, or null. Only the name that fits the line is believed. */
export function sessionSecretOf(request: FastifyRequest, reach: Reach): string | null {
  return request.cookies[isOverTls(request, reach) ? OVER_TLS : ON_THIS_MACHINE] ?? null;
}

/** Gives the browser its session. Nothing on a page can read it, and no other site's form brings it along. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, reach: Reach, secret: string): void {
  const secure = isOverTls(request, reach);
  const maxAge = SESSION_LIFETIME_MS / 1_000;
  const name = secure ? OVER_TLS : ON_THIS_MACHINE;
  void reply.setCookie(name, secret, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge });
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply, reach: Reach): void {
  const secure = isOverTls(request, reach);
  const name = secure ? OVER_TLS : ON_THIS_MACHINE;
  void reply.setCookie(name, '', { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge: 0 });
}
