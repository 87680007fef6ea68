import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

/** One small change of the source, and where it stands. */
export interface Mutant {
  readonly id: string;
  /** Relative to the root of the repository. */
  readonly file: string;
  /** Counted from 1, as editors do. */
  readonly line: number;
  readonly column: number;
  /** Stryker's name of the kind of change. */
  readonly kind: string;
  readonly original: string;
  readonly replacement: string;
  /** The line in which it begins. */
  readonly context: string;
}

const POSITION = z.object({ line: z.int(), column: z.int() });
const RESULT = z.object({
  files: z.array(z.object({ name: z.string(), content: z.string() })),
  mutants: z.array(
    z.object({
      id: z.string(),
      fileName: z.string(),
      location: z.object({ start: POSITION, end: POSITION }),
      mutatorName: z.string(),
      replacement: z.string(),
    }),
  ),
});

interface Instrumenter {
  instrument(
    files: readonly { readonly name: string; readonly mutate: true; readonly content: string }[],
    options: object,
  ): Promise<unknown>;
}

/**
 * Writes all mutants into the files of `folder` at once, each behind a switch that `__STRYKER_ACTIVE_MUTANT__` in the
 * environment turns on, and tells which there are. Without it the code does what it did.
 */
export async function instrument(tool: string, folder: string, files: readonly string[]): Promise<readonly Mutant[]> {
  const sources = new Map(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
  const instrumenter = await loadInstrumenter(tool);
  const result = RESULT.parse(
    await instrumenter.instrument(
      [...sources].map(([file, content]) => ({ name: join(folder, file), mutate: true as const, content })),
      { plugins: null, excludedMutations: [], ignorers: [] },
    ),
  );
  // With a mutant active nobody asks what was reached, and counting costs more than most tests.
  const counting = 'stryCov_9fa48 = cover;';
  const counted = 'stryCov_9fa48 = ns.activeMutant === undefined ? cover : () => undefined;';
  for (const { name, content } of result.files) writeFileSync(name, content.replace(counting, counted));
  return result.mutants.map(({ id, fileName, location: { start, end }, mutatorName, replacement }) => {
    const file = relative(folder, fileName);
    const lines = (sources.get(file) ?? '').split('\n');
    return {
      id,
      file,
      line: start.line + 1,
      column: start.column + 1,
      kind: mutatorName,
      original: textBetween(lines, start, end),
      replacement,
      context: (lines[start.line] ?? '').trim(),
    };
  });
}

function textBetween(lines: readonly string[], start: z.infer<typeof POSITION>, end: z.infer<typeof POSITION>): string {
  const inside = lines.slice(start.line, end.line + 1);
  const last = inside.length - 1;
  return inside
    .map((line, index) => line.slice(index === 0 ? start.column : 0, index === last ? end.column : undefined))
    .join('\n');
}

async function loadInstrumenter(tool: string): Promise<Instrumenter> {
  const entry = join(tool, 'node_modules/@stryker-mutator/instrumenter/dist/src/index.js');
  const loaded: unknown = await import(pathToFileURL(entry).href);
  // The version is locked, and what comes back from `instrument` is checked: the tool is not among our dependencies.
  const { Instrumenter } = loaded as { readonly Instrumenter: new (logger: object) => Instrumenter };
  const silent = (): void => undefined;
  const never = (): boolean => false;
  return new Instrumenter({ isDebugEnabled: never, debug: silent, info: silent, warn: silent, error: silent });
}

/**
 * Installs what is locked beside this file into `cache`, once. It is no dependency of the project: 67 packages that only
 * this command needs, of a line that gets no more releases.
 */
export function installTool(cache: string): string {
  const here = join(import.meta.dirname, 'tool');
  const lock = readFileSync(join(here, 'package-lock.json'), 'utf8');
  const installed = join(cache, 'package-lock.json');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === lock && existsSync(join(cache, 'node_modules')))
    return cache;
  mkdirSync(cache, { recursive: true });
  copyFileSync(join(here, 'package.json'), join(cache, 'package.json'));
  copyFileSync(join(here, 'package-lock.json'), installed);
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: cache, stdio: 'inherit' });
  return cache;
}
