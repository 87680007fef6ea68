import { join } from 'node:path';
import type { DigestTaker } from '../pipeline/evidence/digests.ts';
import type { Vault } from '../pipeline/evidence/vault.ts';
import type { Config } from '../platform/config.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import { readKeyFile, type VaultKey } from '../vaults/key-file.ts';
import { openLocalVault } from '../vaults/local/vault.ts';

/**
 * The store of evidence that the configuration names.
 * @throws FirebreakError `store_unavailable` when it cannot be used, with the fix.
 */
export async function openVault(
  { dataDir, evidence, webhookAllow }: Config,
  { takeDigests, log }: { readonly takeDigests: () => DigestTaker; readonly log: Pick<Log, 'error'> },
): Promise<Vault> {
  try {
    const keys: readonly VaultKey[] = evidence.keyFile === null ? [] : readKeyFile(evidence.keyFile);
    const { s3 } = evidence;
    if (s3 === null)
      return await openLocalVault({ folder: evidence.dir ?? join(dataDir, 'evidence'), keys, takeDigests });
    // The SDK is 22 MB of code: who keeps evidence in a folder never loads it.
    const { openS3Vault } = await import('../vaults/s3/vault.ts');
    return await openS3Vault({
      ...s3,
      keys,
      takeDigests,
      allowPrivate: webhookAllow,
      onFault: (fault) => log.error({ err: fault }, 'the evidence store does not do what it should'),
    });
  } catch (thrown) {
    throw new FirebreakError('store_unavailable', `The evidence store cannot be used: ${messageOf(thrown)}`, [], {
      cause: thrown,
    });
  }
}
