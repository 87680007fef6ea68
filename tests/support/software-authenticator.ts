import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/**
 * A SOFTWARE authenticator, for tests only: real ES256 keys and real signatures over real WebAuthn bytes, made by our own code
 * instead of a device, so that a test can lie in every member. A browser's own one is in `tests/pages/passkeys.test.ts`.
 */
export interface SoftwareAuthenticator {
  readonly credentialId: string;
  /** COSE, base64url. */
  readonly publicKey: string;
  /** Signatures so far; stays 0 where it does not count. */
  count: number;
  /** The answer to `navigator.credentials.create`, as the script of the pages sends it. */
  create(options: CreationOptions, lies?: Lies): RegistrationSent;
  /** The answer to `navigator.credentials.get`, as the script of the pages sends it, without the nonce. */
  get(options: RequestOptions, lies?: Lies): SignedSent;
}

export interface CreationOptions {
  readonly challenge: string;
  readonly rp: { readonly id: string };
}
export interface RequestOptions {
  readonly challenge: string;
  readonly rpId: string;
}
export interface RegistrationSent {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly response: { readonly clientDataJSON: string; readonly attestationObject: string };
}
export interface SignedSent {
  readonly credentialId: string;
  readonly authenticatorData: string;
  readonly clientDataJSON: string;
  readonly signature: string;
}

/** What is not as it should be. */
export interface Lies {
  readonly origin?: string;
  readonly rpId?: string;
  readonly challenge?: string;
  readonly type?: string;
  /** Nobody proved to it who they are. */
  readonly unverified?: boolean;
  readonly absent?: boolean;
  readonly count?: number;
  /** Signs with another key. */
  readonly forged?: boolean;
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

const sha256 = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest();
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

export function softwareAuthenticator(origin: string, { counts = false } = {}): SoftwareAuthenticator {
  const id = randomBytes(32);
  const credentialId = id.toString('base64url');
  const { publicKey, privateKey } = newKey();
  const cose = coseKeyOf(publicKey);

  const clientData = (type: string, challenge: string, lies: Lies): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: false,
      }),
    );
  const flagsOf = (lies: Lies): number =>
    (lies.absent === true ? 0 : USER_PRESENT) | (lies.unverified === true ? 0 : USER_VERIFIED);
  const headOf = (rpId: string, flags: number, count: number): Buffer => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(count);
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), counter]);
  };

  return {
    credentialId,
    publicKey: cose.toString('base64url'),
    count: 0,
    create({ challenge, rp }, lies = {}) {
      const head = headOf(lies.rpId ?? rp.id, flagsOf(lies) | HAS_CREDENTIAL, lies.count ?? this.count);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const authData = Buffer.concat([head, Buffer.alloc(16), length, id, cose]);
      const attestation = Buffer.concat([
        Buffer.from([0xa3]),
        textOf('fmt'),
        textOf('none'),
        textOf('attStmt'),
        Buffer.from([0xa0]),
        textOf('authData'),
        bytesOf(authData),
      ]);
      return {
        id: credentialId,
        rawId: credentialId,
        type: 'public-key',
        response: {
          clientDataJSON: clientData('webauthn.create', challenge, lies).toString('base64url'),
          attestationObject: attestation.toString('base64url'),
        },
      };
    },
    get({ challenge, rpId }, lies = {}) {
      if (counts) this.count += 1;
      const head = headOf(lies.rpId ?? rpId, flagsOf(lies), lies.count ?? this.count);
      const client = clientData('webauthn.get', challenge, lies);
      const key = lies.forged === true ? newKey().privateKey : privateKey;
      return {
        credentialId,
        authenticatorData: head.toString('base64url'),
        clientDataJSON: client.toString('base64url'),
        signature: sign('sha256', Buffer.concat([head, sha256(client)]), key).toString('base64url'),
      };
    },
  };
}

/** An ES256 key as COSE writes it (RFC 9053, section 7.1): kty EC2, alg ES256, crv P-256, x, y. */
function coseKeyOf(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([
    Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]),
    bytesOf(Buffer.from(x, 'base64url')),
    Buffer.from([0x22]),
    bytesOf(Buffer.from(y, 'base64url')),
  ]);
}

/** CBOR text of less than 24 bytes. */
function textOf(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)]);
}

/** CBOR bytes of 24 to 65,535. */
function bytesOf(bytes: Buffer): Buffer {
  const head = bytes.length < 256 ? [0x58, bytes.length] : [0x59, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from(head), bytes]);
}
