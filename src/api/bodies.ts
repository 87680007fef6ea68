import { FirebreakError } from '../platform/errors.ts';
import { sha256Hex } from '../platform/hash.ts';
import { MAX_INGEST_REQUEST_BYTES } from '../platform/limits.ts';
import { readDocument } from '../pipeline/playbooks/document.ts';
import { parseJsonBody } from './json-body.ts';
import type { ApiServer } from './server.ts';

/** JSON for every route but the events: refused in the parser, before any schema or merge sees it. */
export function acceptJsonBodies(app: ApiServer): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    try {
      request.bodyHash = sha256Hex(body);
      done(null, parseJsonBody(body));
    } catch (thrown) {
      done(thrown instanceof Error ? thrown : new Error('not an error'));
    }
  });
}

const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml'];

/** YAML where people post what they wrote in files: the same value as JSON would give, read with the same bounds. */
export function acceptYamlBodies(app: ApiServer): void {
  app.addContentTypeParser(YAML_TYPES, { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    request.bodyHash = sha256Hex(body);
    const read = readDocument(body.toString('utf8'), 'yaml');
    if ('value' in read) return done(null, read.value);
    const [first] = read.faults;
    done(new FirebreakError('invalid_request', first?.detail ?? 'The YAML cannot be read', read.faults));
  });
}

/** The text of a runbook as it was written: it is kept byte for byte. */
export function acceptRunbookBodies(app: ApiServer): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    [...YAML_TYPES, 'application/json'],
    { parseAs: 'buffer' },
    (request, body: Buffer, done) => {
      request.bodyHash = sha256Hex(body);
      done(null, body);
    },
  );
}

/** Whether a content type announces YAML. */
export function isYaml(contentType: string | undefined): boolean {
  const [type = ''] = (contentType ?? '').toLowerCase().split(';');
  return YAML_TYPES.includes(type.trim());
}

/** The events' bytes as they came: their hash is part of the record, so nothing may be parsed and printed again. */
export function acceptRawBodies(app: ApiServer): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    [...JSON_TYPES, ...NDJSON_TYPES],
    { parseAs: 'buffer', bodyLimit: MAX_INGEST_REQUEST_BYTES },
    (_request, body: Buffer, done) => done(null, body),
  );
}

const JSON_TYPES = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json'];
const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines'];

/** Which of the two shapes a content type announces. */
export function mediaTypeOf(contentType: string | undefined): 'json' | 'ndjson' {
  const [type] = (contentType ?? '').toLowerCase().split(';');
  return NDJSON_TYPES.includes(type?.trim() ?? '') ? 'ndjson' : 'json';
}

/** Compressed bodies are refused: a small one may unfold to any size. */
export function refuseCompressedBodies(app: ApiServer): void {
  app.addHook('onRequest', async (request) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding.toLowerCase() === 'identity') return;
    throw new FirebreakError('unsupported_media_type', 'Send the body uncompressed');
  });
}
