import type { Json } from '../../platform/canonical-json.ts';
import type { JournalRecord } from '../audit/record.ts';
import { shownTime, type Resource } from '../service.ts';
import { statusOfEvidence, type Evidence } from './evidence.ts';
import type { Hold } from './hold.ts';

/** An artefact as the API shows it: the groups of its custody record, times as RFC 3339. */
export function shownEvidence(id: string, evidence: Evidence, holds: readonly Hold[]): Resource {
  const { identity, source, acquisition, integrity, storage, lineage, exceptions, counts, custodian } = evidence;
  const { disposition, alarm } = evidence;
  const standing = holds.filter(({ released }) => released === null);
  return {
    id,
    evidenceId: id,
    status: statusOfEvidence(evidence),
    identity: { ...identity },
    source: { ...source, modifiedAt: shownTime(source.modifiedAt) },
    acquisition: {
      collector: { ...acquisition.collector },
      authority: { ...acquisition.authority },
      lawfulBasis:
        acquisition.lawfulBasis === undefined ? null : acquisition.lawfulBasis && { ...acquisition.lawfulBasis },
      method: acquisition.method,
      startedAt: shownTime(acquisition.startedAt),
      endedAt: shownTime(acquisition.endedAt),
    },
    integrity: integrity === null ? null : { ...integrity, verifiedAt: shownTime(integrity.verifiedAt) },
    storage: { ...storage, retainUntil: shownTime(storage.retainUntil), legalHold: standing.length > 0 },
    lineage: { ...lineage },
    exceptions: [...exceptions],
    counts: { ...counts },
    custodian,
    alarm: alarm === null ? null : { at: shownTime(alarm.at), found: [...alarm.found] },
    disposition:
      disposition === null
        ? null
        : { ...disposition, at: shownTime(disposition.at), goneAt: shownTime(disposition.goneAt) },
    holds: standing.map(shownHold),
  };
}

export function shownHold({ id, scope, by, at, reason, released }: Hold): Resource {
  return {
    id,
    holdId: id,
    scope: { ...scope },
    status: released === null ? 'STANDING' : 'RELEASED',
    by,
    at: shownTime(at),
    reason,
    released: released === null ? null : { ...released, at: shownTime(released.at) },
  };
}

/** What happened to it, in the order of the records; those of holds among them by their time. */
export function timelineOf(records: readonly JournalRecord[]): readonly Json[] {
  return records
    .map((record, index) => ({ record, index }))
    .sort((left, right) => left.record.at - right.record.at || left.index - right.index)
    .map(({ record: { stream, seq, type, at, data } }) => ({ at: shownTime(at), type, stream, seq, ...data }));
}
