import type { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import type { Fault } from '../../platform/errors.ts';
import { memberPointer } from '../../platform/json-pointer.ts';
import { readPlaced } from './placed-document.ts';
import type { Read } from './plain-json.ts';

/** Reading documents that people write (playbooks, policies): JSON or YAML text, or JSON already parsed. */

/** Parses JSON or YAML 1.2. Refused, with line and reason: everything that `readPlaced` refuses. */
export function readDocument(text: string, format: 'json' | 'yaml'): Read<Json> {
  const { value, faults } = readPlaced(text, format);
  if (value !== undefined) return { value };
  return { faults: faults.map(({ pointer, detail, line }) => ({ pointer, detail: `Line ${line}: ${detail}` })) };
}

/**
 * The faults of a refused zod parse, one for each place: an unknown member is named by its own pointer together with
 * the members that are known there (`known` by pointer without list indexes, for example `/actions`).
 */
export function faultsOf(error: z.ZodError, known: Readonly<Record<string, readonly string[]>>): readonly Fault[] {
  return error.issues.flatMap((issue) => {
    const pointer = issue.path.reduce<string>((present, step) => memberPointer(present, String(step)), '');
    if (issue.code !== 'unrecognized_keys') return [{ pointer, detail: sentence(issue.message) }];
    const shape =
      known[
        issue.path
          .filter((step) => typeof step === 'string')
          .map((step) => `/${step}`)
          .join('')
      ];
    const fix = shape === undefined ? 'remove it' : `known are ${shape.join(', ')}`;
    return issue.keys.map((key) => ({
      pointer: memberPointer(pointer, key),
      detail: `${key} is not a known member; ${fix}.`,
    }));
  });
}

/** A fault for each id that was used before in the list. */
export function repeated(ids: readonly string[], pointer: string, member: string): readonly Fault[] {
  return ids.flatMap((value, index) => {
    const first = ids.indexOf(value);
    if (first === index) return [];
    const detail = `${value} is already the ${member} of ${pointer}/${first}; choose another.`;
    return [{ pointer: `${pointer}/${index}/${member}`, detail }];
  });
}

function sentence(message: string): string {
  return message.endsWith('.') ? message : `${message}.`;
}
