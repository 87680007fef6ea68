import { X509Certificate } from 'node:crypto';
import type { Certificate } from 'pkijs';

/** A contact's S/MIME certificate: what it says, and why it may not be used. Whom it belongs to is verified by people. */

/** Longest certificate, in characters of PEM: an RSA key of 8,192 bits with a long chain of names takes 6,000. */
const MAX_PEM_LENGTH = 16_384;
/** Shortest RSA key, in bits (NIST SP 800-131A: below 2,048 is disallowed). */
const MIN_RSA_BITS = 2_048;
/** Longest RSA key, in bits: above that an encryption is work for the server that somebody else chose. */
const MAX_RSA_BITS = 8_192;
/** Least public exponent (NIST SP 800-56B): with 1 the message would stand there in the clear. */
const MIN_RSA_EXPONENT = 65_537n;
/** Curves of RFC 5753 that the library and the usual mail programs know, by the names OpenSSL gives them. */
const CURVES: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/** Signatures that are made with SHA-2, or Ed25519, by object identifier; everything else is refused as weak or unknown. */
const SIGNATURES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.11', 'RSA with SHA-256'],
  ['1.2.840.113549.1.1.12', 'RSA with SHA-384'],
  ['1.2.840.113549.1.1.13', 'RSA with SHA-512'],
  ['1.2.840.10045.4.3.2', 'ECDSA with SHA-256'],
  ['1.2.840.10045.4.3.3', 'ECDSA with SHA-384'],
  ['1.2.840.10045.4.3.4', 'ECDSA with SHA-512'],
  ['1.3.101.112', 'Ed25519'],
]);
const WEAK_SIGNATURES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.4', 'RSA with MD5'],
  ['1.2.840.113549.1.1.5', 'RSA with SHA-1'],
  ['1.2.840.10045.4.1', 'ECDSA with SHA-1'],
]);

/** Extensions and purposes of RFC 5280. */
const KEY_USAGE = '2.5.29.15';
const EMAIL_PROTECTION = '1.3.6.1.5.5.7.3.4';
const ANY_PURPOSE = '2.5.29.37.0';
/** Bits of the key usage, counted from the first one. */
const KEY_ENCIPHERMENT = 2;
const KEY_AGREEMENT = 4;

/** What people compare and what is decided by. Times are ms since 1970. */
export interface CertificateFacts {
  /** SHA-256 of the certificate, lower-case hexadecimal: what is read out when it is verified. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly issuer: string;
  readonly key: string;
  readonly validFrom: number;
  readonly validUntil: number;
  /** Addresses that it names, in lower case. */
  readonly emails: readonly string[];
}

export type ReadCertificate = { readonly facts: CertificateFacts } | { readonly fault: string };

/**
 * Reads one certificate in PEM and says in a sentence why it cannot encrypt mail: not a certificate, a private key, a weak or
 * unknown key or signature, not for mail. Whether its time is over is `validityFault`: that changes without it.
 */
export async function readCertificate(pem: string): Promise<ReadCertificate> {
  const shape = shapeFault(pem);
  if (shape !== null) return { fault: shape };
  let certificate: X509Certificate;
  let parsed: Certificate;
  try {
    certificate = new X509Certificate(pem);
    // Loaded here: a server without such contacts needs none of it.
    const { Certificate: Parser } = await import('pkijs');
    parsed = Parser.fromBER(new Uint8Array(certificate.raw));
  } catch {
    return { fault: 'It cannot be read as an X.509 certificate: give it in PEM, exactly as the authority made it.' };
  }
  const fault = keyFault(certificate) ?? signatureFault(parsed) ?? purposeFault(certificate, parsed);
  return fault === null ? { facts: factsOf(certificate) } : { fault };
}

/** Why it cannot be used at `now`, or null. @param now business time, ms since 1970. */
export function validityFault({ validFrom, validUntil }: CertificateFacts, now: number): string | null {
  if (now < validFrom) return `The certificate is not valid before ${new Date(validFrom).toISOString()}.`;
  if (now >= validUntil)
    return `The certificate expired at ${new Date(validUntil).toISOString()}: store the one that follows it.`;
  return null;
}

function shapeFault(pem: string): string | null {
  if (/PRIVATE KEY/.test(pem)) return 'It holds a private key, which nobody else may have: give the certificate alone.';
  if (/BEGIN PGP/.test(pem)) return 'OpenPGP keys are not supported: give an S/MIME certificate in PEM.';
  if (pem.length > MAX_PEM_LENGTH)
    return `It is longer than ${MAX_PEM_LENGTH} characters: give one certificate, without its chain.`;
  const begins = pem.match(/-----BEGIN /g)?.length ?? 0;
  const whole = /^\s*-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/.test(pem);
  if (begins === 1 && whole) return null;
  return 'It is not one certificate in PEM: give one block from BEGIN CERTIFICATE to END CERTIFICATE.';
}

function keyFault({ publicKey }: X509Certificate): string | null {
  const { modulusLength = 0, publicExponent = 0n, namedCurve = '' } = publicKey.asymmetricKeyDetails ?? {};
  switch (publicKey.asymmetricKeyType) {
    case 'rsa':
      if (modulusLength < MIN_RSA_BITS)
        return `Its RSA key has ${modulusLength} bits: ${MIN_RSA_BITS} are the least that is safe.`;
      if (modulusLength > MAX_RSA_BITS)
        return `Its RSA key has ${modulusLength} bits: at most ${MAX_RSA_BITS} are used.`;
      if (publicExponent < MIN_RSA_EXPONENT || publicExponent % 2n === 0n)
        return `The public exponent of its RSA key is unsafe: it has to be odd and at least ${MIN_RSA_EXPONENT}.`;
      return null;
    case 'ec':
      return CURVES.includes(namedCurve) ? null : 'Its curve is not one of P-256, P-384 and P-521.';
    default:
      return `A key of type ${publicKey.asymmetricKeyType ?? 'unknown'} cannot be encrypted for: use RSA or an elliptic curve.`;
  }
}

function signatureFault({ signatureAlgorithm: { algorithmId } }: Certificate): string | null {
  if (SIGNATURES.has(algorithmId)) return null;
  const weak = WEAK_SIGNATURES.get(algorithmId);
  if (weak !== undefined)
    return `It is signed by ${weak}, which can be forged: ask for one that is signed with SHA-256.`;
  return `It is signed by an algorithm that is not known here (${algorithmId}).`;
}

function purposeFault(certificate: X509Certificate, { extensions = [] }: Certificate): string | null {
  if (certificate.ca && certificate.keyUsage === undefined && !hasMailName(certificate))
    return 'It is the certificate of an authority, not of a person: give that of the contact.';
  // `keyUsage` of Node holds the extended purposes.
  const purposes: readonly string[] | undefined = certificate.keyUsage;
  if (purposes !== undefined && !purposes.includes(EMAIL_PROTECTION) && !purposes.includes(ANY_PURPOSE))
    return 'It is not made for mail: its extended key usage lacks emailProtection.';
  const usage = extensions.find(({ extnID }) => extnID === KEY_USAGE)?.parsedValue as unknown;
  if (usage === undefined) return null;
  const wanted = certificate.publicKey.asymmetricKeyType === 'rsa' ? KEY_ENCIPHERMENT : KEY_AGREEMENT;
  if (hasBit(usage, wanted)) return null;
  const name = wanted === KEY_ENCIPHERMENT ? 'keyEncipherment' : 'keyAgreement';
  return `It is not made for encryption: its key usage lacks ${name}. Give the encryption certificate.`;
}

/** @param bits an ASN.1 BIT STRING as the parser gives it. */
function hasBit(bits: unknown, index: number): boolean {
  const block = (bits as { readonly valueBlock?: { readonly valueHexView?: Uint8Array } }).valueBlock; // optional all along: another shape has no bit
  const byte = block?.valueHexView?.[Math.floor(index / 8)] ?? 0;
  return (byte & (0x80 >> (index % 8))) !== 0;
}

function hasMailName(certificate: X509Certificate): boolean {
  return emailsOf(certificate).length > 0;
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  const { modulusLength, namedCurve } = certificate.publicKey.asymmetricKeyDetails ?? {};
  return {
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: certificate.subject.replaceAll('\n', ', '),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    key: modulusLength === undefined ? `EC ${namedCurve ?? ''}` : `RSA ${modulusLength}`,
    validFrom: Date.parse(certificate.validFrom),
    validUntil: Date.parse(certificate.validTo),
    emails: emailsOf(certificate),
  };
}

function emailsOf({ subjectAltName, subject }: X509Certificate): readonly string[] {
  const named = [...(subjectAltName ?? '').matchAll(/(?:^|, )email:([^\s,"]+)/g)].map(([, email = '']) => email);
  const inSubject = [...subject.matchAll(/(?:^|\n)emailAddress=(\S+)/g)].map(([, email = '']) => email);
  return [...new Set([...named, ...inSubject].map((email) => email.toLowerCase()))].sort();
}
