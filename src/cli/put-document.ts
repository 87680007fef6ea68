import type { ErrorCode } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import { documentIn } from './document-file.ts';
import type { Io } from './io.ts';
import type { ServerOptions } from './say.ts';

export interface PutOptions extends ServerOptions {
  /** Refused with `stale_version` where it is not this one any more. */
  readonly ifVersion?: string;
  /** Of the refusal of a file that holds no document. */
  readonly code: ErrorCode;
  /** Members that only answers have: a file that was made of an answer is not refused for them. */
  readonly answerMembers?: ReadonlySet<string>;
}

/** Replaces what stands under a path by what a YAML or JSON file says (`-`: the standard input). @throws what the server refused */
export async function putDocument(
  path: string,
  file: string,
  { url, ifVersion, code, answerMembers = new Set() }: PutOptions,
  io: Io,
) {
  const given = Object.entries(await documentIn(file, code, io));
  const definition = Object.fromEntries(given.filter(([name]) => !answerMembers.has(name)));
  const body = { ...jsonBody(definition), ...(ifVersion === undefined ? {} : { ifMatch: `"${ifVersion}"` }) };
  return apiClient(url, io).call('PUT', path, body);
}
