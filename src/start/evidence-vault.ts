import { join } from 'node:path';
import type { DigestTaker } from '../pipeline/evidence/digests.ts';
import type { VaultError } from '../pipeline/evidence/vault.ts';
import type { Config } from '../platform/config.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import { readKeyFile, type VaultKey } from '../vaults/key-file.ts';
import { openLocalVault } from '../vaults/local/vault.ts';
import { watchedVault, type WatchedVault } from '../vaults/watched-vault.ts';

/**
 * The store of evidence that the configuration names.
 * @throws FirebreakError `store_unavailable` when it cannot be used, with the fix.
 */
export async function openVault(
  { dataDir, evidence, webhookAllow }: Config,
  { takeDigests, log }: { readonly takeDigests: () => DigestTaker; readonly log: Pick<Log, 'error'> },
): Promise<WatchedVault> {
  try {
    const keys: readonly VaultKey[] = evidence.keyFile === null ? [] : readKeyFile(evidence.keyFile);
    const { s3 } = evidence;
    if (s3 === null) {
      const folder = evidence.dir ?? join(dataDir, 'evidence');
      return watchedVault(await openLocalVault({ folder, keys, takeDigests }), false);
    }
    // The SDK is 22 MB of code: who keeps evidence in a folder never loads it.
    const { openS3Vault } = await import('../vaults/s3/vault.ts');
    let wasAway = false;
    const onFault = (fault: VaultError): void => {
      wasAway = true;
      log.error({ err: fault }, 'the evidence store does not do what it should');
    };
    const vault = await openS3Vault({ ...s3, keys, takeDigests, allowPrivate: webhookAllow, onFault });
    return watchedVault(vault, wasAway);
  } catch (thrown) {
    throw new FirebreakError('store_unavailable', `The evidence store cannot be used: ${messageOf(thrown)}`, [], {
      cause: thrown,
    });
  }
}
