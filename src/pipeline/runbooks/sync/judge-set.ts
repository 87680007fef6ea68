import type { Fault } from '../../../platform/errors.ts';
import { printable } from '../../../platform/printable.ts';
import { judgeRunbook, type JudgedRunbook, type JudgePlaybook } from '../judge-runbook.ts';
import { readRunbook } from '../runbook.ts';
import type { Surroundings } from '../validate/lint-steps.ts';
import { validateText } from '../validate/validate-text.ts';
import { blobId } from './blob-id.ts';
import type { RunbookFile } from './runbook-set.ts';

/** A file of the set as the runbook that it is. */
export interface SetRunbook {
  readonly id: string;
  readonly file: RunbookFile;
  readonly format: 'yaml' | 'json';
  readonly judged: JudgedRunbook;
}

export interface JudgedSet {
  readonly runbooks: readonly SetRunbook[];
  /** In sentences that begin with file and line. */
  readonly warnings: readonly string[];
}

/** Faults of a whole set that are told at once: more than a person mends at once. */
const MAX_FAULTS = 200;
/** Warnings that are told of a whole set. */
const MAX_WARNINGS = 200;

export interface JudgeSetPorts {
  readonly surroundings: Surroundings;
  readonly judge: JudgePlaybook;
  isId(id: string): boolean;
}

/**
 * Judges every file as `firebreak validate` does, and then as this installation would run it. One fault is enough to refuse the
 * set: all faults of all files, each with file and line. Pure but for `judge`.
 */
export function judgeSet(
  files: readonly RunbookFile[],
  ports: JudgeSetPorts,
): JudgedSet | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const warnings: string[] = [];
  const runbooks = new Map<string, SetRunbook>();
  for (const [index, file] of files.entries()) {
    const judged = judgeFile(file, ports);
    const { runbook } = judged;
    const earlier = runbook === undefined ? undefined : runbooks.get(runbook.id);
    const twice =
      earlier === undefined
        ? []
        : [
            `${file.path}:1: it is the runbook ${earlier.id}, as ${earlier.file.path} is; give one of them another metadata.id`,
          ];
    if (runbook !== undefined && earlier === undefined) runbooks.set(runbook.id, runbook);
    const pointer = `/files/${index}`;
    faults.push(...[...judged.faults, ...twice].map((detail) => ({ pointer, detail: printable(detail) })));
    warnings.push(...judged.warnings.map(printable));
  }
  if (faults.length > 0) return { faults: faults.slice(0, MAX_FAULTS) };
  return { runbooks: [...runbooks.values()], warnings: warnings.slice(0, MAX_WARNINGS) };
}

interface JudgedFile {
  readonly runbook?: SetRunbook;
  /** In sentences that begin with the file. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

function judgeFile(file: RunbookFile, { surroundings, judge, isId }: JudgeSetPorts): JudgedFile {
  const { path, text, blob } = file;
  if (blobId(text, blob) !== blob) {
    return { faults: [`${path}:1: the text is not that of the object ${blob}; read the commit again`], warnings: [] };
  }
  const format = /\.json$/i.test(path) ? 'json' : 'yaml';
  const { problems } = validateText(text, format, 'runbook', surroundings);
  const said = (severity: 'error' | 'warning'): readonly string[] =>
    problems
      .filter((problem) => problem.severity === severity)
      .map(({ line, column, rule, message, fix }) => `${path}:${line}:${column}: ${rule}: ${message}. ${fix}`);
  const warnings = said('warning');
  if (problems.some(({ severity }) => severity === 'error')) return { faults: said('error'), warnings };
  const id = idOf(file, format);
  if (!isId(id)) {
    const detail = `${path}:1: ${id} cannot be the id of a runbook; give it a metadata.id of up to 80 letters, digits, "_", "-" or "."`;
    return { faults: [detail], warnings };
  }
  const judged = judgeRunbook(id, text, format, judge);
  if ('faults' in judged) return { faults: judged.faults.map(({ detail }) => placed(path, detail)), warnings };
  const known = judged.warnings.map(({ detail }) => placed(path, detail));
  return { runbook: { id, file, format, judged }, faults: [], warnings: [...warnings, ...known] };
}

/** `metadata.id`, or the name of the file. */
function idOf({ path, text }: RunbookFile, format: 'yaml' | 'json'): string {
  const read = readRunbook(text, format);
  const named = 'value' in read ? read.value.metadata.id : undefined;
  return named ?? (path.split('/').at(-1) ?? '').replace(/\.(?:ya?ml|json)$/i, '');
}

/** `Line 3: ...` as `path:3: ...`. */
function placed(path: string, detail: string): string {
  const [, line, rest] = /^Line (\d+): (.*)$/s.exec(detail) ?? [];
  return line === undefined ? `${path}:1: ${detail}` : `${path}:${line}: ${rest ?? ''}`;
}
