import { createPrivateKey, randomUUID, webcrypto, X509Certificate } from 'node:crypto';
import { createTransport } from 'nodemailer';
import type { MailSigner } from '../../platform/notification-config.ts';

/**
 * S/MIME (RFC 8551): content is signed, where a certificate for that is configured, and then enveloped for one certificate.
 * AES-256-CBC is what every mail program reads; RSA keys get the content key by RSA-OAEP with SHA-256, elliptic curves by ECDH.
 */

/** Object identifiers of CMS content (RFC 5652). */
const DATA = '1.2.840.113549.1.7.1';
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const ENVELOPED_DATA = '1.2.840.113549.1.7.3';
/** Names of WebCrypto for the curves that keys here may have. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
const HASH = 'SHA-256';

/** A MIME part before it is sealed. */
export interface Content {
  /** Protected: the mail outside has another one. */
  readonly subject: string;
  readonly text: string;
  readonly attachments: readonly {
    readonly filename: string;
    readonly contentType: string;
    readonly content: string;
  }[];
}

/** The content as a MIME part with CRLF, as signatures and other programs expect it. Every header is encoded and folded. */
export async function mimePart({ subject, text, attachments }: Content): Promise<Buffer> {
  const writer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const { message } = await writer.sendMail({
    subject,
    text,
    attachments: [...attachments],
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // `buffer` above makes it one.
  return Buffer.isBuffer(message) ? message : Buffer.from('');
}

/** A MIME part of `part` and its signature beside it, which every mail program shows. @throws where the key cannot sign. */
export async function signedPart(part: Buffer, signer: MailSigner): Promise<Buffer> {
  const cms = await import('pkijs');
  const certificate = cms.Certificate.fromBER(new Uint8Array(new X509Certificate(signer.certificate).raw));
  const sid = new cms.IssuerAndSerialNumber({ issuer: certificate.issuer, serialNumber: certificate.serialNumber });
  const signed = new cms.SignedData({
    version: 1,
    encapContentInfo: new cms.EncapsulatedContentInfo({ eContentType: DATA }),
    signerInfos: [new cms.SignerInfo({ version: 1, sid })],
    certificates: [certificate],
  });
  await signed.sign(await signingKey(signer.key), 0, HASH, new Uint8Array(part).buffer);
  const info = new cms.ContentInfo({ contentType: SIGNED_DATA, content: signed.toSchema(true) });
  const signature =
    Buffer.from(info.toSchema().toBER())
      .toString('base64')
      .match(/.{1,76}/g) ?? [];
  // Random, so that no content can end the part that it stands in.
  const boundary = `firebreak-${randomUUID()}`;
  const head = `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="${boundary}"`;
  const own = 'Content-Type: application/pkcs7-signature; name="smime.p7s"';
  return Buffer.concat([
    Buffer.from(`MIME-Version: 1.0\r\n${head}\r\n\r\n--${boundary}\r\n`),
    part,
    Buffer.from(
      [`\r\n--${boundary}`, own, 'Content-Transfer-Encoding: base64', '', ...signature, `--${boundary}--`, ''].join(
        '\r\n',
      ),
    ),
  ]);
}

async function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(pem);
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  const algorithm =
    curve === undefined ? { name: 'RSASSA-PKCS1-v1_5', hash: HASH } : { name: 'ECDSA', namedCurve: curve };
  const der = new Uint8Array(key.export({ format: 'der', type: 'pkcs8' }));
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

/** The part for whoever has the key of `certificate`, as CMS in DER. @throws where the certificate cannot be used. */
export async function enveloped(part: Buffer, certificate: string): Promise<Buffer> {
  const cms = await import('pkijs');
  const recipient = cms.Certificate.fromBER(new Uint8Array(new X509Certificate(certificate).raw));
  const envelope = new cms.EnvelopedData();
  envelope.addRecipientByCertificate(recipient, {
    oaepHashAlgorithm: HASH,
    kdfAlgorithm: HASH,
    kekEncryptionLength: 256,
  });
  await envelope.encrypt({ name: 'AES-CBC', length: 256 }, new Uint8Array(part).buffer);
  const info = new cms.ContentInfo({ contentType: ENVELOPED_DATA, content: envelope.toSchema() });
  return Buffer.from(info.toSchema().toBER());
}
