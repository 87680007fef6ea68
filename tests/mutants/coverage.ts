import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';

/** Runs beside each test file in the first pass: writes down which mutants the file reached. */
const folder = process.env.MUTANTS_COVERAGE;

afterAll(() => {
  if (folder === undefined) return;
  const { testPath } = expect.getState();
  // Stryker's instrumenter counts here; what it is not, is no coverage.
  const { __stryker__: counted } = globalThis as {
    readonly __stryker__?: { readonly mutantCoverage?: { readonly static: Readonly<Record<string, number>> } };
  };
  const ids = Object.keys(counted?.mutantCoverage?.static ?? {});
  const name = Buffer.from(testPath ?? '').toString('base64url');
  writeFileSync(join(folder, `${name}.json`), JSON.stringify({ testPath, ids }));
});
