import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PlantedBug } from './planted-bug.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What is copied: everything that the simulation and the unit tests read. */
const COPIED = ['src', 'simulation', 'tests', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

/** A copy of the sources with a bug in it, in a folder of its own. @throws when the bug's text is not there once. */
export function plantedCopy(bug: PlantedBug): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), `firebreak-${bug.name}-`));
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const file = join(folder, bug.file);
  writeFileSync(file, withBug(bug, readFileSync(file, 'utf8')));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** The text of a file with the bug in it. */
export function withBug({ name, file, find, replace }: PlantedBug, text: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${name}: its text stands ${parts.length - 1} times in ${file}`);
  return parts.join(replace);
}
