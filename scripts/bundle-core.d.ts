import type { Plugin } from 'esbuild';

export function bundleCore(options?: { readonly plugins?: Plugin[] }): Promise<string>;
