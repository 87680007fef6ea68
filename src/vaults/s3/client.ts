import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client } from '@aws-sdk/client-s3';
import { addressClass, isThisMachine } from '../../platform/address-class.ts';
import type { EvidenceS3Config } from '../../platform/evidence-s3-config.ts';
import { settingsFault } from './store-faults.ts';

/** An endpoint over plain HTTP is refused unless the line does not leave this machine. */
export interface ClientOptions extends Pick<EvidenceS3Config, 'region' | 'endpoint' | 'pathStyle' | 'credentials'> {
  /** `host:port` pairs that may be private although they are names. */
  readonly allowPrivate: readonly string[];
  readonly limits?: Partial<Limits>;
  /** Resolves names; the system's when absent. For tests only. */
  readonly lookup?: Lookup;
}

/** Of one request, in ms; `attempts` counts the first one. */
export interface Limits {
  /** Resolving and connecting, TLS included. */
  readonly connectMs: number;
  /** From sending to the reply's headers. */
  readonly requestMs: number;
  /** Longest silence on the line. */
  readonly silenceMs: number;
  readonly attempts: number;
}

/** A part of 16 MiB takes 300 s at 0.5 Mbit/s; closing an upload of thousands of parts takes the store a minute or two of silence. */
const USUAL_LIMITS: Limits = { connectMs: 5_000, requestMs: 300_000, silenceMs: 150_000, attempts: 5 };

/** Connections at one time: a few writes with two parts each, and reads beside them. */
const MAX_SOCKETS = 32;

/** A client that goes to the store that was named and to nowhere else. */
export function s3Client(options: ClientOptions): S3Client {
  const { region, endpoint, pathStyle, credentials, allowPrivate, limits, lookup = systemLookup } = options;
  const { connectMs, requestMs, silenceMs, attempts } = { ...USUAL_LIMITS, ...limits };
  const isPlain = endpoint?.startsWith('http:') === true;
  const origin = endpoint ?? `https://s3.${region}.amazonaws.com`;
  requireNoTrap(origin);
  const agent = {
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    lookup: judgedLookup(isMeant(origin, allowPrivate), lookup),
  };
  return new S3Client({
    region,
    ...(endpoint === null ? {} : { endpoint }),
    forcePathStyle: pathStyle,
    ...(credentials === null ? {} : { credentials: identityOf(credentials) }),
    maxAttempts: attempts,
    // Each write brings its own SHA-256, and each read is compared with the note of it.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    followRegionRedirects: false,
    requestHandler: {
      httpsAgent: new HttpsAgent(agent),
      httpAgent: isPlain ? new HttpAgent(agent) : new NoPlainAgent(),
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: silenceMs,
    },
  });
}

function identityOf({ accessKeyId, secretAccessKey, sessionToken }: NonNullable<ClientOptions['credentials']>) {
  return { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) };
}

/** The SDK takes an endpoint from the machine's own files too; none of them makes evidence travel in clear. */
class NoPlainAgent extends HttpAgent {
  override createConnection(): never {
    throw Object.assign(new Error('the evidence store is reached by https only'), { name: 'PlainRefused' });
  }
}

/** An address needs no lookup, so that it is judged here. @throws StoreFault for one at which no store can be, a cloud's metadata service among them. */
function requireNoTrap(origin: string): void {
  const address = new URL(origin).hostname.replace(/^\[|\]$/g, '');
  const kind = addressClass(address);
  if (kind === null || kind === 'public' || kind === 'private' || kind === 'loopback' || kind === 'cgnat') return;
  throw settingsFault(`EVIDENCE_S3_ENDPOINT is a ${kind} address, at which there is no evidence store: correct it`);
}

/** Who writes a private address into the configuration means it; a name that leads to one has to be listed, for names are what attackers turn. */
function isMeant(origin: string, allowPrivate: readonly string[]): boolean {
  const { hostname, host, port, protocol } = new URL(origin);
  const full = `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
  return isThisMachine(hostname) || allowPrivate.some((each) => each === host || each === full);
}

/** As `node:dns` has it. */
type Lookup = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

type Callback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Resolves a name and judges every address of it. One bad address spoils the answer: a mixture is what an attack looks like. */
function judgedLookup(mayBePrivate: boolean, lookup: Lookup) {
  return (hostname: string, options: LookupOptions, callback: Callback): void => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '');
      const refused = found.find(({ address }) => !passes(address, mayBePrivate));
      const [first] = found;
      if (refused !== undefined || first === undefined) {
        const kind = addressClass(refused?.address ?? '') ?? 'unknown';
        const said = new Error(`the name leads to a ${kind} address`);
        return callback(Object.assign(said, { name: 'AddressRefused' }), '');
      }
      return options.all === true ? callback(null, found) : callback(null, first.address, first.family);
    });
  };
}

function passes(address: string, mayBePrivate: boolean): boolean {
  const kind = addressClass(address);
  if (kind === 'public') return true;
  return mayBePrivate && (kind === 'private' || kind === 'loopback' || kind === 'cgnat');
}
