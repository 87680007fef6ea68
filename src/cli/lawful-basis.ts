import { z } from 'zod';
import { apiClient, jsonBody } from './api-client.ts';
import { documentIn } from './document-file.ts';
import type { Io } from './io.ts';
import { say, type ServerOptions } from './say.ts';

const PATH = '/api/lawful-basis';

const SHOWN = z.looseObject({
  version: z.int(),
  required: z.boolean(),
  entries: z.array(
    z.looseObject({
      id: z.string(),
      basis: z.string(),
      actionTypes: z.array(z.string()),
      artifactKinds: z.array(z.string()),
      agreement: z.string().nullable(),
      decidedBy: z.string(),
      decidedOn: z.string(),
      reviewOn: z.string().nullable(),
    }),
  ),
  undecided: z.array(z.looseObject({ type: z.string(), why: z.string(), usual: z.string() })),
  toReview: z.array(z.string()),
});

/** The lawful bases on record. Exit code 0; 1 while something is open or has to be looked at again. */
export async function showLawfulBasisCommand(options: ServerOptions, io: Io): Promise<number> {
  return told((await apiClient(options.url, io).call('GET', PATH)).data, options, io);
}

/** Replaces all of them by what a YAML or JSON file says under `entries`. Exit code as `showLawfulBasisCommand`. @throws what the server refused */
export async function setLawfulBasisCommand(
  file: string,
  { ifVersion, ...options }: ServerOptions & { readonly ifVersion?: string },
  io: Io,
): Promise<number> {
  const given = Object.entries(await documentIn(file, 'invalid_lawful_basis', io));
  // What an answer adds to the document is left out: a file that was made of one is not refused for it.
  const definition = Object.fromEntries(given.filter(([name]) => !ANSWER_MEMBERS.has(name)));
  const body = { ...jsonBody(definition), ...(ifVersion === undefined ? {} : { ifMatch: `"${ifVersion}"` }) };
  return told((await apiClient(options.url, io).call('PUT', PATH, body)).data, options, io);
}

const ANSWER_MEMBERS: ReadonlySet<string> = new Set([
  'id',
  '_id',
  'required',
  'undecided',
  'toReview',
  'version',
  'updatedAt',
  'savedBy',
]);

function told(data: unknown, options: ServerOptions, io: Io): number {
  const shown = SHOWN.parse(data);
  const { version, required, entries, undecided, toReview } = shown;
  say(options, io, shown, [
    `version ${version}, ${required ? 'required' : 'not required'} (LAWFUL_BASIS_REQUIRED)`,
    ...entries.map(
      ({ id, basis, actionTypes, artifactKinds, agreement, decidedBy, decidedOn }) =>
        `${id}  ${basis}  ${[...actionTypes, ...artifactKinds].join(', ')}  by ${decidedBy} on ${decidedOn}${agreement === null ? '' : `, ${agreement}`}${toReview.includes(id) ? '  TO REVIEW' : ''}`,
    ),
    ...undecided.map(({ type, why, usual }) => `UNDECIDED  ${type}  ${why} Usual: ${usual}.`),
  ]);
  return undecided.length + toReview.length > 0 ? 1 : 0;
}
