import type { JournalRecord } from '../audit/record.ts';
import type { Operation } from '../access/operations.ts';
import { foldExemption, type Terms } from '../exemptions/exemption.ts';
import type { BlastRadius } from '../guards/blast-radius.ts';
import type { PauseState } from '../guards/pause.ts';
import type { DecisionMatrix } from '../incidents/decision-matrix.ts';
import { cellName } from '../incidents/decision-matrix.ts';
import type { ProtectedIdentities } from '../guards/protected-identities.ts';
import type { Notice } from './contract.ts';
import { deadlineNotice } from './notice-of-deadline.ts';
import { escalationNotice } from './notice-of-escalation.ts';
import { taskNotice } from './notice-of-task.ts';
import { short, type Told } from './notice-of.ts';
import type { Way } from './routing.ts';

/** Most records before the one that is told which are looked at: an exemption has no more, and a guard's hold the whole of it. */
export const RECORDS_LOOKED_AT = 3;
/** Changes that a notice names one by one; the rest is counted. */
const MAX_NAMED = 10;

type Kept = Pick<JournalRecord, 'type' | 'at' | 'seq' | 'data'>;

/**
 * What people are told of what others have set: the pause, the guards, exemptions. Null where a record is no news.
 * @param records the newest ones of the stream up to the one that is told, oldest first.
 */
export function noticeOfRecord(stream: string, records: readonly Kept[]): Told | null {
  const record = records.at(-1);
  if (record === undefined) return null;
  const [kind, id = ''] = stream.split('/', 2);
  if (kind === 'evidence') return evidenceNotice(record);
  if (kind === 'exemption') return exemptionNotice(id, records);
  if (kind === 'draft') return contactNotice(record);
  if (kind === 'deadline') return deadlineNotice(id, record);
  if (kind === 'escalation') return escalationNotice(id, record);
  if (kind === 'task') return taskNotice(id, record);
  if (kind !== 'guard') return null;
  if (record.type !== 'guard.saved') return pauseNotice(id, record);
  return guardNotice(id, records.at(-2)?.data['document'] ?? null, record);
}

/** Records of these streams are written by `drafts.service.ts`. */
interface Asked {
  readonly notice: Omit<Notice, 'ask'>;
  readonly ways: readonly Way[];
  readonly channels: readonly string[];
}

/** Contacts and the people who answer for it are told by one notice, so that the latter see what became of each way. */
function contactNotice({ type, data }: Kept): Told | null {
  if (type !== 'draft.contacts_asked') return null;
  const { notice, ways, channels } = data as unknown as Asked;
  return {
    notice: { ...notice, ask: null },
    audience: { who: 'may', operation: 'draft.approve', operators: true, without: [] },
    channels: channels.length === 0 ? null : channels,
    contacts: ways,
  };
}

/** Records of this stream are written by `pause.service.ts`. */
interface Word {
  readonly by: string;
  readonly reason: string;
  readonly proposedBy: string | null;
  readonly document: PauseState;
}

function pauseNotice(id: string, { type, data }: Kept): Told | null {
  const { by, reason, proposedBy, document } = data as unknown as Word;
  const about = { type: 'guard', id } as const;
  const facts = [
    { label: 'By', value: short(by) },
    { label: 'Reason', value: short(reason) },
  ];
  switch (type) {
    case 'guard.paused': {
      const since = { label: 'Since', value: timeOf(document.paused?.since ?? 0) };
      return to('guard.resume', true, {
        kind: type,
        severity: 'HIGH',
        title: `Everything is paused: ${short(reason)}`,
        lines: [PAUSED],
        facts: [...facts, since],
        about,
      });
    }
    case 'guard.resume_proposed': {
      const until = { label: 'Counts until', value: timeOf(document.proposal?.expiresAt ?? 0) };
      const notice = { kind: type, severity: 'HIGH', title: `Shall everything go on? ${short(reason)}` } as const;
      return to('guard.resume', false, { ...notice, lines: [RESUME], facts: [...facts, until], about }, [by]);
    }
    case 'guard.resumed': {
      const first = { label: 'Proposed by', value: short(proposedBy ?? '') };
      const notice = { kind: type, severity: 'HIGH', title: `Everything goes on: ${short(reason)}` } as const;
      return to('guard.resume', true, { ...notice, lines: [RESUMED], facts: [...facts, first], about });
    }
    default:
      return null;
  }
}

const PAUSED =
  'Nothing that changes something outside begins until two people have said that it may go on. Decisions and reads go on.';
const RESUME = 'One person has said so. If you see it in the same way, say so too: it takes two.';
const RESUMED = 'Two people have lifted the pause. What was kept back begins now.';

/** Records of these streams are written by `guards.service.ts`. */
interface Saved {
  readonly by: string;
  readonly version: number;
}

function guardNotice(id: string, before: unknown, { data }: Kept): Told {
  const { by, version } = data as unknown as Saved;
  const { title, changes: changesOf } = GUARDS[id] ?? OTHER_GUARD;
  const changes = changesOf(before, data['document']);
  const rest = changes.length > MAX_NAMED ? [`… and ${changes.length - MAX_NAMED} more.`] : [];
  return to('guard.write', true, {
    kind: 'guard.changed',
    severity: 'HIGH',
    title,
    lines: changes.length === 0 ? ['It was saved as it was.'] : [...changes.slice(0, MAX_NAMED), ...rest],
    facts: [
      { label: 'By', value: short(by) },
      { label: 'Version', value: String(version) },
    ],
    about: { type: 'guard', id },
  });
}

interface GuardNews {
  readonly title: string;
  changes(before: unknown, after: unknown): readonly string[];
}

/** What a version of a guard is told as. */
const GUARDS: Readonly<Partial<Record<string, GuardNews>>> = {
  'blast-radius': { title: 'The limits of an hour were changed', changes: limitChanges },
  'protected-identities': { title: 'The protected identities were changed', changes: listChanges },
  'decision-matrix': { title: 'The decision matrix was changed', changes: matrixChanges },
};
const OTHER_GUARD: GuardNews = {
  title: 'The quiet hours were changed',
  changes: () => ['Look at them at /api/guards/quiet-hours.'],
};

function matrixChanges(before: unknown, after: unknown): readonly string[] {
  // Both documents are written by `guards.service.ts`; null: the default was in force.
  const [old, now] = [before, after] as [DecisionMatrix | null, DecisionMatrix];
  const cells = now.cells.filter((cell) => {
    const known = old?.cells.find((each) => cellName(each) === cellName(cell));
    return known === undefined || JSON.stringify(known) !== JSON.stringify(cell);
  });
  const named = cells.map(
    (cell) => `${cellName(cell)}: ${cell.severity}, approved by ${cell.approvers.join(' and ') || 'nobody'}`,
  );
  return old === null || old.gates !== now.gates ? [`Approvers are asked: ${now.gates}`, ...named] : named;
}

/** Both documents are written by `guards.service.ts`; null: nobody had set any. */
function limitChanges(before: unknown, after: unknown): readonly string[] {
  const limitsOf = (document: unknown) =>
    new Map(((document as BlastRadius | null)?.limits ?? []).map((each) => [each.actionType, each.perHour]));
  const [old, now] = [limitsOf(before), limitsOf(after)];
  const types = [...new Set([...old.keys(), ...now.keys()])].sort();
  const shown = (limit: number | undefined): string => (limit === undefined ? 'no limit' : String(limit));
  if (before === null) return types.map((type) => `${type}: ${shown(now.get(type))} an hour`);
  return types
    .filter((type) => old.get(type) !== now.get(type))
    .map((type) => `${type}: ${shown(now.get(type))} an hour, it was ${shown(old.get(type))}`);
}

function listChanges(before: unknown, after: unknown): readonly string[] {
  const idsOf = (document: unknown) =>
    new Set(((document as ProtectedIdentities | null)?.identities ?? []).map(({ id }) => id));
  const [old, now] = [idsOf(before), idsOf(after)];
  return [
    // What can be contained by itself from now on comes first.
    ...[...old].filter((id) => !now.has(id)).map((id) => `Not protected any more: ${short(id)}`),
    ...[...now].filter((id) => !old.has(id)).map((id) => `Protected now: ${short(id)}`),
  ];
}

/** Records of this stream are written by `verifying.ts` of the evidence. */
interface Alarm {
  readonly evidenceId: string;
  readonly incidentId: string | null;
  readonly name: string;
  readonly found: readonly string[];
}

function evidenceNotice({ type, at, data }: Kept): Told | null {
  if (type !== 'evidence.alarm') return null;
  const { evidenceId: id, incidentId, name, found } = data as unknown as Alarm;
  const incident = incidentId === null ? [] : [{ label: 'Incident', value: short(incidentId) }];
  return to('evidence.hold', true, {
    kind: type,
    severity: 'CRITICAL',
    title: `Evidence is not as it was left: ${short(name)}`,
    lines: [...found.slice(0, MAX_NAMED).map(short), TAMPERED],
    facts: [{ label: 'Evidence', value: short(id) }, ...incident, { label: 'Found', value: timeOf(at) }],
    about: { type: 'evidence', id },
  });
}

const TAMPERED =
  'Somebody or something has changed it in its store. Keep the store as it is, find out who could write there, and restore it from a copy whose SHA-256 is the recorded one.';

function exemptionNotice(id: string, records: readonly Kept[]): Told | null {
  const exemption = records[0]?.seq === 1 ? foldExemption(records) : null;
  if (exemption === null) return null;
  const { terms, proposed, confirmed, revoked } = exemption;
  const about = { type: 'exemption', id } as const;
  const facts = [...termsFacts(terms), { label: 'Proposed by', value: short(proposed.by) }];
  const gate = short(terms.gateName);
  if (revoked !== null) {
    const by = { label: 'Revoked by', value: short(revoked.by) };
    return to('exemption.write', true, {
      kind: 'exemption.revoked',
      severity: 'MEDIUM',
      title: `The exemption from ${gate} is ended`,
      lines: [short(revoked.reason)],
      facts: [...facts, by],
      about,
    });
  }
  if (confirmed !== null) {
    const by = { label: 'Confirmed by', value: short(confirmed.by) };
    return to('exemption.write', true, {
      kind: 'exemption.confirmed',
      severity: 'HIGH',
      title: `Nobody is asked by ${gate} for a while: an exemption is in force`,
      lines: ['Each use of it is on record. Whoever may exempt can end it at any time.'],
      facts: [...facts, by],
      about,
    });
  }
  const notice = {
    kind: 'exemption.proposed',
    severity: 'HIGH',
    title: `Shall nobody be asked by ${gate} for a while?`,
    lines: ['One person proposes it. It counts for nothing until another one confirms it.'],
    facts: [
      ...facts,
      { label: 'Confirm until', value: timeOf(terms.lapsesAt) },
      { label: 'Hash', value: exemption.hash },
    ],
    about,
  } as const;
  // Whoever it is about cannot confirm it either.
  return to('exemption.write', false, notice, [proposed.by, ...(terms.appliesTo.userIds ?? [])]);
}

function termsFacts({ policyId, gateName, appliesTo, reason, expiresAt }: Terms): Notice['facts'] {
  const scope = Object.entries(appliesTo).map(([what, ids]) => `${what}: ${[ids ?? []].flat().join(', ')}`);
  return [
    { label: 'Gate', value: short(`${gateName} of ${policyId}`) },
    { label: 'Applies to', value: scope.length === 0 ? 'everything that the gate asks for' : short(scope.join('; ')) },
    { label: 'Reason', value: short(reason) },
    { label: 'Until', value: timeOf(expiresAt) },
  ];
}

function to(
  operation: Operation,
  operators: boolean,
  notice: Omit<Notice, 'ask'>,
  without: readonly string[] = [],
): Told {
  return { notice: { ...notice, ask: null }, audience: { who: 'may', operation, operators, without }, channels: null };
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
