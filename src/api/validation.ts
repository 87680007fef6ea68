import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { FirebreakError } from '../platform/errors.ts';
import { MAX_FAULTS, pointerToken } from './json-body.ts';
import type { PlacedFault } from './problem.ts';

type Part = NonNullable<PlacedFault['in']>;
const PARTS: ReadonlyMap<string, Part> = new Map([
  ['body', 'body'],
  ['querystring', 'query'],
  ['params', 'path'],
  ['headers', 'header'],
]);

/** Checks one part of a request against its zod schema; each fault gets a proper JSON pointer. */
export const validateWithZod: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = PARTS.get(httpPart ?? 'body') ?? 'body';
  return (data: unknown) => {
    // The server gives null for a body that is absent.
    const result = schema.safeParse(data ?? undefined);
    if (result.success) return { value: result.data };
    return {
      error: new FirebreakError('invalid_request', `The ${part} is not as expected`, faultsOf(result.error, part)),
    };
  };
};

/** At most 50 faults, without repeating what was sent (it may be a secret). */
function faultsOf(error: z.ZodError, part: Part): PlacedFault[] {
  return error.issues.slice(0, MAX_FAULTS).flatMap((issue): PlacedFault[] => {
    const pointer = issue.path.map((key) => `/${pointerToken(String(key))}`).join('');
    if (issue.code !== 'unrecognized_keys') return [{ in: part, pointer, detail: issue.message }];
    return issue.keys
      .slice(0, MAX_FAULTS)
      .map((key) => ({ in: part, pointer: `${pointer}/${pointerToken(key)}`, detail: 'is not known here' }));
  });
}
