import { sha256Hex } from '../../platform/hash.ts';
import type { Change, JournalReader, RecordDraft, StoredView } from '../../journal/journal.ts';
import { mergeChanges } from '../../journal/merge-changes.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { PlaybookService } from '../playbooks/playbooks.service.ts';
import { recordable } from '../service.ts';
import type { JudgedRunbook } from './judge-runbook.ts';
import {
  runbookOf,
  runbookStream,
  runbookView,
  type GitOrigin,
  type RunbookDocument,
  type StoredRunbook,
} from './stored-runbook.ts';

/** The changes by which a runbook becomes another version or is hidden, with its playbooks. Whoever commits one refreshes the playbooks. */

export interface RunbookChangePorts {
  readonly journal: Pick<JournalReader, 'streamHead' | 'readStream'>;
  readonly playbooks: Pick<PlaybookService, 'changeOfRunbook'>;
}

export interface NewVersion {
  readonly id: string;
  readonly judged: JudgedRunbook;
  /** The text as it was written. */
  readonly source: string;
  readonly format: 'yaml' | 'json';
  readonly enabled: boolean;
  /** Null: it was put by somebody. */
  readonly git: GitOrigin | null;
  /** Who wrote it besides the caller, by their ids here: they do not approve its steps. */
  readonly authorIds: readonly string[];
}

/** @throws FirebreakError `conflict` when a playbook of that id belongs to somebody else */
export async function savedRunbookChange(
  { journal, playbooks }: RunbookChangePorts,
  ctx: CallContext,
  next: NewVersion,
  view: StoredView | null,
): Promise<{ readonly change: Change; readonly stored: StoredRunbook }> {
  const { id, judged, enabled, authorIds } = next;
  const before = view === null ? null : runbookOf(view);
  const document = documentOf(next);
  const head = await headOf(journal, id);
  const version = head.version + 1;
  const { userId: savedBy } = ctx.principal;
  const stored = { document, version, createdAt: before?.createdAt ?? ctx.now, updatedAt: ctx.now, savedBy };
  const definitions = judged.compiled.playbooks.map((each) => ({ ...each.document, enabled }));
  const owner = { id, version, ...(authorIds.length === 0 ? {} : { authorIds }) };
  const made = await playbooks.changeOfRunbook(ctx, owner, definitions, playbookIds(before));
  const data = { version, by: savedBy, document: recordable(document, 'invalid_runbook') };
  const own: Change = {
    appends: [append(ctx, id, head.seq, 'runbook.saved', data)],
    views: [runbookView(id, stored, view?.version ?? 0)],
  };
  return { change: mergeChanges([own, made]), stored };
}

/** It and its playbooks are hidden; versions and records stay. */
export async function hiddenRunbookChange(
  { journal, playbooks }: RunbookChangePorts,
  ctx: CallContext,
  id: string,
  view: StoredView,
): Promise<Change> {
  const stored = runbookOf(view);
  const { version } = stored;
  const { seq } = await headOf(journal, id);
  const hidden = await playbooks.changeOfRunbook(ctx, { id, version }, [], playbookIds(stored));
  const data = { version, by: ctx.principal.userId };
  const own: Change = {
    appends: [append(ctx, id, seq, 'runbook.deleted', data)],
    views: [{ kind: 'runbook', id, expectedVersion: view.version, at: ctx.now, body: null }],
  };
  return mergeChanges([own, hidden]);
}

/** Numbers go on where a hidden one of the same id ended. */
async function headOf(
  journal: RunbookChangePorts['journal'],
  id: string,
): Promise<{ readonly seq: number; readonly version: number }> {
  const seq = (await journal.streamHead(runbookStream(id)))?.seq ?? 0;
  const last = seq === 0 ? undefined : (await journal.readStream(runbookStream(id), seq - 1)).at(-1)?.record;
  const version = last?.data['version'];
  return { seq, version: typeof version === 'number' ? version : 0 };
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

function documentOf({ judged, source, format, enabled, git }: NewVersion): RunbookDocument {
  const { metadata } = judged.runbook;
  return {
    source,
    format,
    sha256: sha256Hex(source),
    enabled,
    name: metadata.name ?? null,
    owner: metadata.owner ?? null,
    declaredVersion: metadata.version ?? null,
    complianceTags: metadata.complianceTags,
    playbooks: judged.compiled.playbooks.map(({ severity, document }) => ({
      severity,
      playbookId: document.playbookId,
    })),
    ...(git === null ? {} : { git }),
  };
}
