import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Clock } from '../../platform/clock.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { ConnectorError, type ActionOrigin } from '../actions/contract.ts';
import type { PinnedBasis } from '../lawful-basis/basis.ts';
import type { Artifact, ArtifactKind, EvidenceDesk, PreservedArtifact } from '../actions/desks.ts';
import { describe, type Acquisition, type Identity } from './evidence.ts';
import type { KeptEvidence } from './evidence.store.ts';
import type { HoldKeeping } from './holds.ts';
import type { Preserving, Taken } from './preserve.ts';

export interface DeskPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews'>;
  readonly preserving: Pick<Preserving, 'take' | 'find'>;
  readonly holds: Pick<HoldKeeping, 'set' | 'find'>;
  readonly clock: Clock;
  /** By what right artefacts of a kind are taken. @throws FirebreakError `lawful_basis_missing` where one is required */
  readonly basisFor?: (kind: ArtifactKind) => Promise<PinnedBasis | null>;
  /** Of this program: the collector's version. */
  readonly version: string;
}

/** Approvals of one execution: one for each of its actions, and a few that were asked again. */
const MAX_APPROVALS = 200;

/** What actions ask of the evidence store. Everything of it is done in the name of the execution that asks. */
export function createEvidenceDesk({ journal, preserving, holds, clock, version, basisFor }: DeskPorts): EvidenceDesk {
  return {
    async preserve(artifact, content, signal, altered) {
      const { origin } = artifact;
      const taking = {
        ...describe(artifact),
        ...(await caseOf(journal, origin)),
        ...(artifact.personal && basisFor !== undefined ? { lawfulBasis: await basisOf(artifact, basisFor) } : {}),
        collector: { type: 'service', id: COLLECTOR, version },
        lineage: { form: 'original', parentId: null },
      } as const;
      return wholeOf(await preserving.take(taking, content, signal, altered), signal);
    },
    async find(key) {
      const kept = await preserving.find(key);
      return kept === null ? null : shown(kept);
    },
    async holdAll({ key, origin, reason }) {
      const { belongsTo } = await caseOf(journal, origin);
      if (belongsTo.incidentId === null)
        throw new FirebreakError('conflict', 'This execution belongs to no incident, whose evidence could be held');
      const { id: holdId } = await holds.set({
        id: holdIdOf(key),
        scope: { type: 'incident', id: belongsTo.incidentId },
        by: `action:${origin.executionId}/${origin.actionId}`,
        issuedBy: null,
        reason,
        at: clock.now(),
      });
      return { holdId };
    },
    async findHold(key) {
      const hold = await holds.find(holdIdOf(key));
      return hold === null ? null : { holdId: hold.id };
    },
  };
}

/** @throws ConnectorError `lawful_basis_missing`, which no repeat helps: the action fails by that name, and what it does not take stays there */
async function basisOf(
  { kind }: Pick<Artifact, 'kind'>,
  basisFor: NonNullable<DeskPorts['basisFor']>,
): Promise<PinnedBasis | null> {
  try {
    return await basisFor(kind);
  } catch (thrown) {
    if (!(thrown instanceof FirebreakError) || thrown.code !== 'lawful_basis_missing') throw thrown;
    throw new ConnectorError(thrown.code, thrown.message, { retryable: false, resultUnknown: false });
  }
}

/** How this program signs as the collector of an artefact. */
const COLLECTOR = 'firebreak';

function holdIdOf(key: string): string {
  return derivedId('hld', key);
}

/** To which case an action's artefacts belong, and what allowed the action. */
async function caseOf(
  journal: DeskPorts['journal'],
  { executionId, actionId }: ActionOrigin,
): Promise<{
  readonly belongsTo: Pick<Identity, 'incidentId' | 'executionId' | 'actionId'>;
  readonly authority: Acquisition['authority'];
}> {
  const view = await journal.view('execution', executionId);
  // The row of an execution is written by `executionView`.
  const row = view?.body as { readonly incidentId: string; readonly planHash: string } | undefined;
  const belongsTo = { incidentId: row?.incidentId ?? null, executionId, actionId };
  const query = { kind: 'approval', parent: executionId, status: 'APPROVED', limit: MAX_APPROVALS, skip: 0 } as const;
  const { items } = await journal.listViews(query);
  const approved = items.find(({ body }) => (body as { readonly actionId?: string } | null)?.actionId === actionId);
  if (approved !== undefined) return { belongsTo, authority: { type: 'approval', id: approved.id } };
  const authority =
    row === undefined ? ({ type: 'none', id: '' } as const) : ({ type: 'plan', id: row.planHash } as const);
  return { belongsTo, authority };
}

/** What broke off is kept and on record; who asked hears why it is not the whole. */
function wholeOf(taken: Taken, signal: AbortSignal): PreservedArtifact {
  const { broken } = taken;
  if (broken === null) return shown(taken);
  if (broken.by === 'source') throw broken.thrown;
  if (broken.by === 'aborted') throw signal.reason;
  throw new FirebreakError('store_unavailable', broken.why, [], { cause: broken.thrown });
}

function shown({ id, evidence: { integrity } }: KeptEvidence): PreservedArtifact {
  if (integrity === null) throw new Error('invariant broken: what is kept has digests');
  const { size, sha256, sha512, complete } = integrity;
  return { evidenceId: id, size, sha256, sha512, complete };
}
