import type { Json } from '../../platform/canonical-json.ts';
import type { Change, RecordDraft } from '../../journal/journal.ts';
import { recordTellName, recordTells, type TellRecord } from '../tell-of-record.ts';
import {
  escalationId,
  escalationStream,
  evolveEscalation,
  nextDue,
  statusOf,
  type Escalation,
  type EscalationRecord,
} from './escalation.ts';

/** Name of the one timer of an escalation: its next level. */
const TIMER = 'level';

export interface EscalationStep {
  readonly change: Change;
  readonly after: Escalation;
  /** To be called when the change is on disk. */
  told(): void;
}

/** Some records of one escalation with its row, its timer, and whom they are told to. */
export function escalationChange(
  before: Escalation | null,
  records: readonly EscalationRecord[],
  trace: RecordDraft['trace'],
  tell: TellRecord | undefined,
): EscalationStep {
  const after = records.reduce<Escalation | null>(evolveEscalation, before);
  if (after === null) throw new Error('invariant broken: an escalation without records');
  const id = escalationId(after.incidentId, after.vendorId);
  const stream = escalationStream(id);
  const seq = before?.version ?? 0;
  const due = nextDue(after);
  // Nobody is told that it began; the levels are what is told, and that somebody has it.
  const news = records.flatMap(({ type }, index) => (type === 'escalation.started' ? [] : [seq + index + 1]));
  const isTimed = before !== null && nextDue(before) !== null;
  return {
    after,
    change: {
      appends: [
        {
          stream,
          expectedSeq: seq,
          records: records.map(({ type, at, data }) => ({
            type,
            v: 1,
            at,
            ...(trace === undefined ? {} : { trace }),
            data: data as unknown as { readonly [key: string]: Json }, // plain JSON by its type
          })),
        },
      ],
      views: [
        {
          kind: 'escalation',
          id,
          expectedVersion: null,
          status: statusOf(after),
          severity: after.severity,
          parent: after.incidentId,
          ref: after.vendorId,
          at: after.startedAt,
          body: after as unknown as Json, // plain JSON by its type
        },
      ],
      timers: due === null && !isTimed ? [] : [{ execution: stream, name: TIMER, generation: after.version, due }],
      effects: news.flatMap((each) => recordTells(tell, stream, each)),
    },
    told() {
      for (const each of news) tell?.(stream, recordTellName(each));
    },
  };
}
