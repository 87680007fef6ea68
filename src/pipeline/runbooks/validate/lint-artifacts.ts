import { posix } from 'node:path';
import type { RunbookStep } from '../runbook.ts';
import { fieldFindings, type Expressions } from './expressions.ts';
import type { Finding } from './problem.ts';

/** Paths of artefacts: absolute, without a way out, without what an attacker chooses. */
export function artifactFindings({ preserveArtifacts, pointer }: RunbookStep, known: Expressions): readonly Finding[] {
  return preserveArtifacts.flatMap((path, index): readonly Finding[] => {
    const at = `${pointer}/preserve_artifacts/${index}`;
    const message = faultOf(path);
    if (message === null) return fieldFindings(path, at, known);
    const straight = straightened(path);
    const edit = straight === null ? null : known.writer.replaceValue(at, straight);
    return [
      {
        rule: 'artifact-path',
        pointer: at,
        message,
        fix: straight === null ? 'Write an absolute path, for example /var/log/auth.log.' : `Write ${straight}.`,
        repairs: edit === null ? [] : [[edit]],
      },
    ];
  });
}

const WINDOWS = /^[A-Za-z]:[\\/]/;

function faultOf(path: string): string | null {
  if (/\p{Cc}/u.test(path)) return 'The path of an artefact holds control characters';
  if (path.split(/[\\/]/).includes('..')) return 'The path of an artefact climbs by ..';
  if (!path.startsWith('/') && !WINDOWS.test(path)) return 'The path of an artefact is not absolute';
  return null;
}

/** The same path without what is wrong with it; null where it is not clear which that is. */
function straightened(path: string): string | null {
  const clean = path.replaceAll(/\p{Cc}/gu, '');
  if (WINDOWS.test(clean) || clean.includes('\\')) return null;
  if (clean.startsWith('/')) return posix.normalize(clean);
  return /^(?:tmp|var|etc|home|evidence|opt|root|srv|usr|proc|dev)\//.test(clean) ? posix.normalize(`/${clean}`) : null;
}
