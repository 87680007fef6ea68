import { ownCore } from '../start/own-core.ts';
import { VERSION } from '../version.ts';
import type { Io } from './io.ts';

/**
 * Says the version, and the hash of the code that decides: the name under which journals and exports keep that code, and
 * which `replay` shows. Who has a release can tell by it what that release decided. No core: the program runs from its sources.
 */
export function versionCommand({ json }: { readonly json: boolean }, io: Io): number {
  const answer = { version: VERSION, core: ownCore()?.hash ?? null, node: process.versions.node };
  const { version, core, node } = answer;
  const text = `firebreak ${version}\ncore ${core ?? 'not built'}\nnode ${node}`;
  io.stdout.write(`${json ? JSON.stringify(answer) : text}\n`);
  return 0;
}
