import type { StoredView } from '../../journal/journal.ts';
import type { JsonObject } from '../actions/contract.ts';
import { shownTime, type Resource } from '../service.ts';
import { statusOf, type Exemption } from './exemption.ts';

/** How the API shows an exemption. `hash` is what a second person confirms. */
export function shownExemption(id: string, exemption: Exemption, now: number): Resource {
  const { terms, hash, proposed, confirmed, revoked } = exemption;
  const { expiresAt, lapsesAt, appliesTo, gateHash: _gateHash, ...rest } = terms;
  return {
    id,
    exemptionId: id,
    ...rest,
    appliesTo: appliesTo as unknown as JsonObject, // plain JSON by its type
    status: statusOf(exemption, now),
    expiresAt: shownTime(expiresAt),
    confirmBefore: confirmed === null ? shownTime(lapsesAt) : null,
    hash,
    proposedBy: proposed.by,
    proposedAt: shownTime(proposed.at),
    confirmedBy: confirmed?.by ?? null,
    confirmedAt: shownTime(confirmed?.at),
    revokedBy: revoked?.by ?? null,
    revokedAt: shownTime(revoked?.at),
    revokedReason: revoked?.reason ?? null,
  };
}

/** One gate that was not asked because of it; the row is written with the execution's record. */
export function shownUse({ at, body }: StoredView): Resource {
  return { ...(body as JsonObject), at: shownTime(at) }; // written by the execution's change
}
