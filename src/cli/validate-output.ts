import { isAbsolute, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { printable } from '../platform/printable.ts';
import { RULES, type Problem } from '../pipeline/runbooks/validate/problem.ts';
import type { TextEdit } from '../pipeline/runbooks/validate/text-edit.ts';
import { VERSION } from '../version.ts';

/** What `firebreak validate` found, for people and for programs. */

export const VALIDATE_FORMATS = ['text', 'json', 'sarif', 'github'] as const;
export type ValidateFormat = (typeof VALIDATE_FORMATS)[number];

export interface ValidatedFile {
  readonly path: string;
  readonly text: string;
  readonly problems: readonly ValidatedProblem[];
  /** How many problems `--fix` mended. */
  readonly fixed: number;
}

export interface ValidatedProblem extends Problem {
  /** Edits that were found to mend it; absent where a person has to. */
  readonly edits?: readonly TextEdit[];
}

export interface Validated {
  readonly files: readonly ValidatedFile[];
  /** Files that are neither runbooks nor playbooks. */
  readonly skipped: number;
  readonly unreadable: readonly string[];
}

/** All of it in one text, with a line break at its end unless it is empty. */
export function outputOf(validated: Validated, format: ValidateFormat): string {
  switch (format) {
    case 'text':
      return textOutput(validated);
    case 'json':
      return `${JSON.stringify(jsonOutput(validated), null, 2)}\n`;
    case 'sarif':
      return `${JSON.stringify(sarifOutput(validated), null, 2)}\n`;
    case 'github':
      return githubOutput(validated);
  }
}

export function countsOf({ files }: Validated): { readonly errors: number; readonly warnings: number } {
  const all = files.flatMap(({ problems }) => problems);
  const errors = all.filter(({ severity }) => severity === 'error').length;
  return { errors, warnings: all.length - errors };
}

function textOutput(validated: Validated): string {
  const lines = validated.files.flatMap(({ path, problems }) =>
    problems.map(({ line, column, severity, rule, message, fix, edits }) => {
      const by = edits === undefined ? '' : ' (--fix does it)';
      return `${path}:${line}:${column}: ${severity} ${rule}: ${message}. ${fix}${by}`;
    }),
  );
  const { errors, warnings } = countsOf(validated);
  const fixed = validated.files.reduce((sum, file) => sum + file.fixed, 0);
  const mended = fixed === 0 ? '' : `, ${fixed} mended`;
  lines.push(`${validated.files.length} files: ${errors} errors, ${warnings} warnings${mended}`);
  return `${lines.map(printable).join('\n')}\n`;
}

/** Byte offsets are those of the file as it is now; lines and columns count from 1, columns in UTF-16 units. */
function jsonOutput(validated: Validated): object {
  return {
    ...countsOf(validated),
    skipped: validated.skipped,
    unreadable: validated.unreadable,
    files: validated.files.map(({ path, text, problems, fixed }) => ({
      path,
      fixed,
      problems: problems.map(({ rule, severity, pointer, line, column, offset, end, message, fix, edits }) => ({
        rule,
        severity,
        pointer,
        line,
        column,
        byteOffset: bytesTo(text, offset),
        byteEnd: bytesTo(text, Math.max(offset, end)),
        message: `${message}.`,
        fix,
        edits: (edits ?? []).map((edit) => byteEdit(text, edit)),
      })),
    })),
  };
}

function byteEdit(text: string, { offset, end, text: replacement }: TextEdit): object {
  return { byteOffset: bytesTo(text, offset), byteEnd: bytesTo(text, end), text: replacement };
}

function bytesTo(text: string, offset: number): number {
  return Buffer.byteLength(text.slice(0, offset));
}

/** SARIF 2.1.0, as code scanning services take it. */
function sarifOutput({ files, unreadable }: Validated): object {
  const rules = Object.entries(RULES).map(([id, { severity, about }]) => ({
    id,
    shortDescription: { text: about },
    defaultConfiguration: { level: severity },
  }));
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'firebreak validate', version: VERSION, rules } },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: unreadable.length === 0,
            toolExecutionNotifications: unreadable.map((text) => ({ level: 'error', message: { text } })),
          },
        ],
        results: files.flatMap((file) => file.problems.map((problem) => sarifResult(file, problem, rules))),
      },
    ],
  };
}

function sarifResult(
  { path, text }: ValidatedFile,
  problem: ValidatedProblem,
  rules: readonly { readonly id: string }[],
): object {
  const { rule, severity, message, fix, line, column, offset, end, edits } = problem;
  const artifactLocation = { uri: uriOf(path) };
  const [byteOffset, byteEnd] = [bytesTo(text, offset), bytesTo(text, Math.max(offset, end))];
  const region = { startLine: line, startColumn: column, byteOffset, byteLength: byteEnd - byteOffset };
  return {
    ruleId: rule,
    ruleIndex: rules.findIndex(({ id }) => id === rule),
    level: severity,
    message: { text: `${message}. ${fix}` },
    locations: [{ physicalLocation: { artifactLocation, region } }],
    ...(edits === undefined
      ? {}
      : {
          fixes: [
            {
              description: { text: fix },
              artifactChanges: [
                {
                  artifactLocation,
                  replacements: edits.map((edit) => ({
                    deletedRegion: {
                      byteOffset: bytesTo(text, edit.offset),
                      byteLength: Buffer.byteLength(text.slice(edit.offset, edit.end)),
                    },
                    insertedContent: { text: edit.text },
                  })),
                },
              ],
            },
          ],
        }),
  };
}

/** Relative to where it is called, as annotations of a repository need it; a file elsewhere by its whole address. */
function uriOf(path: string): string {
  const here = relative('.', path);
  if (here.startsWith('..') || isAbsolute(here)) return pathToFileURL(path).href;
  return here.split(sep).map(encodeURIComponent).join('/');
}

/** Workflow commands. What a file says must not end its command and begin another one. */
function githubOutput({ files, unreadable }: Validated): string {
  const lines = files.flatMap(({ path, problems }) =>
    problems.map(({ severity, line, column, rule, message, fix }) => {
      const at = `file=${property(path)},line=${line},col=${column},title=${property(rule)}`;
      return `::${severity} ${at}::${data(`${message}. ${fix}`)}\n`;
    }),
  );
  return [...lines, ...unreadable.map((text) => `::error::${data(text)}\n`)].join('');
}

function data(text: string): string {
  return printable(text).replaceAll('%', '%25');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
