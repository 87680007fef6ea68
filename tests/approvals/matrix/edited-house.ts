import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { edited } from '../../support/edited-core.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** One check of the product, and the product without it. */
export interface Check {
  readonly name: string;
  readonly file: string;
  /** Stands in the file. */
  readonly from: string;
  readonly to: string;
}

/**
 * Uses a house of the matrix whose product lacks a check; the product's sources are left as they are.
 * @throws when the check is not there.
 */
export async function withoutCheck<House, Result>(
  entry: string,
  { file, from, to }: Check,
  use: (house: House) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-matrix-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const { outputFiles } = await build({
      absWorkingDir: ROOT,
      entryPoints: [`tests/approvals/matrix/${entry}`],
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      target: 'node20',
      plugins: [edited(file, { from, to })],
      write: false,
      logLevel: 'error',
    });
    const bundle = join(folder, 'house.mjs');
    writeFileSync(bundle, outputFiles[0]?.text ?? '');
    const module: unknown = await import(/* @vite-ignore */ pathToFileURL(bundle).href);
    return await use(module as House); // the entry's own exports
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
