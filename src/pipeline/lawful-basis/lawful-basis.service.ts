import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { ArtifactKind } from '../actions/desks.ts';
import {
  recordable,
  requireVersion,
  shownTime,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
} from '../service.ts';
import type { ActionType } from '../vocabulary.ts';
import {
  basisOfAction,
  basisOfKind,
  isToReview,
  pinned,
  readBases,
  type LawfulBases,
  type PinnedBasis,
} from './basis.ts';
import { PERSONAL_ACTIONS } from './personal-actions.ts';

/** There is one of it. */
const ID = 'organisation';
const STREAM = `lawful-basis/${ID}`;

export interface LawfulBasisPorts {
  readonly journal: Pick<JournalReader, 'view'>;
  readonly committer: GroupCommitter;
  /** Whether what has no basis on record is refused, or only said. */
  readonly required: boolean;
}

export interface LawfulBasisService {
  /** All decisions, and what is open: actions without one, and entries that have to be looked at again. */
  get(ctx: CallContext): Promise<Answer>;
  /** Replaces all of them by a new version. @throws FirebreakError `invalid_lawful_basis`, `stale_version`. */
  set(ctx: CallContext, input: { readonly definition: Definition; readonly ifMatch: IfMatch }): Promise<Answer>;
  /** The decision under which an artefact is taken; null: there is none. @throws FirebreakError `lawful_basis_missing` where one is required */
  basisFor(kind: ArtifactKind): Promise<PinnedBasis | null>;
  /** A sentence for each action that touches personal data without a decision. @throws FirebreakError `lawful_basis_missing` where one is required */
  warningsFor(types: readonly ActionType[]): Promise<readonly string[]>;
}

interface Stored {
  readonly document: LawfulBases;
  readonly version: number;
  readonly updatedAt: number | null;
  readonly savedBy: string | null;
}

const NOTHING: Stored = { document: { entries: [] }, version: 0, updatedAt: null, savedBy: null };

/** Builds the service. Every version of the decisions is a record with the whole of them. */
export function createLawfulBasisService({ journal, committer, required }: LawfulBasisPorts): LawfulBasisService {
  async function stored(): Promise<Stored> {
    const view = await journal.view('lawful-basis', ID);
    return view === null ? NOTHING : (view.body as unknown as Stored); // only this file writes this body
  }

  function shown({ document, version, updatedAt, savedBy }: Stored, now: number): Answer {
    const today = new Date(now).toISOString().slice(0, 10);
    const open = PERSONAL_ACTIONS.filter(({ type }) => basisOfAction(document, type) === null);
    const data = {
      id: ID,
      ...(document as unknown as { readonly [key: string]: Json }), // plain JSON by its type
      required,
      undecided: open.map((action) => ({ ...action })),
      toReview: document.entries.filter((entry) => isToReview(entry, today)).map(({ id }) => id),
      version,
      updatedAt: shownTime(updatedAt),
      savedBy,
    };
    return { data, version };
  }

  return {
    get: async ({ now }) => shown(await stored(), now),
    async set(ctx, { definition, ifMatch }) {
      const read = readBases(definition);
      if ('faults' in read)
        throw new FirebreakError('invalid_lawful_basis', 'The decisions are not valid', read.faults);
      const document = recordable(read.value, 'invalid_lawful_basis');
      return untilApplied(async () => {
        const before = await stored();
        requireVersion(ifMatch, before.version);
        const version = before.version + 1;
        const { userId: by } = ctx.principal;
        const data = { by, document, version };
        const record = { type: 'basis.saved', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
        const body = { document, version, updatedAt: ctx.now, savedBy: by };
        const result = await committer.submit({
          appends: [{ stream: STREAM, expectedSeq: before.version, records: [record] }],
          views: [{ kind: 'lawful-basis', id: ID, expectedVersion: before.version, at: ctx.now, body }],
        });
        return { result, answer: shown({ document: read.value, version, updatedAt: ctx.now, savedBy: by }, ctx.now) };
      });
    },
    async basisFor(kind) {
      const { document, version } = await stored();
      const entry = basisOfKind(document, kind);
      if (entry !== null) return pinned(entry, version);
      if (required) throw missing(`artefacts of the kind ${kind}`);
      return null;
    },
    async warningsFor(types) {
      const { document } = await stored();
      const open = PERSONAL_ACTIONS.filter(
        ({ type }) => types.includes(type) && basisOfAction(document, type) === null,
      );
      if (required && open.length > 0) throw missing(open.map(({ type }) => type).join(', '));
      return open.map(
        ({ type, why }) => `${type} touches personal data, and no lawful basis is on record for it: ${why}`,
      );
    },
  };
}

function missing(what: string): FirebreakError {
  const fix = 'decide it with PUT /api/lawful-basis, or leave it out';
  return new FirebreakError('lawful_basis_missing', `No lawful basis is on record for ${what}: ${fix}`);
}
