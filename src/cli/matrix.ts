import { z } from 'zod';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { printable } from '../platform/printable.ts';
import { readDocument } from '../pipeline/playbooks/document.ts';
import { matrixTable } from '../pipeline/incidents/matrix-table.ts';
import { readMatrix } from '../pipeline/incidents/read-matrix.ts';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { say, type ServerOptions } from './say.ts';

const MATRIX = '/api/guards/decision-matrix';
/** What an answer adds to the document: a file that was made of an answer is not refused for it. */
const ANSWER_MEMBERS: ReadonlySet<string> = new Set(['id', '_id', 'version', 'updatedAt', 'savedBy']);

const SHOWN = z.looseObject({
  cells: z.array(
    z.looseObject({
      impact: z.string(),
      confidence: z.string(),
      severity: z.string(),
      requiredAction: z.string(),
      approvers: z.array(z.string()),
      regulatoryTrigger: z.string(),
    }),
  ),
  gates: z.string(),
  version: z.int(),
});

/** The decision matrix in force, a line for each cell, or the table of a page. Exit code 0. */
export async function showMatrixCommand(
  { markdown, ...options }: ServerOptions & { readonly markdown: boolean },
  io: Io,
): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', MATRIX);
  if (markdown) {
    const document = readMatrix(documentOf(data));
    if ('faults' in document) throw new FirebreakError('invalid_guard', 'This version cannot read it', document.faults);
    io.stdout.write(`${matrixTable(document)}\n`);
    return 0;
  }
  const matrix = SHOWN.parse(data);
  const lines = matrix.cells.map(
    ({ impact, confidence, severity, approvers, regulatoryTrigger, requiredAction }) =>
      `${impact}/${confidence}  ${severity}  ${approvers.join('+') || '-'}  ${regulatoryTrigger}  ${printable(requiredAction)}`,
  );
  say(options, io, matrix, [...lines, `version ${matrix.version}, approvers are asked: ${matrix.gates}`]);
  return 0;
}

/** Replaces the matrix by what a YAML or JSON file says. Exit code 0. @throws what the server refused */
export async function setMatrixCommand(file: string, options: ServerOptions, io: Io): Promise<number> {
  let text: string;
  try {
    text = Buffer.from(await io.readInput(file)).toString('utf8');
  } catch (thrown) {
    throw new FirebreakError('invalid_request', `${file} cannot be read: ${messageOf(thrown)}`);
  }
  const read = readDocument(text, file.endsWith('.json') ? 'json' : 'yaml');
  if ('faults' in read) throw new FirebreakError('invalid_guard', `${file} cannot be read`, read.faults);
  const { data, warnings, status } = await apiClient(options.url, io).call(
    'PUT',
    MATRIX,
    jsonBody(documentOf(Object(read.value))),
  );
  for (const warning of warnings) io.stderr.write(`warning: ${printable(warning)}\n`);
  say(options, io, data, [
    status === 202 ? `waits for a second person as ${String(data['id'])}` : `version ${String(data['version'])}`,
  ]);
  return 0;
}

/** What an answer shows, without what it adds. */
function documentOf(shown: object): object {
  return Object.fromEntries(Object.entries(shown).filter(([name]) => !ANSWER_MEMBERS.has(name)));
}
