import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Certificates for mail, made by OpenSSL, and mail read again by it: not by the library that wrote it. */

export interface MailKeys {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface MailKeyOptions {
  /** As OpenSSL's `-newkey`: `rsa:2048`, or `ec:P-256`. */
  readonly key?: string;
  readonly digest?: string;
  readonly extensions?: readonly string[];
  /** Days until it ends; not after `-not_after` of an expired one. */
  readonly days?: number;
}

/** Whether there is an OpenSSL to ask; said aloud where not. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) process.stderr.write('SKIPPED: no OpenSSL here, so encrypted mail is not tested\n');

const FOR_MAIL = ['subjectAltName=email:dpo@example.org', 'extendedKeyUsage=emailProtection'];

/** A self-signed certificate and its key, in PEM. @throws with what OpenSSL said. */
export function mailKeys({
  key = 'rsa:2048',
  digest = 'sha256',
  extensions = FOR_MAIL,
  days = 30,
}: MailKeyOptions = {}): MailKeys {
  const [kind, curve] = key.split(':');
  const newKey = kind === 'ec' ? ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${curve}`] : ['-newkey', key];
  const made = inFolder((folder) => {
    const at = (name: string) => join(folder, name);
    const what = ['-x509', ...newKey, '-nodes', '-days', String(days), `-${digest}`, '-subj', '/CN=The officer'];
    const more = extensions.flatMap((extension) => ['-addext', extension]);
    openssl(['req', ...what, ...more, '-keyout', at('key.pem'), '-out', at('certificate.pem')]);
    return {
      certificate: readFileSync(at('certificate.pem'), 'utf8'),
      privateKey: readFileSync(at('key.pem'), 'utf8'),
    };
  });
  return made;
}

/** What a mail holds for whoever has the key, as MIME. @throws where OpenSSL cannot decrypt it. */
export function decrypted(mail: string, { certificate, privateKey }: MailKeys): string {
  return inFolder((folder) => {
    const at = (name: string) => join(folder, name);
    writeFileSync(at('mail.eml'), mail);
    writeFileSync(at('certificate.pem'), certificate);
    writeFileSync(at('key.pem'), privateKey);
    return openssl([
      'cms',
      '-decrypt',
      '-in',
      at('mail.eml'),
      '-recip',
      at('certificate.pem'),
      '-inkey',
      at('key.pem'),
    ]);
  });
}

/** The content of a signed MIME part. @throws where the signature is not of this certificate. */
export function verified(signed: string, { certificate }: MailKeys): string {
  return inFolder((folder) => {
    const at = (name: string) => join(folder, name);
    writeFileSync(at('signed.eml'), signed);
    writeFileSync(at('certificate.pem'), certificate);
    return openssl(['cms', '-verify', '-in', at('signed.eml'), '-CAfile', at('certificate.pem'), '-purpose', 'any']);
  });
}

function openssl(words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('openssl', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${words[0]}: ${stderr}`);
  return stdout;
}

function inFolder<Result>(work: (folder: string) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-mail-keys-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
