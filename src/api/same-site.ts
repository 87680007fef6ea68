import type { FastifyRequest } from 'fastify';
import { FirebreakError } from '../platform/errors.ts';
import { isOverTls, type Reach } from './session-cookie.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A cookie is sent by the browser whoever made it ask, so that a change by cookie needs a proof that one of our own pages
 * asked: `Sec-Fetch-Site`, which no page can forge, else `Origin`. Neither is a refusal.
 *
 * @throws FirebreakError `cross_site`.
 */
export function requireSameSite(request: FastifyRequest, reach: Reach): void {
  if (SAFE_METHODS.has(request.method)) return;
  const { 'sec-fetch-site': site, origin, host } = request.headers;
  if (site !== undefined) {
    if (site === 'same-origin') return;
    throw new FirebreakError('cross_site', 'This did not come from one of our own pages');
  }
  const own = reach.publicUrl ?? `${isOverTls(request, reach) ? 'https' : 'http'}://${host ?? ''}`;
  if (origin !== undefined && host !== undefined && origin === own) return;
  throw new FirebreakError('cross_site', 'Nothing shows that this came from one of our own pages');
}
