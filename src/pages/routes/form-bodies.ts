import { FirebreakError } from '../../platform/errors.ts';
import { sha256Hex } from '../../platform/hash.ts';
import type { ApiServer } from '../../api/server.ts';

/** Longest form, in bytes: a comment of 2,000 characters, each three bytes and percent-encoded, and some tokens. */
export const MAX_FORM_BYTES = 32 * 1024;
/** Fields of a form; ours have six at most. */
const MAX_FIELDS = 20;

/** Forms for pages, and nothing else: an API that took forms could be called by any other site. */
export function acceptForms(scope: ApiServer): void {
  scope.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: MAX_FORM_BYTES } as const;
  scope.addContentTypeParser('application/x-www-form-urlencoded', options, (request, body: Buffer, done) => {
    request.bodyHash = sha256Hex(body);
    const fields = [...new URLSearchParams(body.toString('utf8'))];
    const names = new Set(fields.map(([name]) => name));
    if (fields.length > MAX_FIELDS || names.size !== fields.length) {
      return done(new FirebreakError('invalid_request', 'The form has a field twice, or too many'));
    }
    done(null, Object.fromEntries(fields));
  });
}
