import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ContentInfo, SignedData } from 'pkijs';
import { tokenOf } from '../../src/timestamps/time-stamp.ts';

/** A time-stamping authority made with `openssl ts`, behind a real HTTP server. Only tests import this file. */

export interface LocalAuthority {
  readonly url: string;
  /** The root, in PEM. */
  readonly root: string;
  /** Answers with `openssl ts`; replaced by tests that play an authority gone wrong. */
  answer: (query: Buffer, response: ServerResponse) => void;
  /** How many requests came. */
  readonly asked: () => number;
  /** A reply of `openssl ts -reply`, signed with one of the certificates. */
  reply(query: Buffer, signer?: SignerName): Buffer;
  stop(): Promise<void>;
}

/** `good` is as it should be; the others each break one rule. */
const SIGNERS = {
  good: 'extendedKeyUsage=critical,timeStamping',
  'not-critical': 'extendedKeyUsage=timeStamping',
  'other-usage': 'extendedKeyUsage=critical,serverAuth',
  'two-usages': 'extendedKeyUsage=critical,timeStamping,emailProtection',
  expired: 'extendedKeyUsage=critical,timeStamping',
} as const;
export type SignerName = keyof typeof SIGNERS;

export async function startAuthority(): Promise<LocalAuthority> {
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-tsa-'));
  const openssl: OpenSsl = (command, ...more) =>
    execFileSync('openssl', [...command.split(' '), ...more], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  makeRoot(openssl, directory);
  const signers = new Set<SignerName>();
  let asked = 0;

  function reply(query: Buffer, signer: SignerName = 'good'): Buffer {
    if (!signers.has(signer)) makeSigner(openssl, directory, signer);
    signers.add(signer);
    writeFileSync(join(directory, 'query.tsq'), query);
    const config = MISUSED.has(signer) ? 'good' : signer;
    if (!signers.has('good')) makeSigner(openssl, directory, 'good');
    signers.add('good');
    openssl(`ts -reply -config ${config}.cnf -section tsa -queryfile query.tsq -out reply.tsr`);
    const made = readFileSync(join(directory, 'reply.tsr'));
    return MISUSED.has(signer) ? signedAgain(openssl, directory, made, signer) : made;
  }

  const authority = {
    url: '',
    root: readFileSync(join(directory, 'root.pem'), 'utf8'),
    answer: (query: Buffer, response: ServerResponse): void => sendReply(response, reply(query)),
    asked: () => asked,
    reply,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
  const server: Server = createServer((request: IncomingMessage, response) => {
    asked += 1;
    buffer(request).then(
      (query) => authority.answer(query, response),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo; // it listens on a port
  authority.url = `http://127.0.0.1:${port}/tsa`;
  return authority;
}

export function sendReply(response: ServerResponse, reply: Uint8Array): void {
  response.writeHead(200, { 'content-type': 'application/timestamp-reply' });
  response.end(reply);
}

/** Arguments parted by blanks, and then those that hold some. */
type OpenSsl = (command: string, ...more: string[]) => Buffer;

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

function makeRoot(openssl: OpenSsl, directory: string): void {
  writeFileSync(
    join(directory, 'root.cnf'),
    '[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n',
  );
  openssl(
    `req -x509 -config root.cnf ${NEW_KEY} -keyout root.key -out root.pem -days 3650 -subj`,
    '/O=Firebreak tests/CN=Time root',
  );
}

/** Certificates with which `openssl ts` refuses to sign: its answer is signed again with them as any other content would be. */
const MISUSED: ReadonlySet<SignerName> = new Set(['not-critical', 'other-usage', 'two-usages']);

function signedAgain(openssl: OpenSsl, directory: string, reply: Buffer, signer: SignerName): Buffer {
  const found = tokenOf(reply);
  if ('problem' in found) throw new Error(found.problem);
  const signed = new SignedData({ schema: ContentInfo.fromBER(Uint8Array.from(found.token)).content });
  const content = signed.encapContentInfo.eContent;
  if (content === undefined) throw new Error('the token holds no time');
  writeFileSync(join(directory, 'time.der'), new Uint8Array(content.getValue()));
  openssl(
    `cms -sign -cades -binary -nodetach -econtent_type 1.2.840.113549.1.9.16.1.4 -md sha256 -signer ${signer}.pem -inkey ${signer}.key -outform DER -in time.der -out token.der`,
  );
  // SEQUENCE { SEQUENCE { INTEGER 0 }, token }
  const body = Buffer.concat([Buffer.from('3003020100', 'hex'), readFileSync(join(directory, 'token.der'))]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([Buffer.from([0x30, 0x82]), length, body]);
}

function makeSigner(openssl: OpenSsl, directory: string, name: SignerName): void {
  writeFileSync(join(directory, `${name}.ext`), `keyUsage=critical,digitalSignature\n${SIGNERS[name]}\n`);
  const subject = `/O=Firebreak tests/CN=Time authority ${name}`;
  openssl(`req -new ${NEW_KEY} -config root.cnf -keyout ${name}.key -out ${name}.csr -subj`, subject);
  const days = name === 'expired' ? -1 : 3650;
  openssl(
    `x509 -req -in ${name}.csr -CA root.pem -CAkey root.key -CAcreateserial -out ${name}.pem -extfile ${name}.ext -days ${days}`,
  );
  writeFileSync(join(directory, 'serial'), '01\n');
  writeFileSync(
    join(directory, `${name}.cnf`),
    [
      '[tsa]',
      'serial = serial',
      'crypto_device = builtin',
      `signer_cert = ${name}.pem`,
      `signer_key = ${name}.key`,
      'certs = root.pem',
      'signer_digest = sha256',
      'default_policy = 1.2.3.4.1',
      'digests = sha256, sha1',
      'accuracy = secs:1',
      'ordering = yes',
      'tsa_name = yes',
      'ess_cert_id_chain = no',
      'ess_cert_id_alg = sha256',
      '',
    ].join('\n'),
  );
}
