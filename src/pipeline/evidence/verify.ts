import type { DigestTaker } from './digests.ts';
import { addressOf, type Evidence } from './evidence.ts';
import { VaultError, type ContentDigests, type Vault } from './vault.ts';

/**
 * Reads an artefact again and says what is not as it was left, each as a sentence; empty: all of it is.
 * @param held whether the journal says that a hold stands on it
 * @param pause called after each piece, with its bytes: what reads in the background waits there
 * @throws VaultError `unavailable`: nothing can be said; nobody has changed anything for that.
 */
export async function findFaults(
  vault: Pick<Vault, 'stat' | 'read'>,
  evidence: Evidence,
  held: boolean,
  digests: DigestTaker,
  pause: (bytes: number) => Promise<void> | undefined = () => undefined,
): Promise<readonly string[]> {
  const address = addressOf(evidence);
  const { integrity, storage } = evidence;
  if (address === null || integrity === null) return [];
  try {
    const state = await vault.stat(address);
    if (state === null) return ['It is not in the store any more.'];
    const found = state.faults.map((fault) => `${fault}.`);
    if (state.retainUntil < storage.retainUntil) found.push('The store would let it go before its time.');
    if (held && !state.held) found.push('The store knows of no hold, though one stands.');
    if (state.encryptionKeyId !== storage.encryptionKeyId) found.push('It is encrypted under another key than it was.');
    for await (const piece of await vault.read(address)) {
      await digests.add(piece);
      await pause(piece.length);
    }
    return [...found, ...differences(integrity, await digests.finish())];
  } catch (thrown) {
    if (!(thrown instanceof VaultError) || thrown.code === 'unavailable') throw thrown;
    return [`${thrown.message}.`];
  } finally {
    digests.drop();
  }
}

function differences(was: ContentDigests, is: ContentDigests): readonly string[] {
  const found: string[] = [];
  if (is.size !== was.size) found.push(`It has ${is.size} bytes, and had ${was.size}.`);
  if (is.sha256 !== was.sha256) found.push(`Its SHA-256 is ${is.sha256}, and was ${was.sha256}.`);
  if (is.sha512 !== was.sha512) found.push('Its SHA-512 is another one than it was.');
  return found;
}
