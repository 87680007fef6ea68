import { createRequire } from 'node:module';

let loaded: typeof import('yaml') | null = null;

/** The YAML parser, loaded when somebody first needs it: a start does not. */
export function yaml(): typeof import('yaml') {
  loaded ??= createRequire(import.meta.url)('yaml') as typeof import('yaml'); // the package's own type
  return loaded;
}
