import { X509Certificate, hash, timingSafeEqual } from 'node:crypto';
import { fromBER, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import { Certificate, ContentInfo, ExtKeyUsage, SignedData, TimeStampResp, TSTInfo, type SignerInfo } from 'pkijs';
import { sha256 } from '../platform/hash.ts';
import { messageOf } from '../platform/errors.ts';
import { positive, SHA256_OID } from './time-stamp-request.ts';

/**
 * Reading and checking RFC 3161 time-stamp tokens. Everything in a token is hostile: nothing here throws, and whatever is
 * not understood is a problem in words.
 */

/** Biggest token, in bytes: those of public authorities, with their chains, are 2 to 8 KiB. */
export const MAX_TOKEN_BYTES = 64 * 1024;

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
/** The signed attribute that binds the signature to one certificate: RFC 2634 (SHA-1) and RFC 5035 (any hash). */
const SIGNING_CERTIFICATE = '1.2.840.113549.1.9.16.2.12';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const HASHES: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  [SHA256_OID, 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);
/** `granted` and `grantedWithMods` (RFC 3161 section 2.4.2). */
const GRANTED: ReadonlySet<number> = new Set([0, 1]);

/** What a valid token says. */
export interface TimeStamp {
  /** When the authority says that the data existed, ms since 1970. */
  readonly genTime: number;
  /** Serial number, hexadecimal. */
  readonly serial: string;
  /** Object identifier of the authority's policy. */
  readonly policy: string;
  /** Subject of the certificate that signed, on one line. */
  readonly authority: string;
  /** Whether its certificate leads to a root that the verifier trusts. False: no roots were given. */
  readonly trusted: boolean;
}

export type OpenedTimeStamp =
  { readonly ok: true; readonly stamp: TimeStamp } | { readonly ok: false; readonly problem: string };

export interface TimeStampTrust {
  /** Certificates of authorities in PEM; empty: the signature is checked, but nobody says whose it is. */
  readonly roots: readonly string[];
  /** The nonce that was sent with the request; null where the request is not known any more. */
  readonly nonce: Uint8Array | null;
}

/** The token in an authority's reply, DER as it came; or why there is none. Never throws. */
export function tokenOf(reply: Uint8Array): { readonly token: Buffer } | { readonly problem: string } {
  if (reply.length > MAX_TOKEN_BYTES) return { problem: `the reply is larger than ${MAX_TOKEN_BYTES} bytes` };
  try {
    if (!isWhole(reply)) return { problem: 'the reply is no DER of a time-stamp response' };
    const { status, timeStampToken } = TimeStampResp.fromBER(bytesOf(reply));
    if (!GRANTED.has(status.status)) return { problem: `the authority refused: status ${status.status}` };
    if (timeStampToken === undefined) return { problem: 'the authority granted the request without a token' };
    // As it came, not encoded again: these bytes are what is kept.
    const [, token] = membersOf(fromBER(bytesOf(reply)).result);
    return token instanceof Sequence
      ? { token: Buffer.from(token.valueBeforeDecodeView) }
      : { problem: 'the reply holds no token' };
  } catch (thrown) {
    return { problem: `the reply is no time-stamp response: ${messageOf(thrown)}` };
  }
}

/**
 * Checks a token against the data that it is said to be of: imprint, nonce, signature, that the certificate is for time
 * stamps only (extended key usage, critical) and was valid then, that the signature is bound to it, and the chain to a
 * trusted root at the time of the stamp. Whether the authority has revoked its certificate since is not asked: it is offline.
 * Never throws.
 */
export async function openTimeStamp(
  token: Uint8Array,
  data: Uint8Array,
  trust: TimeStampTrust,
): Promise<OpenedTimeStamp> {
  try {
    return await open(token, data, trust);
  } catch (thrown) {
    return refused(messageOf(thrown));
  }
}

async function open(token: Uint8Array, data: Uint8Array, trust: TimeStampTrust): Promise<OpenedTimeStamp> {
  if (token.length > MAX_TOKEN_BYTES) return refused(`it is larger than ${MAX_TOKEN_BYTES} bytes`);
  if (!isWhole(token)) return refused('it is no DER');
  const content = ContentInfo.fromBER(bytesOf(token));
  if (content.contentType !== SIGNED_DATA) return refused('it is no signed data');
  const signed = new SignedData({ schema: content.content });
  const inner = signed.encapContentInfo.eContent;
  if (signed.encapContentInfo.eContentType !== TST_INFO || inner === undefined) return refused('it signs no time');
  const info = TSTInfo.fromBER(inner.getValue());
  const [signer, ...more] = signed.signerInfos;
  if (signer === undefined || more.length > 0) return refused('it has not exactly one signature');

  const imprint = imprintProblem(info, data) ?? nonceProblem(info, trust.nonce);
  if (imprint !== null) return refused(imprint);
  const roots = trust.roots.map((pem) => Certificate.fromBER(bytesOf(new X509Certificate(pem).raw)));
  const checkChain = roots.length > 0;
  const verified = await signed.verify({
    signer: 0,
    data: bytesOf(data).buffer,
    trustedCerts: roots,
    checkDate: info.genTime,
    checkChain,
    passedWhenNotRevValues: true,
    extendedMode: true,
  });
  if (verified.signatureVerified !== true) return refused(verified.message || 'its signature is wrong');
  const certificate = verified.signerCertificate;
  if (certificate === null || certificate === undefined) return refused('it holds no certificate of its signer');
  const der = Buffer.from(certificate.toSchema().toBER());
  const problem = certificateProblem(certificate, info.genTime) ?? bindingProblem(signer, der);
  if (problem !== null) return refused(problem);
  return {
    ok: true,
    stamp: {
      genTime: info.genTime.getTime(),
      serial: Buffer.from(info.serialNumber.valueBlock.valueHexView).toString('hex'),
      policy: info.policy,
      authority: new X509Certificate(der).subject.replaceAll('\n', ', '),
      trusted: checkChain,
    },
  };
}

function refused(problem: string): OpenedTimeStamp {
  return { ok: false, problem };
}

function imprintProblem({ messageImprint }: TSTInfo, data: Uint8Array): string | null {
  if (messageImprint.hashAlgorithm.algorithmId !== SHA256_OID) return 'its imprint is not SHA-256';
  const stamped = Buffer.from(messageImprint.hashedMessage.valueBlock.valueHexView);
  return same(stamped, sha256(data)) ? null : 'it is of other data';
}

function nonceProblem({ nonce }: TSTInfo, sent: Uint8Array | null): string | null {
  if (sent === null) return null;
  if (nonce === undefined) return 'it lacks the nonce that was sent';
  return same(Buffer.from(nonce.valueBlock.valueHexView), Buffer.from(positive(sent)))
    ? null
    : 'its nonce is not the one that was sent: it answers another request';
}

/** RFC 3161 section 2.3: the certificate is for time stamps and nothing else, and says so critically. */
function certificateProblem(certificate: Certificate, at: Date): string | null {
  const usage = certificate.extensions?.filter(({ extnID }) => extnID === EXTENDED_KEY_USAGE) ?? [];
  const [extension, second] = usage;
  if (extension === undefined || second !== undefined || !extension.critical) {
    return 'the certificate of its signer is not critically for time stamps';
  }
  const parsed: unknown = extension.parsedValue;
  const purposes = parsed instanceof ExtKeyUsage ? parsed.keyPurposes : [];
  if (purposes.length !== 1 || purposes[0] !== TIME_STAMPING) {
    return 'the certificate of its signer is not for time stamps alone';
  }
  const isValid = at >= certificate.notBefore.value && at <= certificate.notAfter.value;
  return isValid ? null : 'the certificate of its signer was not valid at that time';
}

/** The signature names its certificate by hash: another one with the same key must not take its place. */
function bindingProblem({ signedAttrs }: SignerInfo, certificate: Buffer): string | null {
  const attributes = signedAttrs?.attributes ?? [];
  const contentType: unknown = attributes.find(({ type }) => type === CONTENT_TYPE)?.values[0];
  if (!(contentType instanceof ObjectIdentifier) || contentType.getValue() !== TST_INFO) {
    return 'its signature is not over a time';
  }
  for (const { type, values } of attributes) {
    if (type !== SIGNING_CERTIFICATE && type !== SIGNING_CERTIFICATE_V2) continue;
    const value: unknown = values[0];
    const named = certificateHash(value, type === SIGNING_CERTIFICATE ? 'sha1' : 'sha256');
    if (named === null) return 'it names the certificate of its signer in a form that is not known';
    return same(named.digest, hash(named.algorithm, certificate, 'buffer'))
      ? null
      : 'it names another certificate than the one that it was signed with';
  }
  return 'it does not name the certificate of its signer';
}

/** `SigningCertificate(V2)`: the first entry is the signer's, its hash behind an optional algorithm. */
function certificateHash(value: unknown, usual: string): { algorithm: string; digest: Buffer } | null {
  const [certs] = membersOf(value);
  const [first] = membersOf(certs);
  const members = membersOf(first);
  const [algorithm, digest] = members[0] instanceof OctetString ? [null, members[0]] : [members[0], members[1]];
  const [oid] = membersOf(algorithm);
  const name = oid instanceof ObjectIdentifier ? HASHES.get(oid.getValue()) : algorithm === null ? usual : undefined;
  if (name === undefined || !(digest instanceof OctetString)) return null;
  return { algorithm: name, digest: Buffer.from(digest.valueBlock.valueHexView) };
}

function membersOf(value: unknown): readonly unknown[] {
  return value instanceof Sequence ? value.valueBlock.value : [];
}

/** One DER value and nothing behind it: a token with an attachment is another file that says the same. */
function isWhole(bytes: Uint8Array): boolean {
  const { offset, result } = fromBER(bytesOf(bytes));
  return offset === bytes.length && result.error === '';
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** A copy with a buffer of its own: the parser reads whole buffers. */
function bytesOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}
