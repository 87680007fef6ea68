import type { FastifyRequest } from 'fastify';
import { FirebreakError } from '../../platform/errors.ts';
import { sameText } from '../../platform/same-text.ts';

/**
 * A form of a session has to carry the session's own token: only our pages, in this browser, have it. An API key is never
 * sent by a browser by itself, and needs none. @throws FirebreakError `cross_site`.
 */
export function requireFormToken({ formToken }: FastifyRequest, given: string | undefined): void {
  if (formToken === null) return;
  if (given !== undefined && sameText(given, formToken)) return;
  throw new FirebreakError('cross_site', 'The form is not one of this session: open the page again');
}
