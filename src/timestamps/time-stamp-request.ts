import { Integer, Null, OctetString } from 'asn1js';
import { AlgorithmIdentifier, MessageImprint, TimeStampReq } from 'pkijs';
import { sha256 } from '../platform/hash.ts';

/** SHA-256 (RFC 5754 section 2.2). The only imprint that is asked for, and the only one that is believed. */
export const SHA256_OID = '2.16.840.1.101.3.4.2.1';

/** Bytes of a nonce: RFC 3161 section 2.4.1 recommends 64 bits. */
export const NONCE_BYTES = 8;

/** Media types of RFC 3161 section 3.4. */
export const QUERY_TYPE = 'application/timestamp-query';
export const REPLY_TYPE = 'application/timestamp-reply';

/**
 * A request for a time stamp of `data` (RFC 3161 section 2.4.1), in DER. Only the SHA-256 of the data is in it, never the
 * data; the certificate of the authority is asked for, so that the token can be checked later without the authority.
 *
 * @param nonce `NONCE_BYTES` random bytes. Its highest bit is cleared, since it travels as a positive number.
 */
export function timeStampRequest(data: Uint8Array, nonce: Uint8Array): Buffer {
  const request = new TimeStampReq({
    version: 1,
    messageImprint: new MessageImprint({
      hashAlgorithm: new AlgorithmIdentifier({ algorithmId: SHA256_OID, algorithmParams: new Null() }),
      hashedMessage: new OctetString({ valueHex: Uint8Array.from(sha256(data)) }),
    }),
    nonce: new Integer({ valueHex: positive(nonce) }),
    certReq: true,
  });
  return Buffer.from(request.toSchema().toBER());
}

/** The nonce as a number that DER writes with exactly as many bytes: not negative, and without a leading zero. */
export function positive(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(nonce);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}
