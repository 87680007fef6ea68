import type { ConfigReader } from './config-reader.ts';
import { readEvidenceS3, type EvidenceS3Config } from './evidence-s3-config.ts';

/** Where evidence is kept, for how long, and how often it is looked at again. */
export interface EvidenceConfig {
  /** The folder of the local store; null: `evidence` in the data directory. */
  readonly dir: string | null;
  /** The bucket; null: the local store. */
  readonly s3: EvidenceS3Config | null;
  /** File with the keys that encrypt it at rest; null: it is not encrypted. */
  readonly keyFile: string | null;
  /** How long each kind of artefact is kept at least, in days; 0: it may go at any time. */
  readonly retentionDays: { readonly usual: number; readonly byKind: ReadonlyMap<string, number> };
  /** Everything is read again and compared with its digests once in so many days; 0: never by itself. */
  readonly reverifyDays: number;
  /** Whether what may hold personal data is taken only where a lawful basis is on record. */
  readonly lawfulBasisRequired: boolean;
}

/** A year: how long a case and the questions of an authority usually take. What the law asks for is the operator's to set. */
const USUAL_RETENTION_DAYS = 365;
/** A month between two looks at the same bytes. */
const USUAL_REVERIFY_DAYS = 30;

/** As `desks.ts` of the pipeline has them; a test sees to it. */
export const RETENTION_KINDS = [
  'file',
  'command-output',
  'api-export',
  'email',
  'screenshot',
  'disk-image',
  'memory-image',
] as const;

export function readEvidence(read: ConfigReader): EvidenceConfig {
  return {
    dir: read.path('EVIDENCE_DIR'),
    s3: readEvidenceS3(read),
    keyFile: read.path('EVIDENCE_KEY_FILE'),
    retentionDays: readRetention(read),
    lawfulBasisRequired: read.oneOf('LAWFUL_BASIS_REQUIRED', ['off', 'on']) === 'on',
    reverifyDays: read.integer('EVIDENCE_REVERIFY_DAYS', USUAL_REVERIFY_DAYS, 0, 3_650),
  };
}

function readRetention(read: ConfigReader): EvidenceConfig['retentionDays'] {
  const { usual, byName } = read.daysByName('EVIDENCE_RETENTION_DAYS', RETENTION_KINDS, '365,memory-image=90');
  return { usual: usual ?? USUAL_RETENTION_DAYS, byKind: byName };
}
