import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The pure core: what decides, proves and detects. Files of the same folders that touch a journal, a key or a file are
 * named here, with what they touch.
 */
const CORE: readonly { readonly folder: string; readonly without: readonly string[] }[] = [
  { folder: 'src/pipeline/executions/core', without: [] },
  // They keep and list what the pure files decide.
  { folder: 'src/pipeline/approvals', without: ['approvals.service.ts', 'policies.service.ts'] },
  // They write and read archives and exports, and texts for people.
  { folder: 'src/pipeline/audit', without: ['export.ts', 'export-files.ts', 'export-guide.ts', 'sequencer.ts'] },
  // Geography is a database file, the rest are the names of things.
  { folder: 'src/pipeline/detections', without: ['geo.ts', 'techniques.ts'] },
];

/** Tests, and what only tests use. */
const TESTING = /\.test\.ts$|^test-/;

const CORE_FILES = ['bind', 'conditions', 'scope', 'targets'].map((name) => `src/pipeline/playbooks/${name}.ts`);

/** Every file of the core under `root`, sorted, relative to it. */
export function coreFiles(root: string): readonly string[] {
  const found = CORE.flatMap(({ folder, without }) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.ts') && !TESTING.test(name) && !without.includes(name))
      .map((name) => `${folder}/${name}`),
  );
  return [...found, ...CORE_FILES].sort();
}
