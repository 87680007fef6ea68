import { createHash } from 'node:crypto';

/** What the fake store holds. Bytes that are the same are held once, so that a large artefact of a test is small. */
export interface FakeVersion {
  readonly id: string;
  readonly at: number;
  readonly isMarker: boolean;
  pieces: readonly Buffer[];
  readonly etag: string;
  readonly checksum: string | null;
  lock: { readonly mode: string; readonly until: number } | null;
  held: boolean;
}

export interface FakeUpload {
  readonly id: string;
  readonly key: string;
  readonly lock: FakeVersion['lock'];
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string; readonly checksum: string }>;
}

/** What a fake store does other than S3 does. */
export interface Lies {
  /** `none`: the bucket was made without a lock. */
  readonly objectLock?: 'none';
  /** `forgets`: takes a lock and has none. `shortens`: has it for half of the time. `governance`: has it in another mode. `deletes`: has it, and removes what it stands on. */
  readonly retention?: 'forgets' | 'shortens' | 'governance' | 'deletes';
  /** `forgets`: takes a hold and has none. `deletes`: has it, and removes what it stands on. */
  readonly hold?: 'forgets' | 'deletes';
  /** Takes bytes without a look at their SHA-256. */
  readonly checksums?: 'ignored';
  /** `ignored`: writes over what is there. `refused`: answers that it does not know the header. */
  readonly conditions?: 'ignored' | 'refused';
  /** What the credentials may not do. */
  readonly forbidden?: readonly string[];
}

export class FakeS3Error extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message = code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** S3 refuses smaller parts but the last one, in bytes. */
const LEAST_PART = 5 * 1024 * 1024;

export const sha256Base64 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64');

export class FakeS3Store {
  readonly keys = new Map<string, FakeVersion[]>();
  readonly uploads = new Map<string, FakeUpload>();
  lies: Lies;
  /** The store's own time, ms since 1970. */
  readonly now: () => number;
  readonly #blobs = new Map<string, Buffer>();
  #count = 0;
  constructor(now: () => number, lies: Lies) {
    this.now = now;
    this.lies = lies;
  }

  id(): string {
    this.#count += 1;
    return `v${String(this.#count).padStart(8, '0')}`;
  }

  /** One copy of the same bytes. */
  same(bytes: Buffer, checksum: string): Buffer {
    const known = this.#blobs.get(checksum);
    if (known === undefined) this.#blobs.set(checksum, bytes);
    return known ?? bytes;
  }

  current(key: string): FakeVersion | null {
    const newest = this.keys.get(key)?.[0];
    return newest === undefined || newest.isMarker ? null : newest;
  }

  /** @throws FakeS3Error */
  version(key: string, versionId: string | null): FakeVersion {
    const versions = this.keys.get(key) ?? [];
    const found = versionId === null ? this.current(key) : versions.find(({ id }) => id === versionId);
    if (found === undefined || found === null)
      throw new FakeS3Error(404, versionId === null ? 'NoSuchKey' : 'NoSuchVersion');
    return found;
  }

  requireFree(key: string, condition: string | undefined): void {
    if (condition === undefined || this.lies.conditions === 'ignored') return;
    if (this.lies.conditions === 'refused') throw new FakeS3Error(501, 'NotImplemented');
    if (this.current(key) !== null) throw new FakeS3Error(412, 'PreconditionFailed');
  }

  add(key: string, pieces: readonly Buffer[], checksum: string | null, lock: FakeVersion['lock']): FakeVersion {
    const etag = `"${createHash('md5')
      .update(checksum ?? Buffer.concat(pieces))
      .digest('hex')}"`;
    const version = {
      id: this.id(),
      at: this.now(),
      isMarker: false,
      pieces,
      etag,
      checksum,
      lock: this.told(lock),
      held: false,
    };
    this.keys.set(key, [version, ...(this.keys.get(key) ?? [])]);
    return version;
  }

  /** The lock that is really set. */
  told(lock: FakeVersion['lock']): FakeVersion['lock'] {
    if (lock === null) return null;
    if (lock.until <= this.now())
      throw new FakeS3Error(400, 'InvalidArgument', 'The retain until date must be in the future!');
    if (this.lies.retention === 'forgets') return null;
    if (this.lies.retention === 'governance') return { ...lock, mode: 'GOVERNANCE' };
    if (this.lies.retention === 'shortens') return { ...lock, until: this.now() + (lock.until - this.now()) / 2 };
    return lock;
  }

  setLock(version: FakeVersion, lock: { readonly mode: string; readonly until: number }): void {
    const { lock: before } = version;
    if (before?.mode === 'COMPLIANCE' && (lock.until < before.until || lock.mode !== 'COMPLIANCE'))
      throw new FakeS3Error(403, 'AccessDenied', 'Access Denied because object protected by object lock.');
    version.lock = this.told(lock);
  }

  setHold(version: FakeVersion, held: boolean): void {
    version.held = held && this.lies.hold !== 'forgets';
  }

  remove(key: string, versionId: string | null): { readonly marker: string | null } {
    const versions = this.keys.get(key) ?? [];
    if (versionId === null) {
      const marker = {
        id: this.id(),
        at: this.now(),
        isMarker: true,
        pieces: [],
        etag: '',
        checksum: null,
        lock: null,
        held: false,
      };
      this.keys.set(key, [marker, ...versions]);
      return { marker: marker.id };
    }
    const found = versions.find(({ id }) => id === versionId);
    if (found === undefined) return { marker: null };
    const locked = found.lock !== null && found.lock.until > this.now() && this.lies.retention !== 'deletes';
    if (locked || (found.held && this.lies.hold !== 'deletes'))
      throw new FakeS3Error(403, 'AccessDenied', 'Access Denied because object protected by object lock.');
    const left = versions.filter((each) => each !== found);
    if (left.length === 0) this.keys.delete(key);
    else this.keys.set(key, left);
    return { marker: null };
  }

  upload(id: string | null): FakeUpload {
    const found = this.uploads.get(id ?? '');
    if (found === undefined) throw new FakeS3Error(404, 'NoSuchUpload');
    return found;
  }

  complete(
    upload: FakeUpload,
    asked: readonly { readonly number: number; readonly etag: string; readonly checksum: string }[],
  ): FakeVersion {
    const parts = asked.map(({ number, etag, checksum }, index) => {
      const part = upload.parts.get(number);
      if (part === undefined || part.etag !== etag || part.checksum !== checksum)
        throw new FakeS3Error(400, 'InvalidPart');
      if (number !== index + 1) throw new FakeS3Error(400, 'InvalidPartOrder');
      if (index < asked.length - 1 && part.bytes.length < LEAST_PART) throw new FakeS3Error(400, 'EntityTooSmall');
      return part;
    });
    if (parts.length === 0) throw new FakeS3Error(400, 'MalformedXML');
    const digests = Buffer.concat(parts.map(({ checksum }) => Buffer.from(checksum, 'base64')));
    this.uploads.delete(upload.id);
    return this.add(
      upload.key,
      parts.map(({ bytes }) => bytes),
      `${sha256Base64(digests)}-${parts.length}`,
      upload.lock,
    );
  }

  /** Changes a bit of what is stored, as a bad disk does: nothing that the store says of it changes. */
  flip(key: string, at: number): void {
    const version = this.version(key, null);
    const bytes = Buffer.concat(version.pieces);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    version.pieces = [bytes];
  }
}
