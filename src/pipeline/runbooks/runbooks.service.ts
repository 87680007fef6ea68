import { FirebreakError } from '../../platform/errors.ts';
import { sha256Hex } from '../../platform/hash.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, RecordDraft } from '../../journal/journal.ts';
import { mergeChanges } from '../../journal/merge-changes.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { PlaybookService } from '../playbooks/playbooks.service.ts';
import { recordable, requireVersion, untilApplied, type Answer, type IfMatch, type Listing } from '../service.ts';
import { judgeRunbook, type JudgedRunbook } from './judge-runbook.ts';
import {
  runbookOf,
  runbookOfRecord,
  runbookStream,
  runbookView,
  shownRunbook,
  type RunbookDocument,
  type StoredRunbook,
} from './stored-runbook.ts';

/** Runbooks of one installation: each has up to four playbooks, of which there are at most 2,000. */
export const MAX_RUNBOOKS = 200;
/** Their ids begin those of their playbooks. */
const RUNBOOK_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/;

export interface RunbookPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'streamHead' | 'readStream'>;
  readonly committer: GroupCommitter;
  readonly playbooks: Pick<PlaybookService, 'judge' | 'changeOfRunbook' | 'refresh'>;
}

export interface RunbookText {
  readonly id: string;
  /** As it was written: it is kept byte for byte. */
  readonly bytes: Uint8Array;
  readonly format: 'yaml' | 'json';
  /** False: kept, and not run. */
  readonly enabled: boolean;
  readonly ifMatch: IfMatch;
}

export interface RunbookService {
  list(ctx: CallContext, query: { readonly limit: number; readonly skip: number }): Promise<Listing>;
  /** @param version null: the newest. @throws FirebreakError `not_found` */
  get(ctx: CallContext, input: { readonly id: string; readonly version: number | null }): Promise<Answer>;
  /**
   * Makes it, or a new version of it, with its playbooks, in one commit: all of it or nothing.
   * @throws FirebreakError `invalid_runbook` with every fault; `conflict`, `stale_version`
   */
  put(ctx: CallContext, input: RunbookText): Promise<Answer>;
  /** Hides it and its playbooks; versions and records stay, and executions end as they began. */
  remove(ctx: CallContext, input: { readonly id: string; readonly ifMatch: IfMatch }): Promise<Answer>;
}

/** Builds the service. Every version is a record with the text as it was put. */
export function createRunbookService({ journal, committer, playbooks }: RunbookPorts): RunbookService {
  async function existing(id: string) {
    const view = await journal.view('runbook', id);
    if (view === null) throw new FirebreakError('not_found', `There is no runbook ${id}`);
    return view;
  }

  async function requireRoom(): Promise<void> {
    const { total } = await journal.listViews({ kind: 'runbook', limit: 1, skip: 0 });
    if (total >= MAX_RUNBOOKS) throw new FirebreakError('conflict', `There are ${MAX_RUNBOOKS} runbooks already`);
  }

  /** Numbers go on where a hidden one of the same id ended. */
  async function headOf(id: string): Promise<{ readonly seq: number; readonly version: number }> {
    const seq = (await journal.streamHead(runbookStream(id)))?.seq ?? 0;
    const last = seq === 0 ? undefined : (await journal.readStream(runbookStream(id), seq - 1)).at(-1)?.record;
    const version = last?.data['version'];
    return { seq, version: typeof version === 'number' ? version : 0 };
  }

  return {
    async list(_ctx, { limit, skip }) {
      const { items, total } = await journal.listViews({ kind: 'runbook', limit, skip });
      return { items: items.map((view) => shownRunbook(view.id, runbookOf(view), false)), total };
    },
    async get(_ctx, { id, version }) {
      const stored = runbookOf(await existing(id));
      if (version === null || version === stored.version) {
        return { data: shownRunbook(id, stored, true), version: stored.version };
      }
      const records = await journal.readStream(runbookStream(id));
      const found = records.find(({ record }) => record.type === 'runbook.saved' && record.data['version'] === version);
      if (found === undefined) throw new FirebreakError('not_found', `The runbook ${id} has no version ${version}`);
      return { data: shownRunbook(id, runbookOfRecord(found.record, stored.createdAt), true), version };
    },
    async put(ctx, { id, bytes, format, enabled, ifMatch }) {
      const source = textOf(bytes);
      if (!RUNBOOK_ID.test(id)) {
        throw invalid([
          { pointer: '/id', detail: 'Ids are up to 80 letters, digits, "_", "-" or "."; choose another.' },
        ]);
      }
      const judged = judgeRunbook(id, source, format, (definition) => playbooks.judge(definition));
      if ('faults' in judged) throw invalid(judged.faults);
      const document = documentOf(judged, { source, format, sha256: sha256Hex(bytes), enabled });
      const answer = await untilApplied(async () => {
        const view = await journal.view('runbook', id);
        const before = view === null ? null : runbookOf(view);
        requireVersion(ifMatch, before?.version ?? 0);
        if (before === null) await requireRoom();
        const head = await headOf(id);
        const version = head.version + 1;
        const { userId: savedBy } = ctx.principal;
        const stored = { document, version, createdAt: before?.createdAt ?? ctx.now, updatedAt: ctx.now, savedBy };
        const definitions = judged.compiled.playbooks.map((each) => ({ ...each.document, enabled }));
        const made = await playbooks.changeOfRunbook(ctx, { id, version }, definitions, playbookIds(before));
        const data = { version, by: savedBy, document: recordable(document, 'invalid_runbook') };
        const result = await committer.submit(
          mergeChanges([
            {
              appends: [append(ctx, id, head.seq, 'runbook.saved', data)],
              views: [runbookView(id, stored, view?.version ?? 0)],
            },
            made,
          ]),
        );
        playbooks.refresh();
        return { result, answer: { data: shownRunbook(id, stored, true), version } };
      });
      return { ...answer, warnings: judged.warnings.map(({ pointer, detail }) => `${pointer}: ${detail}`) };
    },
    remove: (ctx, { id, ifMatch }) =>
      untilApplied(async () => {
        const view = await existing(id);
        const stored = runbookOf(view);
        const { version } = stored;
        requireVersion(ifMatch, version);
        const { seq } = await headOf(id);
        const hidden = await playbooks.changeOfRunbook(ctx, { id, version }, [], playbookIds(stored));
        const data = { version, by: ctx.principal.userId };
        const result = await committer.submit(
          mergeChanges([
            {
              appends: [append(ctx, id, seq, 'runbook.deleted', data)],
              views: [{ kind: 'runbook', id, expectedVersion: view.version, at: ctx.now, body: null }],
            },
            hidden,
          ]),
        );
        playbooks.refresh();
        return { result, answer: { data: { ...shownRunbook(id, stored, false), deleted: true }, version } };
      }),
  };
}

function playbookIds(stored: StoredRunbook | null): readonly string[] {
  return stored?.document.playbooks.map(({ playbookId }) => playbookId) ?? [];
}

function append(ctx: CallContext, id: string, expectedSeq: number, type: string, data: RecordDraft['data']) {
  return {
    stream: runbookStream(id),
    expectedSeq,
    records: [{ type, v: 1, at: ctx.now, trace: recordedTrace(ctx), data }],
  };
}

function documentOf(
  { runbook: { metadata }, compiled }: JudgedRunbook,
  text: Pick<RunbookDocument, 'source' | 'format' | 'sha256' | 'enabled'>,
): RunbookDocument {
  return {
    ...text,
    name: metadata.name ?? null,
    owner: metadata.owner ?? null,
    declaredVersion: metadata.version ?? null,
    complianceTags: metadata.complianceTags,
    playbooks: compiled.playbooks.map(({ severity, document }) => ({ severity, playbookId: document.playbookId })),
  };
}

/** @throws FirebreakError `invalid_runbook` for bytes that are no text */
function textOf(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid([{ pointer: '', detail: 'It is not UTF-8; save it as UTF-8.' }]);
  }
  if (text.includes('\0')) throw invalid([{ pointer: '', detail: 'It holds NUL characters; remove them.' }]);
  return text;
}

function invalid(faults: FirebreakError['faults']): FirebreakError {
  return new FirebreakError('invalid_runbook', 'The runbook is not valid', faults);
}
