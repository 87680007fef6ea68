import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { LogKeyPair } from '../journal/log-key.ts';
import {
  createBundleService,
  type BundlePorts,
  type BundleService,
} from '../pipeline/evidence/bundles/bundles.service.ts';
import { createEvidenceStore } from '../pipeline/evidence/evidence.store.ts';
import type { Vault } from '../pipeline/evidence/vault.ts';
import type { SetBack } from '../pipeline/recovery/recovery.service.ts';
import type { Ids } from '../platform/ids.ts';
import type { Machine } from '../platform/machine.ts';
import type { TimeStampAuthority } from '../timestamps/time-stamp-authority.ts';

/** What makes evidence bundles in a server. */
export function openEvidenceBundles(ports: {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly persons: BundlePorts['persons'];
  readonly vault: Vault;
  readonly ids: Ids;
  readonly machine: Machine;
  readonly key: LogKeyPair;
  readonly authority: TimeStampAuthority | null;
  readonly onUnstamped: (thrown: unknown) => void;
  readonly setBack: SetBack | null;
}): BundleService {
  const { setBack, ...others } = ports;
  const unsigned =
    setBack === null ? null : 'The journal was set back, and nothing is signed until two people have confirmed it';
  return createBundleService({ ...others, store: createEvidenceStore(ports), unsigned });
}
