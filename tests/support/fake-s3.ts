import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FAKE_KEY, FAKE_REGION, signatureFault } from './fake-s3-signature.ts';
import { FakeS3Error, FakeS3Store, sha256Base64, type FakeVersion, type Lies } from './fake-s3-store.ts';

/**
 * A FAKE of S3 for tests, over real HTTP: versions, Object Lock, legal holds, uploads in parts, checksums, conditional writes and
 * signatures as the documentation of S3 has them. It shows that the adapter keeps to that documentation; it does not show how S3 itself behaves.
 */
export interface FakeS3 {
  readonly url: string;
  readonly store: FakeS3Store;
  /** Operations in the order in which they came, by S3's names. */
  readonly seen: string[];
  /** The store's clock, against the machine's, in ms. */
  skewMs: number;
  /** Added to the store's clock for locks only, as time that has passed. */
  passedMs: number;
  /** What goes wrong, each with the next request of its operation. */
  fault(operation: string, fault: Fault, times?: number): void;
  close(): Promise<void>;
}

export type Fault =
  | { readonly type: 'error'; readonly status: number; readonly code: string }
  /** The line is cut while the request comes. */
  | { readonly type: 'cut-request' }
  /** It is done, and nobody hears so. */
  | { readonly type: 'lost-reply' }
  /** The line is cut after so many bytes of the body. */
  | { readonly type: 'cut-reply'; readonly after: number }
  /** Silence after so many bytes of the body. */
  | { readonly type: 'silence'; readonly after: number }
  /** Asked when the request has come; it goes on when the promise resolves. */
  | { readonly type: 'wait'; readonly until: Promise<void> };

export const FAKE_BUCKET = 'evidence-of-tests';
/** Keys of one page of a list: small, so that every test turns pages. */
const PAGE = 3;

/** What the vault is opened with to find it. */
export function fakeS3Options({ url }: Pick<FakeS3, 'url'>) {
  return {
    endpoint: url,
    region: FAKE_REGION,
    bucket: FAKE_BUCKET,
    pathStyle: true,
    credentials: { accessKeyId: FAKE_KEY.id, secretAccessKey: FAKE_KEY.secret, sessionToken: null },
    allowPrivate: [],
  };
}

export async function startFakeS3(lies: Lies = {}): Promise<FakeS3> {
  const faults = new Map<string, Fault[]>();
  const fake: FakeS3 = {
    url: '',
    store: new FakeS3Store(() => Date.now() + fake.passedMs, lies),
    seen: [],
    skewMs: 0,
    passedMs: 0,
    fault(operation, fault, times = 1) {
      faults.set(operation, [...(faults.get(operation) ?? []), ...Array.from({ length: times }, () => fault)]);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  const server = createServer((request, response) => {
    answer(fake, faults, request, response).catch((thrown: unknown) => {
      if (request.socket.destroyed) return;
      const { status, code, message } =
        thrown instanceof FakeS3Error ? thrown : new FakeS3Error(500, 'InternalError', String(thrown));
      send(response, { status, body: xml('Error', tag('Code', code) + tag('Message', message)) }, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(fake, { url: `http://127.0.0.1:${port}` });
}

async function answer(
  fake: FakeS3,
  faults: Map<string, Fault[]>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://fake');
  const [, bucket = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
  const call: Call = {
    store: fake.store,
    key: rest.join('/'),
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.alloc(0),
  };
  const operation = operationOf(request.method ?? '', call);
  fake.seen.push(operation);
  const fault = faults.get(operation)?.shift();
  if (fault?.type === 'cut-request') {
    request.once('data', () => request.socket.destroy());
    request.once('end', () => request.socket.destroy());
    return;
  }
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  response.setHeader('date', new Date(Date.now() + fake.skewMs).toUTCString());
  if (fault?.type === 'wait') await fault.until;
  if (fault?.type === 'error') throw new FakeS3Error(fault.status, fault.code);
  const refused = signatureFault(request, body, Date.now() + fake.skewMs);
  if (refused !== null) throw new FakeS3Error(403, refused);
  if (fake.store.lies.forbidden?.includes(operation) === true) throw new FakeS3Error(403, 'AccessDenied');
  if (bucket !== FAKE_BUCKET) throw new FakeS3Error(404, 'NoSuchBucket');
  const reply = OPERATIONS[operation]?.({ ...call, body });
  if (reply === undefined) throw new FakeS3Error(501, 'NotImplemented', operation);
  if (fault?.type === 'lost-reply') return void request.socket.destroy();
  send(response, reply, request, fault);
}

interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | readonly Buffer[];
}

function send(
  response: ServerResponse,
  { status = 200, headers = {}, body = '' }: Reply,
  request: IncomingMessage,
  fault?: Fault,
): void {
  const pieces = typeof body === 'string' ? [Buffer.from(body)] : body;
  const length = pieces.reduce((total, piece) => total + piece.length, 0);
  response.writeHead(status, { 'content-length': length, ...headers });
  if (request.method === 'HEAD') return void response.end();
  if (fault?.type !== 'cut-reply' && fault?.type !== 'silence') {
    for (const piece of pieces) response.write(piece);
    return void response.end();
  }
  response.write(Buffer.concat(pieces).subarray(0, fault.after), () => {
    if (fault.type === 'cut-reply') request.socket.destroy();
  });
}

interface Call {
  readonly store: FakeS3Store;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

function operationOf(method: string, { key, query }: Call): string {
  const has = (name: string): boolean => query.has(name);
  if (key === '') {
    if (has('object-lock')) return 'GetObjectLockConfiguration';
    if (has('versions')) return 'ListObjectVersions';
    return has('uploads') ? 'ListMultipartUploads' : `${method} bucket`;
  }
  if (has('retention')) return method === 'PUT' ? 'PutObjectRetention' : 'GetObjectRetention';
  if (has('legal-hold')) return method === 'PUT' ? 'PutObjectLegalHold' : 'GetObjectLegalHold';
  if (has('uploads')) return 'CreateMultipartUpload';
  if (has('uploadId'))
    return (
      { PUT: 'UploadPart', GET: 'ListParts', POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload' }[
        method
      ] ?? method
    );
  return { PUT: 'PutObject', GET: 'GetObject', HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method] ?? method;
}

const OPERATIONS: Readonly<Record<string, (call: Call) => Reply>> = {
  GetObjectLockConfiguration({ store }) {
    if (store.lies.objectLock === 'none') throw new FakeS3Error(404, 'ObjectLockConfigurationNotFoundError');
    return { body: xml('ObjectLockConfiguration', tag('ObjectLockEnabled', 'Enabled')) };
  },
  ListObjectVersions: ({ store, query }) => ({ body: versionPage(store, query) }),
  ListMultipartUploads({ store, query }) {
    const found = [...store.uploads.values()].filter(({ key }) => key.startsWith(query.get('prefix') ?? ''));
    const shown = found.map(({ id, key }) => `<Upload>${tag('Key', key)}${tag('UploadId', id)}</Upload>`);
    return { body: xml('ListMultipartUploadsResult', shown.join('')) };
  },
  PutObject({ store, key, headers, body }) {
    const checksum = checkedSum(store, headers, body);
    store.requireFree(key, one(headers['if-none-match']));
    const lock = lockIn(headers);
    if (lock !== null && checksum === null)
      throw new FakeS3Error(400, 'InvalidRequest', 'Content-MD5 or checksum is required');
    const version = store.add(key, [store.same(body, checksum ?? sha256Base64(body))], checksum, lock);
    return { headers: { etag: version.etag, 'x-amz-version-id': version.id, ...sumHeader(version) } };
  },
  GetObject({ store, key, query, headers }) {
    const version = store.version(key, query.get('versionId'));
    const size = version.pieces.reduce((total, piece) => total + piece.length, 0);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    const shown = { etag: version.etag, 'x-amz-version-id': version.id };
    if (from === undefined) return { headers: shown, body: version.pieces };
    if (Number(from) >= size) throw new FakeS3Error(416, 'InvalidRange');
    const end = Math.min(Number(to) + 1, size);
    const body = slice(version.pieces, Number(from), end);
    return { status: 206, headers: { ...shown, 'content-range': `bytes ${from}-${end - 1}/${size}` }, body };
  },
  HeadObject({ store, key, query, headers }) {
    const version = store.version(key, query.get('versionId'));
    const size = version.pieces.reduce((total, piece) => total + piece.length, 0);
    const sum = headers['x-amz-checksum-mode'] === 'ENABLED' ? sumHeader(version) : {};
    return { headers: { etag: version.etag, 'content-length': String(size), 'x-amz-version-id': version.id, ...sum } };
  },
  DeleteObject({ store, key, query }) {
    const { marker } = store.remove(key, query.get('versionId'));
    if (marker === null) return { status: 204 };
    return { status: 204, headers: { 'x-amz-delete-marker': 'true', 'x-amz-version-id': marker } };
  },
  GetObjectRetention({ store, key, query }) {
    const { lock } = store.version(key, query.get('versionId'));
    if (lock === null) throw new FakeS3Error(404, 'NoSuchObjectLockConfiguration');
    const until = new Date(lock.until).toISOString();
    return { body: xml('Retention', tag('Mode', lock.mode) + tag('RetainUntilDate', until)) };
  },
  PutObjectRetention({ store, key, query, body }) {
    const [mode, until] = [inner(body, 'Mode'), Date.parse(inner(body, 'RetainUntilDate'))];
    store.setLock(store.version(key, query.get('versionId')), { mode, until });
    return {};
  },
  GetObjectLegalHold({ store, key, query }) {
    const { held } = store.version(key, query.get('versionId'));
    return { body: xml('LegalHold', tag('Status', held ? 'ON' : 'OFF')) };
  },
  PutObjectLegalHold({ store, key, query, body }) {
    store.setHold(store.version(key, query.get('versionId')), inner(body, 'Status') === 'ON');
    return {};
  },
  CreateMultipartUpload({ store, key, headers }) {
    const upload = { id: store.id(), key, lock: lockIn(headers), parts: new Map() };
    store.uploads.set(upload.id, upload);
    return { body: xml('InitiateMultipartUploadResult', tag('UploadId', upload.id)) };
  },
  UploadPart({ store, query, headers, body }) {
    const upload = store.upload(query.get('uploadId'));
    const checksum = checkedSum(store, headers, body) ?? sha256Base64(body);
    const part = { bytes: store.same(body, checksum), etag: `"${checksum.slice(0, 16)}"`, checksum };
    upload.parts.set(Number(query.get('partNumber')), part);
    return { headers: { etag: part.etag, 'x-amz-checksum-sha256': checksum } };
  },
  ListParts({ store, query }) {
    const after = Number(query.get('part-number-marker') ?? 0);
    const all = [...store.upload(query.get('uploadId')).parts].sort(([left], [right]) => left - right);
    const left = all.filter(([number]) => number > after);
    const page = left
      .slice(0, PAGE)
      .map(
        ([number, { bytes, etag, checksum }]) =>
          `<Part>${tag('PartNumber', number)}${tag('ETag', etag)}${tag('Size', bytes.length)}${tag('ChecksumSHA256', checksum)}</Part>`,
      );
    const more = left.length > PAGE ? tag('NextPartNumberMarker', left[PAGE - 1]?.[0] ?? 0) : '';
    return { body: xml('ListPartsResult', tag('IsTruncated', left.length > PAGE) + more + page.join('')) };
  },
  CompleteMultipartUpload({ store, query, headers, body }) {
    const upload = store.upload(query.get('uploadId'));
    store.requireFree(upload.key, one(headers['if-none-match']));
    const asked = [...body.toString().matchAll(/<Part>.*?<\/Part>/gs)].map(([text]) => ({
      number: Number(inner(text, 'PartNumber')),
      etag: inner(text, 'ETag').replaceAll('&quot;', '"'),
      checksum: inner(text, 'ChecksumSHA256'),
    }));
    const version = store.complete(upload, asked);
    return {
      headers: { 'x-amz-version-id': version.id },
      body: xml(
        'CompleteMultipartUploadResult',
        tag('ETag', version.etag) + tag('ChecksumSHA256', version.checksum ?? ''),
      ),
    };
  },
  AbortMultipartUpload({ store, query }) {
    store.uploads.delete(store.upload(query.get('uploadId')).id);
    return { status: 204 };
  },
};

function versionPage(store: FakeS3Store, query: URLSearchParams): string {
  const all = [...store.keys]
    .filter(([key]) => key.startsWith(query.get('prefix') ?? ''))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([key, versions]) => versions.map((version) => ({ key, version })));
  const [keyMarker, idMarker] = [query.get('key-marker'), query.get('version-id-marker')];
  const after = all.findIndex(({ key, version }) => key === keyMarker && version.id === idMarker);
  const page = all.slice(after + 1, after + 1 + PAGE);
  const last = page.at(-1);
  const isMore = after + 1 + PAGE < all.length;
  const shown = page.map(({ key, version }) => {
    const name = version.isMarker ? 'DeleteMarker' : 'Version';
    const size = version.pieces.reduce((total, piece) => total + piece.length, 0);
    const about =
      tag('Key', encodeURIComponent(key)) +
      tag('VersionId', version.id) +
      tag('LastModified', new Date(version.at).toISOString());
    return `<${name}>${about}${version.isMarker ? '' : tag('Size', size) + tag('ETag', version.etag)}</${name}>`;
  });
  const next =
    isMore && last !== undefined
      ? tag('NextKeyMarker', encodeURIComponent(last.key)) + tag('NextVersionIdMarker', last.version.id)
      : '';
  return xml('ListVersionsResult', tag('IsTruncated', isMore) + next + shown.join(''));
}

function checkedSum({ lies }: FakeS3Store, headers: IncomingMessage['headers'], body: Buffer): string | null {
  const given = one(headers['x-amz-checksum-sha256']) ?? null;
  if (given !== null && lies.checksums !== 'ignored' && given !== sha256Base64(body))
    throw new FakeS3Error(400, 'BadDigest');
  return given;
}

function lockIn(headers: IncomingMessage['headers']): FakeVersion['lock'] {
  const mode = one(headers['x-amz-object-lock-mode']);
  const until = Date.parse(one(headers['x-amz-object-lock-retain-until-date']) ?? '');
  return mode === undefined ? null : { mode, until };
}

function sumHeader({ checksum }: FakeVersion): Record<string, string> {
  return checksum === null ? {} : { 'x-amz-checksum-sha256': checksum };
}

function slice(pieces: readonly Buffer[], from: number, end: number): readonly Buffer[] {
  let at = 0;
  return pieces.flatMap((piece) => {
    const part = piece.subarray(Math.max(0, from - at), Math.max(0, end - at));
    at += piece.length;
    return part.length > 0 ? [part] : [];
  });
}

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
const tag = (name: string, value: string | number | boolean): string =>
  `<${name}>${String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')}</${name}>`;
const xml = (name: string, body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${body}</${name}>`;
const inner = (text: Buffer | string, name: string): string =>
  new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(text.toString())?.[1] ?? '';
