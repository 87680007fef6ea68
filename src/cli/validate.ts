import { organisationHandlers } from '../connectors/organisation/actions.ts';
import { sandboxHandlers } from '../connectors/sandbox/actions.ts';
import { openHosts } from '../connectors/ssh/open.ts';
import { webhookHandlers } from '../connectors/webhook/actions.ts';
import { actionRegistry } from '../pipeline/actions/registry.ts';
import { runbookJsonSchema } from '../pipeline/runbooks/json-schema.ts';
import { documentKind } from '../pipeline/runbooks/validate/document-kind.ts';
import { fixText, judgeFor, soundRepair } from '../pipeline/runbooks/validate/fix-text.ts';
import type { Surroundings } from '../pipeline/runbooks/validate/lint-steps.ts';
import { parameterFaultsOf } from '../pipeline/runbooks/validate/parameter-faults.ts';
import { validateText } from '../pipeline/runbooks/validate/validate-text.ts';
import { messageOf } from '../platform/errors.ts';
import { printable } from '../platform/printable.ts';
import { safeHttp } from '../platform/safe-http.ts';
import { lateDesks, type Rooms } from '../start/desks.ts';
import type { Io } from './io.ts';
import { replaceFile } from './replace-file.ts';
import { findFiles, readTextFile, type FoundFile } from './validate-files.ts';
import {
  countsOf,
  outputOf,
  type ValidatedFile,
  type ValidatedProblem,
  type ValidateFormat,
} from './validate-output.ts';

/** `firebreak validate`: what is wrong with runbooks and playbook documents, without a server. */

export interface ValidateOptions {
  readonly format: ValidateFormat;
  readonly fix: boolean;
  /** Print the schema for editors instead. */
  readonly schema?: boolean;
  /** Warnings count as errors. */
  readonly strict: boolean;
  /** Names of connectors besides those that every server has. */
  readonly connectors?: readonly string[];
}

export const VALIDATE_EXIT_CODES = {
  /** Everything was looked at, and there is no error. */
  clean: 0,
  /** There are errors (with `--strict` warnings too). */
  problems: 1,
  /** Something could not be looked at. */
  unreadable: 2,
} as const;

/** Connectors that a server has by itself or by configuration alone. */
const OWN_CONNECTORS = ['sandbox', 'webhook', 'organisation', 'ssh'] as const;

/** Files and what was found in them; edits are offered only where they were found to help. */
export async function validateCommand(paths: readonly string[], options: ValidateOptions, io: Io): Promise<number> {
  if (options.schema === true) {
    io.stdout.write(runbookJsonSchema());
    return VALIDATE_EXIT_CODES.clean;
  }
  const surroundings = surroundingsOf(options.connectors ?? []);
  const { files: found, unreadable } = await findFiles(paths);
  const failures = [...unreadable];
  const files: ValidatedFile[] = [];
  let skipped = 0;
  for (const file of found) {
    try {
      const validated = await validateFile(file, options.fix, surroundings);
      if (validated === null) skipped += 1;
      else files.push(validated);
    } catch (thrown) {
      failures.push(`${file.path}: ${messageOf(thrown)}`);
    }
  }
  if (files.length === 0 && failures.length === 0) failures.push('There is no runbook and no playbook at these paths');
  const validated = { files, skipped, unreadable: failures };
  io.stdout.write(outputOf(validated, options.format));
  if (options.format === 'text') for (const each of failures) io.stderr.write(`${printable(each)}\n`);
  if (failures.length > 0) return VALIDATE_EXIT_CODES.unreadable;
  const { errors, warnings } = countsOf(validated);
  const bad = errors + (options.strict ? warnings : 0) > 0;
  return bad ? VALIDATE_EXIT_CODES.problems : VALIDATE_EXIT_CODES.clean;
}

/** Null for a file of something else, found in a folder. */
async function validateFile(
  { path, format, named }: FoundFile,
  fix: boolean,
  surroundings: Surroundings,
): Promise<ValidatedFile | null> {
  const text = await readTextFile(path);
  const kind = documentKind(text) ?? (named ? 'runbook' : null);
  if (kind === null) return null;
  const judgement = validateText(text, format, kind, surroundings);
  const judge = judgeFor(format, kind, surroundings);
  if (fix) {
    const mended = fixText(text, judgement, judge);
    if (mended.fixed.length > 0) {
      if (!(await replaceFile(path, text, mended.text))) throw new Error('it changed while it was mended; try again');
      return { path, text: mended.text, fixed: mended.fixed.length, problems: mended.judgement.problems };
    }
  }
  const problems = judgement.problems.map((problem): ValidatedProblem => {
    const sound = soundRepair(text, problem, judgement, judge);
    return sound === null ? problem : { ...problem, edits: sound.edits };
  });
  return { path, text, problems, fixed: 0 };
}

/** Parameters are judged by all connectors that a server has by itself or by configuration alone: none of them is called here. */
function surroundingsOf(connectors: readonly string[]): Surroundings {
  const http = safeHttp({});
  const { people, evidence, regulatory, tasks } = neverAsked;
  const registry = actionRegistry([
    ...sandboxHandlers({ baseUrl: 'http://127.0.0.1', token: '', http }, evidence),
    ...webhookHandlers({ http }),
    ...organisationHandlers({ people, evidence, regulatory, tasks }),
    ...openHosts({ hosts: [], evidence, now: () => 0 }).handlers,
  ]);
  return {
    connectors: [...new Set([...OWN_CONNECTORS, ...connectors])],
    parameterFaults: parameterFaultsOf(registry),
  };
}

const neverAsked = lateDesks({ evidence: true, regulatory: true, tasks: true }).desks as Required<Rooms>; // all of them were asked for
