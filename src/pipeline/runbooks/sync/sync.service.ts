import { FirebreakError, messageOf } from '../../../platform/errors.ts';
import type { GroupCommitter } from '../../../journal/group-commit.ts';
import type { Change, JournalReader, StoredView } from '../../../journal/journal.ts';
import { mergeChanges } from '../../../journal/merge-changes.ts';
import { recordedTrace, type CallContext } from '../../access/principal.ts';
import type { PlaybookService } from '../../playbooks/playbooks.service.ts';
import { recordable, shownTime, untilApplied, type Answer } from '../../service.ts';
import { hiddenRunbookChange, savedRunbookChange } from '../runbook-change.ts';
import { isRunbookId, MAX_RUNBOOKS } from '../runbooks.service.ts';
import { runbookOf } from '../stored-runbook.ts';
import type { Surroundings } from '../validate/lint-steps.ts';
import { compareSet, isInStep, type Drift } from './compare-set.ts';
import { judgeSet, type SetRunbook } from './judge-set.ts';
import type { Author, RunbookSet } from './runbook-set.ts';
import {
  SOURCE_ID,
  SOURCE_STREAM,
  sourceAsJson,
  sourceOf,
  sourceView,
  type StoredSource,
  type SyncedChange,
} from './stored-source.ts';

export interface SyncPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'streamHead' | 'readStream'>;
  readonly committer: GroupCommitter;
  readonly playbooks: Pick<PlaybookService, 'judge' | 'changeOfRunbook' | 'refresh'>;
  /** What is known here of connectors and their actions. */
  readonly surroundings: Surroundings;
  /** Git is the only way to change runbooks. */
  readonly readOnly: boolean;
  /** Only commits with a good signature are taken. */
  readonly requireSigned: boolean;
  /** Reads the repository that this server is configured with; null: it has none. */
  readonly readOwn: ((previous: string | null) => Promise<ReadSet>) | null;
  /** Ids of the people here whom these authors of commits are; the others are unknown here. */
  peopleOf(authors: readonly Author[]): Promise<ReadonlyMap<string, string>>;
}

/** A set with what was left out of it, in sentences. */
export interface ReadSet {
  readonly set: RunbookSet;
  readonly skipped: readonly string[];
}

export interface SyncOrder {
  readonly set: RunbookSet;
  readonly readBy: StoredSource['readBy'];
  /** Take it although it is older than what is in force, or nobody can tell. */
  readonly allowOlder: boolean;
  /** Say what would change, and change nothing. */
  readonly dryRun: boolean;
}

export interface RunbookSourceService {
  /** What was last taken from Git, and what has been changed here since. */
  get(ctx: CallContext): Promise<Answer>;
  /**
   * Makes the runbooks here those of the set, in one commit with its record: all of it or nothing. Those that Git no longer has are
   * retired. The same set again changes nothing.
   * @throws FirebreakError `invalid_runbook` with every fault at its file and line; `stale_version` when another commit came into force
   *   since the set was read; `conflict` for an older or unsigned commit that is not wanted, and playbooks of the same id
   */
  sync(ctx: CallContext, order: SyncOrder): Promise<Answer>;
  /**
   * The same with the set that the server reads out of its own repository now, one at a time.
   * @throws FirebreakError as `sync`; `conflict` without a repository, `overloaded` while one is being read, `invalid_request` for one that cannot be
   */
  pull(ctx: CallContext, order: Pick<SyncOrder, 'allowOlder' | 'dryRun'>): Promise<Answer>;
  /** Why the own repository could not be taken the last time; null: it could, or was not tried. */
  failure(): string | null;
}

interface Attempt {
  readonly order: SyncOrder;
  readonly there: readonly SetRunbook[];
  readonly drift: Drift;
  readonly here: ReadonlyMap<string, StoredView>;
  readonly source: StoredView | null;
}

/** Builds the service. Every sync that changes something is a record with what it changed. */
export function createRunbookSourceService(ports: SyncPorts): RunbookSourceService {
  const { journal, committer, playbooks, readOnly, readOwn } = ports;
  let pulling = false;
  let failed: string | null = null;

  async function runbooksHere(): Promise<readonly StoredView[]> {
    return (await journal.listViews({ kind: 'runbook', limit: MAX_RUNBOOKS, skip: 0 })).items;
  }

  async function changesOf(ctx: CallContext, { order, there, drift, here }: Attempt) {
    const { set } = order;
    const ids = new Set([...drift.onlyThere, ...drift.different].map(({ id }) => id));
    const taken = there.filter(({ id }) => ids.has(id));
    const people = await ports.peopleOf(taken.map(({ file }) => file.author));
    const changes: Change[] = [];
    const synced: SyncedChange[] = [];
    for (const { id, file, format, judged } of taken) {
      const { previousCommit: _previous, history: _history, files: _files, folder: _folder, ...origin } = set;
      const { path, blob, commitId, author } = file;
      const git = { ...origin, path, blob, changedIn: { commitId, author } };
      const known = people.get(author.email);
      const authorIds = known === undefined ? [] : [known];
      const next = { id, judged, source: file.text, format, enabled: true, git, authorIds };
      const view = here.get(id) ?? null;
      const { change, stored } = await savedRunbookChange(ports, ctx, next, view);
      changes.push(change);
      synced.push({ what: view === null ? 'added' : 'changed', id, path, version: stored.version });
    }
    for (const { id, version } of drift.onlyHere) {
      const view = here.get(id);
      if (view === undefined) continue;
      changes.push(await hiddenRunbookChange(ports, ctx, id, view));
      synced.push({ what: 'retired', id, path: null, version: version ?? 0 });
    }
    return { changes, synced };
  }

  async function commit(ctx: CallContext, attempt: Attempt) {
    const { order, there, source } = attempt;
    const { changes, synced } = await changesOf(ctx, attempt);
    const { files: _files, ...origin } = order.set;
    const expectedSeq = (await journal.streamHead(SOURCE_STREAM))?.seq ?? 0;
    const stored: StoredSource = {
      source: origin,
      readBy: order.readBy,
      allowOlder: order.allowOlder,
      files: there.map(({ id, file: { path, blob } }) => ({ id, path, blob })),
      changes: synced,
      by: ctx.principal.userId,
      at: ctx.now,
      seq: expectedSeq + 1,
    };
    const data = recordable({ document: stored }, 'invalid_runbook') as { readonly [key: string]: never }; // an object went in
    const record = { type: 'runbook.synced', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
    const own: Change = {
      appends: [{ stream: SOURCE_STREAM, expectedSeq, records: [record] }],
      views: [sourceView(stored, source?.version ?? 0)],
    };
    const result = await committer.submit(mergeChanges([own, ...changes]));
    playbooks.refresh();
    return { result, stored };
  }

  const service: RunbookSourceService = {
    failure: () => failed,
    async pull(ctx, { allowOlder, dryRun }) {
      if (readOwn === null) throw noRepository();
      if (pulling) throw new FirebreakError('overloaded', 'The repository is being read; try again');
      pulling = true;
      try {
        const view = await journal.view('runbook-source', SOURCE_ID);
        const { set, skipped } = await readOwn(view === null ? null : sourceOf(view).source.commitId);
        const answer = await service.sync(ctx, { set, readBy: 'server', allowOlder, dryRun });
        if (!dryRun) failed = null;
        return { ...answer, warnings: [...skipped, ...(answer.warnings ?? [])] };
      } catch (thrown) {
        if (!dryRun) failed = messageOf(thrown);
        throw thrown;
      } finally {
        pulling = false;
      }
    },
    async get() {
      const view = await journal.view('runbook-source', SOURCE_ID);
      if (view === null) {
        const data: Answer['data'] = { id: SOURCE_ID, readOnly, source: null };
        return { data };
      }
      const stored = sourceOf(view);
      const here = new Map((await runbooksHere()).map((each) => [each.id, each]));
      return { data: { ...shownSource(stored), readOnly, changedHere: [...changedSince(stored, here)] } };
    },
    async sync(ctx, order) {
      const { set } = order;
      if (order.readBy === 'sender' && readOnly && readOwn !== null) throw ownOnly();
      if (set.files.length === 0) throw emptySet(set);
      const judged = judgeSet(set.files, {
        surroundings: ports.surroundings,
        judge: (definition) => playbooks.judge(definition),
        isId: isRunbookId,
      });
      if ('faults' in judged) {
        const message = `The runbooks of ${set.commitId} are not valid; nothing was changed`;
        throw new FirebreakError('invalid_runbook', message, judged.faults);
      }
      const { runbooks: there } = judged;
      return untilApplied(async () => {
        const source = await journal.view('runbook-source', SOURCE_ID);
        const former = source === null ? null : sourceOf(source);
        requireFollowing(set, former);
        if (!order.dryRun) requireWanted(order, ports.requireSigned);
        const views = await runbooksHere();
        const drift = compareSet(there, views, former?.files.map(({ id }) => id) ?? [], readOnly);
        requireRoom(views.length + drift.onlyThere.length - drift.onlyHere.length);
        const warnings = [...historyWarnings(set), ...judged.warnings];
        const inStep = isInStep(drift);
        const shown = { id: SOURCE_ID, commitId: set.commitId, inStep, drift: driftAsJson(drift) };
        const isSame = former?.source.commitId === set.commitId && inStep;
        if (order.dryRun || isSame) {
          const data: Answer['data'] = { ...shown, history: set.history, dryRun: order.dryRun, changes: [] };
          return { result: { status: 'applied', hashes: [] } as const, answer: { data, warnings } };
        }
        const here = new Map(views.map((view) => [view.id, view]));
        const { result, stored } = await commit(ctx, { order, there, drift, here, source });
        return { result, answer: { data: { ...shownSource(stored), ...shown, dryRun: false }, warnings } };
      });
    },
  };
  return service;
}

function noRepository(): FirebreakError {
  const detail = 'Name one in RUNBOOKS_GIT, or send what you read yourself.';
  return new FirebreakError('conflict', 'This server has no repository of its own', [{ pointer: '/pull', detail }]);
}

/** Where Git is the only way and the server can read it, nobody has to be believed. */
function ownOnly(): FirebreakError {
  const detail = 'Have it read again with `firebreak sync --pull`.';
  return new FirebreakError(
    'conflict',
    'This server takes runbooks from its own repository only (RUNBOOKS_READ_ONLY)',
    [{ pointer: '', detail }],
  );
}

/** @throws FirebreakError `stale_version` when the set was read against another commit than the one in force */
function requireFollowing({ previousCommit, history, commitId }: RunbookSet, former: StoredSource | null): void {
  const present = former?.source.commitId ?? null;
  const told =
    present === null ? history === 'first' : (history === 'same') === (commitId === present) && history !== 'first';
  if (previousCommit === present && told) return;
  const detail = `In force is ${present ?? 'nothing from Git'}; read the repository again, against that.`;
  throw new FirebreakError('stale_version', 'The set was read against another commit', [
    { pointer: '/previousCommit', detail },
  ]);
}

/** @throws FirebreakError `conflict` for an unsigned commit where signatures are required, and for one that is not newer */
function requireWanted({ set, allowOlder }: SyncOrder, requireSigned: boolean): void {
  const { signature, history, commitId, previousCommit } = set;
  if (requireSigned && signature.state !== 'good') {
    const detail = `Its signature is ${signature.state}; sign it with a key of the allowed signers (RUNBOOKS_GIT_SIGNED).`;
    throw new FirebreakError('conflict', `The commit ${commitId} is not signed by anybody who counts`, [
      { pointer: '/signature', detail },
    ]);
  }
  if (allowOlder || (history !== 'older' && history !== 'unknown')) return;
  const [what, fix] =
    history === 'older'
      ? ['is older than the one in force', 'To go back on purpose use --allow-older']
      : [
          'cannot be told to be newer: the clone has no history',
          'Fetch the whole history (fetch-depth: 0), or use --allow-older',
        ];
  throw new FirebreakError('conflict', `The commit ${commitId} ${what}`, [
    { pointer: '/history', detail: `${fix}; in force is ${previousCommit ?? 'nothing'}.` },
  ]);
}

/** A wrong folder must not retire everything. */
function emptySet({ commitId, folder }: RunbookSet): FirebreakError {
  const detail = 'Name the folder of the runbooks; a repository without any would retire all of them.';
  const where = folder === '' ? 'It' : `The folder ${folder}`;
  return new FirebreakError('invalid_runbook', `${where} holds no runbook at ${commitId}`, [
    { pointer: '/files', detail },
  ]);
}

function requireRoom(count: number): void {
  if (count > MAX_RUNBOOKS)
    throw new FirebreakError('conflict', `There would be ${count} runbooks; there may be ${MAX_RUNBOOKS}`);
}

function historyWarnings({ history, previousCommit, commitId }: RunbookSet): readonly string[] {
  const before = previousCommit ?? 'nothing';
  if (history === 'rewritten')
    return [`The history was rewritten: ${before}, which is in force, is not part of ${commitId}`];
  if (history === 'older') return [`${commitId} is older than ${before}, which is in force`];
  return history === 'unknown' ? [`Whether ${commitId} follows ${before} cannot be told from this clone`] : [];
}

function driftAsJson({ onlyThere, different, onlyHere, byHand, same }: Drift) {
  const plain = (items: Drift['different']) => items.map((each) => ({ ...each }));
  return {
    onlyThere: plain(onlyThere),
    different: plain(different),
    onlyHere: plain(onlyHere),
    byHand: plain(byHand),
    same,
  };
}

function shownSource(stored: StoredSource): Answer['data'] {
  const { at, files, ...rest } = stored;
  return {
    id: SOURCE_ID,
    ...sourceAsJson(rest),
    syncedAt: shownTime(at),
    runbooks: files.map((each) => ({ ...each })),
  };
}

/** Ids of runbooks from Git that are not any more as they were taken. */
function changedSince({ files }: StoredSource, here: ReadonlyMap<string, StoredView>): readonly string[] {
  return files.flatMap(({ id, blob }) => {
    const view = here.get(id);
    const document = view === undefined ? null : runbookOf(view).document;
    return document?.git?.blob === blob && document.enabled ? [] : [id];
  });
}
