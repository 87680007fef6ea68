import { readFileSync } from 'node:fs';
import type { Plugin } from 'esbuild';

/** Makes another core out of the same sources: one text in one file is replaced. @throws when it is not there. */
export function edited(file: string, { from, to }: { readonly from: string; readonly to: string }): Plugin {
  const ending = file.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return {
    name: 'edited',
    setup(build) {
      build.onLoad({ filter: new RegExp(`${ending}$`) }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        if (!text.includes(from)) throw new Error(`${path} does not hold: ${from}`);
        return { contents: text.replace(from, to), loader: 'ts' };
      });
    },
  };
}
