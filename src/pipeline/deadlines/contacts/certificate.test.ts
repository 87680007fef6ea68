import { describe, expect, it } from 'vitest';
import { hasOpenssl, mailKeys, type MailKeyOptions } from '../../../../tests/support/mail-certificates.ts';
import { readCertificate, validityFault } from './certificate.ts';

const DAY_MS = 86_400_000;
const NAMED = 'subjectAltName=email:DPO@example.org';
const MAIL = 'extendedKeyUsage=emailProtection';
const faultOf = async (options: MailKeyOptions): Promise<string | null> => {
  const read = await readCertificate(mailKeys(options).certificate);
  return 'fault' in read ? read.fault : null;
};

describe.skipIf(!hasOpenssl)('a certificate for mail', () => {
  it('says whose it is, what its key is and how long it is valid', async () => {
    const read = await readCertificate(mailKeys({ extensions: [NAMED, MAIL] }).certificate);
    const facts = 'facts' in read ? read.facts : null;
    expect(facts).toMatchObject({ subject: 'CN=The officer', key: 'RSA 2048', emails: ['dpo@example.org'] });
    expect(facts?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    const { validFrom = 0, validUntil = 0 } = facts ?? {};
    expect(validUntil - validFrom).toBe(30 * DAY_MS);
    if (facts === null) return;
    expect(validityFault(facts, validFrom)).toBe(null);
    expect(validityFault(facts, validFrom - 1)).toContain('not valid before');
    expect(validityFault(facts, validUntil - 1)).toBe(null);
    expect(validityFault(facts, validUntil)).toContain('expired');
  });

  it.each<[string, MailKeyOptions]>([
    ['P-256', { key: 'ec:P-256' }],
    ['P-384', { key: 'ec:P-384', digest: 'sha384' }],
    ['without any purpose', { extensions: [NAMED] }],
    ['for key encipherment', { extensions: [NAMED, MAIL, 'keyUsage=critical,keyEncipherment'] }],
    ['for key agreement', { key: 'ec:P-256', extensions: [NAMED, MAIL, 'keyUsage=keyAgreement'] }],
  ])('is taken: %s', async (_, options) => expect(await faultOf(options)).toBe(null));

  it.each<[string, MailKeyOptions, string]>([
    ['a short RSA key', { key: 'rsa:1024' }, '1024 bits'],
    ['SHA-1', { digest: 'sha1' }, 'RSA with SHA-1'],
    ['ECDSA with SHA-1', { key: 'ec:P-256', digest: 'sha1' }, 'ECDSA with SHA-1'],
    ['for servers', { extensions: [NAMED, 'extendedKeyUsage=serverAuth'] }, 'not made for mail'],
    ['for signatures only', { extensions: [NAMED, MAIL, 'keyUsage=digitalSignature'] }, 'lacks keyEncipherment'],
    [
      'an EC key for signatures',
      { key: 'ec:P-256', extensions: [MAIL, 'keyUsage=digitalSignature'] },
      'lacks keyAgreement',
    ],
    ['another curve', { key: 'ec:secp256k1' }, 'not one of P-256'],
    ['a key that signs only', { key: 'ed25519' }, 'ed25519'],
    ['an authority', { extensions: ['basicConstraints=critical,CA:TRUE'] }, 'of an authority'],
  ])('is refused: %s', async (_, options, why) => expect(await faultOf(options)).toContain(why));

  it('is one certificate in PEM and nothing else', async () => {
    const { certificate, privateKey } = mailKeys({ key: 'ec:P-256' });
    const refused = async (pem: string) => {
      const read = await readCertificate(pem);
      return 'fault' in read ? read.fault : null;
    };
    expect(await refused(`${certificate}\n${privateKey}`)).toContain('private key');
    expect(await refused(`${certificate}\n${certificate}`)).toContain('one certificate');
    expect(await refused(`-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxsBN\n-----END PGP PUBLIC KEY BLOCK-----`)).toContain(
      'OpenPGP',
    );
    expect(await refused('')).toContain('one certificate');
    expect(await refused(`-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`)).toContain('cannot be read');
    expect(await refused(certificate.replace('MI', 'MA'))).toContain('cannot be read');
    expect(await refused(`-----BEGIN CERTIFICATE-----\n${'A'.repeat(20_000)}\n-----END CERTIFICATE-----`)).toContain(
      'longer than',
    );
    expect(await refused(certificate.replaceAll('\n', '\r\n'))).toBe(null);
  });
});
