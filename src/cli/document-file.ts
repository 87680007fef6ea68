import { FirebreakError, messageOf, type ErrorCode } from '../platform/errors.ts';
import { readDocument } from '../pipeline/playbooks/document.ts';
import type { Io } from './io.ts';

/**
 * A YAML or JSON file as a value; `-` is the standard input, as YAML.
 * @param code of the refusal where it is neither. @throws FirebreakError `invalid_request` where it cannot be read
 */
export async function documentIn(file: string, code: ErrorCode, io: Io): Promise<object> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await io.readInput(file));
  } catch (thrown) {
    throw new FirebreakError('invalid_request', `${file} cannot be read: ${messageOf(thrown)}`);
  }
  const read = readDocument(text, file.endsWith('.json') ? 'json' : 'yaml');
  if ('faults' in read) throw new FirebreakError(code, `${file} cannot be read`, read.faults);
  const { value } = read;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new FirebreakError(code, `${file} is not a mapping of members to values`);
}
