import type { ConfigReader } from './config-reader.ts';
import { isThisMachine } from './address-class.ts';

/** The bucket in which evidence is kept. */
export interface EvidenceS3Config {
  readonly bucket: string;
  /** Empty, or ends in a slash. */
  readonly prefix: string;
  readonly region: string;
  /** An origin; null: Amazon's own of the region. */
  readonly endpoint: string | null;
  /** Whether the bucket stands in the path and not in the host's name. */
  readonly pathStyle: boolean;
  /** Null: as the AWS SDK finds them: environment, profile, role of the machine. */
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string | null;
  } | null;
}

/** Secrets that may come as `NAME_FILE`. */
export const EVIDENCE_S3_SECRETS = ['EVIDENCE_S3_SECRET_ACCESS_KEY', 'EVIDENCE_S3_SESSION_TOKEN'] as const;

const OWN = [
  'EVIDENCE_S3_BUCKET',
  'EVIDENCE_S3_PREFIX',
  'EVIDENCE_S3_REGION',
  'EVIDENCE_S3_ENDPOINT',
  'EVIDENCE_S3_PATH_STYLE',
  'EVIDENCE_S3_ACCESS_KEY_ID',
  ...EVIDENCE_S3_SECRETS,
] as const;

/** What S3 allows a bucket to be called: 3 to 63 small letters, digits, dots and dashes. */
const BUCKET = /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Words of letters, digits, dots, dashes and underscores, parted by slashes; no `.` and no `..` among them. */
const PREFIX = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._-]{1,64}(?:\/[A-Za-z0-9._-]{1,64}){0,7}\/?$/;

/** Reads where evidence is kept; null: in a folder of this machine. */
export function readEvidenceS3(read: ConfigReader): EvidenceS3Config | null {
  const isS3 = read.oneOf('EVIDENCE_STORE', ['local', 's3']) === 's3';
  const bucket = read.optional('EVIDENCE_S3_BUCKET', BUCKET, 'the name of a bucket');
  const prefix = read.optional('EVIDENCE_S3_PREFIX', PREFIX, 'words parted by slashes, like cases/production') ?? '';
  const region = read.optional('EVIDENCE_S3_REGION', /^[a-z0-9-]{1,32}$/, 'a region, like eu-central-1');
  const endpoint = read.origin('EVIDENCE_S3_ENDPOINT');
  const style = read.oneOf('EVIDENCE_S3_PATH_STYLE', ['off', 'on']);
  const credentials = readCredentials(read);
  if (!isS3) {
    for (const name of OWN.filter((each) => read.has(each)))
      read.fault(`${name} is set, and EVIDENCE_STORE is not s3: set EVIDENCE_STORE=s3, or leave it out`);
    return null;
  }
  if (read.has('EVIDENCE_DIR'))
    read.fault('EVIDENCE_DIR is the folder of EVIDENCE_STORE=local: leave it out, or leave EVIDENCE_STORE=s3 out');
  if (!read.has('EVIDENCE_S3_BUCKET')) read.fault('EVIDENCE_STORE=s3 needs EVIDENCE_S3_BUCKET, made with Object Lock');
  if (!read.has('EVIDENCE_S3_REGION') && !read.has('EVIDENCE_S3_ENDPOINT'))
    read.fault('EVIDENCE_STORE=s3 needs EVIDENCE_S3_REGION, the region of the bucket');
  return {
    bucket: bucket ?? '',
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    // What stores that have no regions take.
    region: region ?? 'us-east-1',
    endpoint,
    // A name with dots fits no certificate of a host below it, and an address has no names below it.
    pathStyle: style === null ? (bucket?.includes('.') ?? false) || isPlainHost(endpoint) : style === 'on',
    credentials,
  };
}

/** Stores other than Amazon's are usually reached by one name only. */
function isPlainHost(endpoint: string | null): boolean {
  if (endpoint === null) return false;
  const { hostname } = new URL(endpoint);
  return isThisMachine(hostname) || !/(?:^|\.)amazonaws\.com(?:\.cn)?$/.test(hostname);
}

function readCredentials(read: ConfigReader): EvidenceS3Config['credentials'] {
  const accessKeyId = read.optional('EVIDENCE_S3_ACCESS_KEY_ID', /^[\w/+=.-]{3,128}$/, 'an access key id');
  const secretAccessKey = read.optional('EVIDENCE_S3_SECRET_ACCESS_KEY', /^[\x21-\x7e]{1,256}$/, 'one word');
  const sessionToken = read.optional('EVIDENCE_S3_SESSION_TOKEN', /^[\x21-\x7e]{1,4096}$/, 'one word');
  if (read.has('EVIDENCE_S3_ACCESS_KEY_ID') !== read.has('EVIDENCE_S3_SECRET_ACCESS_KEY'))
    read.fault('EVIDENCE_S3_ACCESS_KEY_ID and EVIDENCE_S3_SECRET_ACCESS_KEY belong together: set both or none');
  if (read.has('EVIDENCE_S3_SESSION_TOKEN') && !read.has('EVIDENCE_S3_ACCESS_KEY_ID'))
    read.fault('EVIDENCE_S3_SESSION_TOKEN needs EVIDENCE_S3_ACCESS_KEY_ID and EVIDENCE_S3_SECRET_ACCESS_KEY');
  if (accessKeyId === null || secretAccessKey === null) return null;
  return { accessKeyId, secretAccessKey, sessionToken };
}
