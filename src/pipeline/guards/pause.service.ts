import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import { StoreUnavailableError, type JournalReader } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { CONFIRMATIONS_NEEDED, requireAnother } from '../access/another-person.ts';
import { recordTellName, recordTells, type TellRecord } from '../tell-of-record.ts';
import { recordable, shownTime, untilApplied, type Answer } from '../service.ts';
import { pausedBy, proposedBy, standingProposal, type PauseState, type ResumeProposal, type Said } from './pause.ts';
import { PAUSE_ID, readPause, type StoredPause } from './pause-row.ts';
import { PAUSE_BOUND_MS, type PauseWatch } from './pause-watch.ts';

const STREAM = `guard/${PAUSE_ID}`;

export interface PausePorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews'>;
  readonly committer: GroupCommitter;
  /** What this process sends by: it must know before the answer is given. */
  readonly watch: Pick<PauseWatch, 'learn' | 'doubt'>;
  readonly tell?: TellRecord;
}

/** The pause over everything that changes something outside: one person begins it, two end it. */
export interface PauseService {
  /** Whether everything is paused, by whom, why and since when, and who has said that it may go on. */
  getPause(ctx: CallContext): Promise<Answer>;
  /**
   * Nothing that changes something outside begins any more: in this process from the answer on, in others within
   * `PAUSE_BOUND_MS` of it. Said again it is on record again, and whoever has proposed to resume has to do so anew.
   */
  pause(ctx: CallContext, input: { readonly reason: string }): Promise<Answer>;
  /**
   * Says that everything may go on. The word of a second person, while the first one's stands, makes it so.
   * @throws FirebreakError `conflict` when nothing is paused or this person cannot be the second one.
   */
  resume(ctx: CallContext, input: { readonly reason: string }): Promise<Answer>;
}

interface Turn {
  readonly type: 'guard.paused' | 'guard.resume_proposed' | 'guard.resumed';
  readonly document: PauseState;
  /** Of the two who resume: whose word came first. */
  readonly proposedBy: string | null;
}

/** Builds the service. Every word is a record with the whole state after it. */
export function createPauseService({ journal, committer, watch, tell }: PausePorts): PauseService {
  /** @throws FirebreakError `invalid_request` when the reason is no text that a record can hold. */
  async function say(ctx: CallContext, reason: string, turnOf: (state: PauseState, said: Said) => Promise<Turn>) {
    recordable({ reason }, 'invalid_request');
    const said: Said = { by: ctx.principal.userId, issuedBy: ctx.principal.keyIssuedBy, reason, at: ctx.now };
    return untilApplied(async () => {
      const { document, version } = await readPause(journal);
      const turn = await turnOf(document, said);
      const next = { document: turn.document, version: version + 1, updatedAt: said.at, savedBy: said.by };
      const result = await commit(ctx, said, turn, version, next);
      if (result.status === 'applied') {
        watch.learn(next);
        tell?.(STREAM, recordTellName(next.version));
      }
      return { result, answer: shown(next, ctx.now) };
    });
  }

  async function commit(ctx: CallContext, said: Said, turn: Turn, version: number, next: StoredPause) {
    const { by, issuedBy, reason } = said;
    const { document, version: saved } = next;
    const data = { by, issuedBy, reason, proposedBy: turn.proposedBy, document: asJson(document), version: saved };
    const record = { type: turn.type, v: 1, at: said.at, trace: recordedTrace(ctx), data };
    const body = next as unknown as Json; // plain JSON by its type
    try {
      return await committer.submit({
        appends: [{ stream: STREAM, expectedSeq: version, records: [record] }],
        views: [{ kind: 'guard', id: PAUSE_ID, expectedVersion: version, status: 'ENABLED', at: said.at, body }],
        effects: recordTells(tell, STREAM, saved),
      });
    } catch (thrown) {
      // It may have been written all the same, and then nothing may go out as if it had not.
      if (thrown instanceof StoreUnavailableError) watch.doubt();
      throw thrown;
    }
  }

  return {
    getPause: async (ctx) => shown(await readPause(journal), ctx.now),
    pause: (ctx, { reason }) =>
      say(ctx, reason, async (state, said) => ({
        type: 'guard.paused',
        document: pausedBy(state, said),
        proposedBy: null,
      })),
    resume: (ctx, { reason }) =>
      say(ctx, reason, async (state, said) => {
        if (state.paused === null) throw new FirebreakError('conflict', 'Nothing is paused');
        const first = standingProposal(state, said.at);
        if (first === null)
          return { type: 'guard.resume_proposed', document: proposedBy(state, said), proposedBy: null };
        await requireAnother(journal, [first], ctx.principal);
        return { type: 'guard.resumed', document: { paused: null, proposal: null }, proposedBy: first.by };
      }),
  };
}

function shown({ document, version, updatedAt, savedBy }: StoredPause, now: number): Answer {
  const { paused } = document;
  const data = {
    id: PAUSE_ID,
    paused: paused !== null,
    by: paused?.by ?? null,
    reason: paused?.reason ?? null,
    since: shownTime(paused?.since),
    resume: shownProposal(standingProposal(document, now)),
    confirmationsNeeded: CONFIRMATIONS_NEEDED,
    boundMs: PAUSE_BOUND_MS,
    version,
    updatedAt: shownTime(updatedAt),
    savedBy,
  };
  return { data, version };
}

function shownProposal(proposal: ResumeProposal | null): Json {
  if (proposal === null) return null;
  const { by, reason, at, expiresAt } = proposal;
  return { by, reason, proposedAt: shownTime(at), expiresAt: shownTime(expiresAt) };
}

function asJson(document: PauseState): Json {
  return document as unknown as Json; // plain JSON by its type
}
