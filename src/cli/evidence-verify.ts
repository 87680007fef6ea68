import { existsSync } from 'node:fs';
import { FirebreakError } from '../platform/errors.ts';
import { certificatesIn } from '../platform/time-stamp-config.ts';
import { keyFromPem, parseKeys } from '../pipeline/audit/export.ts';
import { parseVerifierKey } from '../pipeline/audit/signed-note.ts';
import type { LogKey } from '../pipeline/audit/verify-checkpoints.ts';
import { openBundle, type BundleSource } from '../pipeline/evidence/bundles/bundle-source.ts';
import { verifyBundle, type BundleVerification } from '../pipeline/evidence/bundles/verify-bundle.ts';
import type { Io } from './io.ts';
import { notesIn } from './witnessed.ts';

export interface EvidenceVerifyOptions {
  /** An archive, or the folder that it was unpacked to. */
  readonly bundle: string;
  /** The key of the log: a verifier key line, or a file that holds such lines, an export's `keys.json`, or PEM. */
  readonly key?: string;
  /** Checkpoints that were published elsewhere. */
  readonly anchor?: string;
  /** Roots of time-stamping authorities, in PEM. */
  readonly tsaCa?: string;
  readonly json: boolean;
}

/** Verifies an evidence bundle, offline and without any configuration. Exit code 0 when intact, 1 for every other verdict. */
export async function evidenceVerifyCommand(options: EvidenceVerifyOptions, io: Io): Promise<number> {
  const trust = {
    keys: options.key === undefined ? null : keysIn(options.key, io),
    anchors: options.anchor === undefined ? [] : notesIn(io.readTextSync(options.anchor)),
    roots: options.tsaCa === undefined ? [] : rootsIn(options.tsaCa, io),
  };
  if (options.anchor !== undefined && trust.anchors.length === 0) {
    throw new FirebreakError('invalid_request', `--anchor ${options.anchor} holds no checkpoint`);
  }
  const result = await verifyBundle(await opened(options.bundle), trust);
  io.stdout.write(options.json ? `${JSON.stringify({ ...result, intact: isIntact(result) })}\n` : inWords(result));
  return isIntact(result) ? 0 : 1;
}

function isIntact({ verdict }: BundleVerification): boolean {
  return verdict === 'intact';
}

async function opened(path: string): Promise<BundleSource> {
  try {
    return await openBundle(path);
  } catch (cause) {
    throw new FirebreakError('not_found', `${path} is no file and no folder that can be read`, [], { cause });
  }
}

function keysIn(given: string, io: Io): readonly LogKey[] {
  const direct = parseVerifierKey(given.trim());
  if (direct !== null) return [{ ...direct, fromSize: 0, toSize: null }];
  if (!existsSync(given)) throw new FirebreakError('invalid_request', `--key ${given} is no key and no file`);
  const text = io.readTextSync(given);
  if (text.trimStart().startsWith('{')) return parseKeys(text);
  if (text.includes('-----BEGIN')) {
    // A PEM says nothing about the log that it is of, and the signature names one: only a name beside it can be compared.
    keyFromPem(text, 'any');
    const fix = 'give the line that `firebreak audit key` prints, or the keys.json of an export';
    throw new FirebreakError('invalid_request', `--key ${given} does not name its log: ${fix}`);
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const key = parseVerifierKey(line.trim());
    if (key === null) throw new FirebreakError('invalid_request', `${given} holds a line that is no verifier key`);
    return { ...key, fromSize: 0, toSize: null };
  });
}

function rootsIn(file: string, io: Io): readonly string[] {
  const roots = certificatesIn(io.readTextSync(file));
  if (roots === null) throw new FirebreakError('invalid_request', `--tsa-ca ${file} holds no certificates in PEM`);
  return roots;
}

/** What people read: the verdict first, then what it rests on. */
function inWords({ verdict, file, problem, manifest, key, records, stamps, anchored }: BundleVerification): string {
  if (verdict !== 'intact') {
    const shown = verdict.replaceAll('_', ' ');
    return `${shown}${file === null || verdict === 'signature_invalid' ? '' : ` at ${file}`}: ${problem ?? ''}\n`;
  }
  const files = manifest?.files.length ?? 0;
  const left = manifest?.artifacts.filter(({ file: within }) => within === null).length ?? 0;
  const whose =
    key?.from === 'given'
      ? `signed with the key that you gave, ${key.name}+${key.id}`
      : `signed with ${key?.name}+${key?.id}; that key was taken from the bundle: compare it with one that you were given (--key)`;
  const lines = [
    `intact: bundle ${manifest?.bundleId} of incident ${manifest?.incidentId}, ${files} files, ${records} records`,
    whose,
    anchored === true
      ? 'a checkpoint that you gave is in its log'
      : 'no checkpoint from elsewhere was compared (--anchor)',
    ...(left === 0 ? [] : [`${left} artefacts were left out; the manifest says why`]),
    ...(manifest?.accelerated === true ? ['its business time was accelerated: a drill or a demonstration'] : []),
    ...stamps.map(({ of, genTime, authority, trusted, problem: why }) => {
      const who = trusted ? authority : `${JSON.stringify(authority)}, for whom nobody vouches: ${why}`;
      return `${of} existed at ${new Date(genTime).toISOString()}, says ${who}`;
    }),
    ...(stamps.length === 0 ? ['nothing in it is stamped with the time'] : []),
  ];
  return `${lines.join('\n  ')}\n`;
}
