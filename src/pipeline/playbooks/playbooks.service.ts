import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { Change, ChangeResult, JournalReader, StoredView } from '../../journal/journal.ts';
import { mergeChanges } from '../../journal/merge-changes.ts';
import type { CallContext } from '../access/principal.ts';
import {
  given,
  recordable,
  requireVersion,
  severityOf,
  shownTime,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
  type ListQuery,
  type Listing,
} from '../service.ts';
import { channelWarnings } from './channel-warnings.ts';
import { passkeyFault } from './passkey-fault.ts';
import { compilePlaybook, type CompiledPlaybook, type DeclarationOf, type ParameterFaults } from './compile.ts';
import {
  asDefinition,
  hiddenPlaybookChange,
  ownerAsJson,
  savedPlaybookChange,
  storedOf,
  streamOf,
  type OwningRunbook,
  type PlaybookPlace,
  type StoredPlaybook,
} from './playbook-change.ts';
import { toPlaybook, type Playbook, type PlaybookDefaults } from './playbook.ts';

/** Playbooks that are read at once; an organisation with more has a playbook for each person. */
const MAX_PLAYBOOKS = 2_000;

export interface PlaybookPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'streamHead' | 'shared'>;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly defaults: PlaybookDefaults;
  readonly declarationOf: DeclarationOf;
  readonly parameterFaults: ParameterFaults;
  /** Channels with a way out of here, in-app among them. */
  readonly channels: readonly string[];
  /** Whether people can have passkeys here. */
  readonly hasPasskeys: boolean;
  /** Told of an enabled playbook that cannot be run as things are: its connector is not configured any more. */
  onUnusable(id: string, thrown: FirebreakError): void;
}

/** A playbook in force: the version that new executions run. */
export interface ActivePlaybook {
  readonly playbookId: string;
  readonly version: number;
  readonly compiled: CompiledPlaybook;
  /** Who wrote this version: they do not approve its steps. */
  readonly authorIds: readonly string[];
  /** The runbook that it is made of. Absent: it stands for itself. */
  readonly runbookId?: string;
}

export interface PlaybookService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  create(ctx: CallContext, input: { readonly definition: Definition }): Promise<Answer>;
  /** Merges the given members into a new immutable version; running executions keep theirs. */
  update(
    ctx: CallContext,
    input: { readonly id: string; readonly changes: Definition; readonly ifMatch: IfMatch },
  ): Promise<Answer>;
  /** Hides it; its versions and records stay. */
  remove(ctx: CallContext, input: { readonly id: string; readonly ifMatch: IfMatch }): Promise<Answer>;
  /**
   * Every enabled playbook that can be run, compiled: the same list until one changes. Kept in memory where nobody else
   * can change one; else read each time, and compiled when it changed. One that cannot be run is left out, so that it
   * costs neither the others nor the intake of events: what it would answer to stays an incident for a person.
   */
  active(): Promise<readonly ActivePlaybook[]>;
  /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
  refresh(): void;
  /** One playbook, enabled or not, for a manual trigger. @throws FirebreakError `not_found`. */
  load(id: string): Promise<ActivePlaybook>;
  /** What is wrong with a playbook and what should be known about it; nothing is saved. */
  judge(definition: Definition): { readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] };
  /**
   * The change by which the playbooks of a runbook become these definitions, each with its `playbookId`; those of `former` that
   * are not among them are hidden. Whoever commits it calls `refresh` afterwards.
   * @throws FirebreakError `invalid_playbook`; `conflict` when one of the ids belongs to somebody else
   */
  changeOfRunbook(
    ctx: CallContext,
    runbook: OwningRunbook,
    definitions: readonly (Definition & { readonly playbookId: string })[],
    former: readonly string[],
  ): Promise<Change>;
}

/** Only when it is saved: a process that people do not reach runs what another one took in. @throws FirebreakError `invalid_playbook`. */
function requirePasskeysFor({ actions }: Playbook, hasPasskeys: boolean): void {
  const faults = actions.flatMap(({ approval }, index) =>
    approval?.requirePasskey === true
      ? passkeyFault(approval.fallbackBehavior, hasPasskeys, `/actions/${index}/approval`)
      : [],
  );
  if (faults.length > 0) throw new FirebreakError('invalid_playbook', 'The playbook is not valid', faults);
}

/** Builds the service. Every change is a record in the playbook's own stream, with the whole document. */
export function createPlaybookService(ports: PlaybookPorts): PlaybookService {
  const { journal, committer } = ports;
  let cached: Promise<readonly ActivePlaybook[]> | null = null;
  let latest: { readonly versions: string; readonly active: readonly ActivePlaybook[] } | null = null;

  function checked(definition: Definition): {
    playbook: Playbook;
    compiled: CompiledPlaybook;
    warnings: readonly string[];
  } {
    const read = toPlaybook(definition, ports.defaults);
    if ('faults' in read) throw new FirebreakError('invalid_playbook', 'The playbook is not valid', read.faults);
    const {
      compiled,
      faults,
      warnings: said,
    } = compilePlaybook(read.value, ports.declarationOf, ports.parameterFaults);
    const warnings = [...said, ...channelWarnings(read.value, ports.channels)];
    if (compiled === null) throw new FirebreakError('invalid_playbook', 'The playbook is not valid', faults);
    return { playbook: read.value, compiled, warnings: warnings.map(({ pointer, detail }) => `${pointer}: ${detail}`) };
  }

  async function save(
    ctx: CallContext,
    id: string,
    playbook: Playbook,
    before: StoredView | null,
    warnings: readonly string[],
  ): Promise<{ result: ChangeResult; answer: Answer }> {
    const stored = await nextVersion(ctx, id, playbook, before);
    const { version } = stored;
    const change = savedPlaybookChange(ctx, await placeOf(id, before), stored, playbook);
    const result = await committer.submit(change);
    cached = null;
    return { result, answer: { data: shown(id, stored), version, warnings } };
  }

  async function nextVersion(
    ctx: CallContext,
    id: string,
    playbook: Playbook,
    before: StoredView | null,
  ): Promise<StoredPlaybook> {
    const version = (before === null ? await versionsOf(id) : storedOf(before).version) + 1;
    const document = recordable({ ...playbook, playbookId: id }, 'invalid_playbook');
    const createdAt = before === null ? ctx.now : storedOf(before).createdAt;
    return { document, version, createdAt, updatedAt: ctx.now, savedBy: ctx.principal.userId };
  }

  async function placeOf(id: string, before: StoredView | null): Promise<PlaybookPlace> {
    return { id, before, seq: (await journal.streamHead(streamOf(id)))?.seq ?? 0 };
  }

  /** A repeat under the same Idempotency-Key lands on the same id, also when the first reply was lost in a crash. */
  function newId({ idempotencyKey }: CallContext): string {
    return idempotencyKey === null ? ports.ids.next('pbk') : derivedId('pbk', idempotencyKey);
  }

  async function versionsOf(id: string): Promise<number> {
    const { total } = await journal.listViews({ kind: 'playbook-version', parent: id, limit: 1, skip: 0 });
    return total;
  }

  async function existing(id: string): Promise<StoredView> {
    const view = await journal.view('playbook', id);
    if (view === null) throw new FirebreakError('not_found', `There is no playbook ${id}`);
    return view;
  }

  function activeOf(id: string, stored: StoredPlaybook): ActivePlaybook {
    const { compiled } = checked(asDefinition(stored.document));
    const owner = stored.runbook === undefined ? {} : { runbookId: stored.runbook.id };
    return { playbookId: id, version: stored.version, compiled, authorIds: authorsOf(stored), ...owner };
  }

  async function loadActive(): Promise<readonly ActivePlaybook[]> {
    const { items } = await journal.listViews({ kind: 'playbook', status: 'ENABLED', limit: MAX_PLAYBOOKS, skip: 0 });
    const versions = items.map((view) => `${view.id}@${storedOf(view).version}`).join('\n');
    if (latest?.versions === versions) return latest.active;
    const active = items
      .flatMap((view) => usable(view.id, storedOf(view)))
      .sort((left, right) => (left.playbookId < right.playbookId ? -1 : 1));
    latest = { versions, active };
    return active;
  }

  function usable(id: string, stored: StoredPlaybook): ActivePlaybook[] {
    try {
      return [activeOf(id, stored)];
    } catch (thrown) {
      if (!(thrown instanceof FirebreakError)) throw thrown;
      ports.onUnusable(id, thrown);
      return [];
    }
  }

  function active(): Promise<readonly ActivePlaybook[]> {
    if (journal.shared) return loadActive();
    if (cached === null) {
      const loading = loadActive();
      cached = loading;
      // A journal that could not be read now may be readable the next time.
      loading.catch(() => {
        if (cached === loading) cached = null;
      });
    }
    return cached;
  }

  return {
    active,
    refresh() {
      cached = null;
    },
    async list(_ctx, query) {
      const { limit, skip, type, enabled } = query;
      const status = enabled === undefined ? undefined : enabled ? 'ENABLED' : 'DISABLED';
      const wanted = given({ status, type, severity: severityOf(query) });
      const { items, total } = await journal.listViews({ kind: 'playbook', limit, skip, ...wanted });
      return { items: items.map((view) => shown(view.id, storedOf(view))), total };
    },
    async get(_ctx, { id }) {
      const stored = storedOf(await existing(id));
      return { data: shown(id, stored), version: stored.version };
    },
    create: (ctx, { definition }) =>
      untilApplied(async () => {
        const { playbook, warnings } = checked(definition);
        requirePasskeysFor(playbook, ports.hasPasskeys);
        const id = playbook.playbookId ?? newId(ctx);
        if ((await journal.view('playbook', id)) !== null) {
          throw new FirebreakError(
            'conflict',
            `There is a playbook ${id} already; change it with PUT, or choose another id`,
          );
        }
        return save(ctx, id, playbook, null, warnings);
      }),
    update: (ctx, { id, changes, ifMatch }) =>
      untilApplied(async () => {
        const before = await existing(id);
        const stored = storedOf(before);
        requireOwn(id, stored);
        requireVersion(ifMatch, stored.version);
        const { executionTimeoutMs, ...document } = asDefinition(stored.document);
        // The seeds' other name for it replaces what is stored under the first one.
        const timeout = changes['maxExecutionTimeMs'] === undefined ? { executionTimeoutMs } : {};
        const { playbook, warnings } = checked({ ...document, ...timeout, ...changes, playbookId: id });
        requirePasskeysFor(playbook, ports.hasPasskeys);
        return save(ctx, id, playbook, before, warnings);
      }),
    remove: (ctx, { id, ifMatch }) =>
      untilApplied(async () => {
        const before = await existing(id);
        const stored = storedOf(before);
        requireOwn(id, stored);
        requireVersion(ifMatch, stored.version);
        const result = await committer.submit(hiddenPlaybookChange(ctx, await placeOf(id, before), before));
        cached = null;
        return { result, answer: { data: { ...shown(id, stored), deleted: true }, version: stored.version } };
      }),
    judge(definition) {
      const read = toPlaybook(definition, ports.defaults);
      if ('faults' in read) return { faults: read.faults, warnings: [] };
      const { faults, warnings } = compilePlaybook(read.value, ports.declarationOf, ports.parameterFaults);
      return { faults, warnings: [...warnings, ...channelWarnings(read.value, ports.channels)] };
    },
    async changeOfRunbook(ctx, runbook, definitions, former) {
      const changes: Change[] = [];
      for (const definition of definitions) {
        const { playbookId: id } = definition;
        const before = await journal.view('playbook', id);
        if (before !== null && storedOf(before).runbook?.id !== runbook.id) {
          throw new FirebreakError(
            'conflict',
            `There is a playbook ${id} that is not of this runbook; rename one of them`,
          );
        }
        const { playbook } = checked(definition);
        const stored = { ...(await nextVersion(ctx, id, playbook, before)), runbook };
        changes.push(savedPlaybookChange(ctx, await placeOf(id, before), stored, playbook));
      }
      const kept = new Set(definitions.map(({ playbookId }) => playbookId));
      for (const id of former.filter((each) => !kept.has(each))) {
        const before = await journal.view('playbook', id);
        if (before !== null) changes.push(hiddenPlaybookChange(ctx, await placeOf(id, before), before));
      }
      return mergeChanges(changes);
    },
    async load(id) {
      const stored = storedOf(await existing(id));
      // The version in force is compiled already; only a disabled one has to be compiled for this.
      const isIt = ({ playbookId, version }: ActivePlaybook): boolean =>
        playbookId === id && version === stored.version;
      return latest?.active.find(isIt) ?? (await active()).find(isIt) ?? activeOf(id, stored);
    },
  };
}

function shown(id: string, stored: StoredPlaybook): Answer['data'] {
  const { document, version, createdAt, updatedAt, savedBy, runbook } = stored;
  const times = { createdAt: shownTime(createdAt), updatedAt: shownTime(updatedAt), savedBy };
  const data = { ...(document as Answer['data']), id, version, ...times };
  return runbook === undefined ? data : { ...data, runbook: ownerAsJson(runbook) };
}

/** Who saved it, and who wrote the runbook that it is made of. */
function authorsOf({ savedBy, runbook }: StoredPlaybook): readonly string[] {
  return [...new Set([savedBy, ...(runbook?.authorIds ?? [])])];
}

/** @throws FirebreakError `conflict` for a playbook that is made of a runbook: the next version of that would undo the change */
function requireOwn(id: string, { runbook }: StoredPlaybook): void {
  if (runbook === undefined) return;
  throw new FirebreakError('conflict', `The playbook ${id} is made of the runbook ${runbook.id}: change that one`);
}
