import { X509Certificate } from 'node:crypto';
import type { ConfigReader } from './config-reader.ts';

/** The authority that stamps the log and evidence bundles (RFC 3161). */
export interface TimeStampConfig {
  readonly url: string;
  /** Roots that its certificate must lead to, in PEM, one each. */
  readonly roots: readonly string[];
}

/** Roots of one authority: more is a bundle of the whole internet, which proves too much. */
const MAX_ROOTS = 16;

/** Reads the authority: its address and its roots, or neither. A stamp that nobody can check is not asked for. */
export function readTimeStamps(read: ConfigReader): TimeStampConfig | null {
  const url = read.optional('TIMESTAMP_URL', /^https?:\/\/[^\s@]{1,2000}$/, 'an http or https address');
  const pem = read.certificates('TIMESTAMP_CA');
  const isAddress = url !== null && URL.canParse(url);
  if (url !== null && !isAddress) read.fault('TIMESTAMP_URL must be an http or https address');
  if (read.has('TIMESTAMP_URL') !== read.has('TIMESTAMP_CA')) {
    read.fault('TIMESTAMP_URL and TIMESTAMP_CA_FILE belong together: set both or none');
  }
  if (!isAddress || pem === null) return null;
  const roots = certificatesIn(pem);
  if (roots !== null) return { url, roots };
  read.fault(`TIMESTAMP_CA_FILE must hold 1 to ${MAX_ROOTS} certificates in PEM, and nothing else`);
  return null;
}

/** The certificates of a PEM file, one each; null where one of them cannot be read, there is none, or there are too many. */
export function certificatesIn(pem: string): readonly string[] | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch {
    return null;
  }
  return blocks.length > 0 && blocks.length <= MAX_ROOTS ? blocks : null;
}
