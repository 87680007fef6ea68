import { z } from 'zod';
import { FirebreakError } from '../platform/errors.ts';
import { printable } from '../platform/printable.ts';
import { matrixTable } from '../pipeline/incidents/matrix-table.ts';
import { readMatrix } from '../pipeline/incidents/read-matrix.ts';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';
import { putDocument } from './put-document.ts';
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
    // What the answer shows, without what it adds.
    const shown = Object.entries(data).filter(([name]) => !ANSWER_MEMBERS.has(name));
    const document = readMatrix(Object.fromEntries(shown));
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
  const put = { ...options, code: 'invalid_guard', answerMembers: ANSWER_MEMBERS } as const;
  const { data, warnings, status } = await putDocument(MATRIX, file, put, io);
  for (const warning of warnings) io.stderr.write(`warning: ${printable(warning)}\n`);
  say(options, io, data, [
    status === 202 ? `waits for a second person as ${String(data['id'])}` : `version ${String(data['version'])}`,
  ]);
  return 0;
}
