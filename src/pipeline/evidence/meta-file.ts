import { invariant } from '../../platform/errors.ts';
import type { Evidence } from './evidence.ts';

/** Longest stem of a file's name, in UTF-16 units. */
const MAX_STEM_LENGTH = 100;

/**
 * The short note that lies beside the bytes, for whoever has the folder and not the server: five members that follow from the
 * custody record, in a file that is called after the artefact.
 */
export function metaFileOf({ identity, source, acquisition, integrity }: Evidence): {
  readonly fileName: string;
  readonly bytes: Buffer;
} {
  invariant(integrity !== null && acquisition.endedAt !== null, 'a note is written of what is kept');
  const meta = {
    artifact: source.location === '' ? identity.name : source.location,
    collected_at: new Date(acquisition.endedAt).toISOString(),
    collector: acquisition.collector.id,
    sha256: integrity.sha256,
    chain_of_custody: true,
  };
  return { fileName: `${stemOf(identity.name)}_meta.json`, bytes: Buffer.from(`${JSON.stringify(meta, null, 2)}\n`) };
}

/** The name without its folders and its last extension, as letters, digits, dots, dashes and underscores only. */
function stemOf(name: string): string {
  const base = name.split(/[/\\]/).at(-1) ?? '';
  const stem = base.includes('.', 1) ? base.slice(0, base.lastIndexOf('.')) : base;
  const safe = stem
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MAX_STEM_LENGTH);
  return safe === '' ? 'artifact' : safe;
}
