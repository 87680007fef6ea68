import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { CallContext } from '../access/principal.ts';
import type { PlaybookService } from '../playbooks/playbooks.service.ts';
import { requireVersion, untilApplied, type Answer, type IfMatch, type Listing } from '../service.ts';
import { judgeRunbook } from './judge-runbook.ts';
import { hiddenRunbookChange, savedRunbookChange } from './runbook-change.ts';
import { runbookOf, runbookOfRecord, runbookStream, shownRunbook } from './stored-runbook.ts';

/** Runbooks of one installation: each has up to four playbooks, of which there are at most 2,000. */
export const MAX_RUNBOOKS = 200;
/** Their ids begin those of their playbooks. */
const RUNBOOK_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/;

export interface RunbookPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'streamHead' | 'readStream'>;
  readonly committer: GroupCommitter;
  readonly playbooks: Pick<PlaybookService, 'judge' | 'changeOfRunbook' | 'refresh'>;
  /** Whether runbooks are changed in Git only. */
  readonly readOnly: boolean;
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
   * @throws FirebreakError `invalid_runbook` with every fault; `conflict`, also where Git is the only way; `stale_version`
   */
  put(ctx: CallContext, input: RunbookText): Promise<Answer>;
  /**
   * Hides it and its playbooks; versions and records stay, and executions end as they began.
   * @throws FirebreakError `conflict` where Git is the only way; `not_found`, `stale_version`
   */
  remove(ctx: CallContext, input: { readonly id: string; readonly ifMatch: IfMatch }): Promise<Answer>;
}

/** Builds the service. Every version is a record with the text as it was put. */
export function createRunbookService({ journal, committer, playbooks, readOnly }: RunbookPorts): RunbookService {
  const ports = { journal, playbooks };

  async function existing(id: string) {
    const view = await journal.view('runbook', id);
    if (view === null) throw new FirebreakError('not_found', `There is no runbook ${id}`);
    return view;
  }

  async function requireRoom(): Promise<void> {
    const { total } = await journal.listViews({ kind: 'runbook', limit: 1, skip: 0 });
    if (total >= MAX_RUNBOOKS) throw new FirebreakError('conflict', `There are ${MAX_RUNBOOKS} runbooks already`);
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
      if (readOnly) throw gitOnly(id);
      const source = textOf(bytes);
      if (!isRunbookId(id)) {
        throw invalid([
          { pointer: '/id', detail: 'Ids are up to 80 letters, digits, "_", "-" or "."; choose another.' },
        ]);
      }
      const judged = judgeRunbook(id, source, format, (definition) => playbooks.judge(definition));
      if ('faults' in judged) throw invalid(judged.faults);
      const answer = await untilApplied(async () => {
        const view = await journal.view('runbook', id);
        requireVersion(ifMatch, view === null ? 0 : runbookOf(view).version);
        if (view === null) await requireRoom();
        const next = { id, judged, source, format, enabled, git: null, authorIds: [] };
        const { change, stored } = await savedRunbookChange(ports, ctx, next, view);
        const result = await committer.submit(change);
        playbooks.refresh();
        return { result, answer: { data: shownRunbook(id, stored, true), version: stored.version } };
      });
      return { ...answer, warnings: judged.warnings.map(({ pointer, detail }) => `${pointer}: ${detail}`) };
    },
    remove: (ctx, { id, ifMatch }) =>
      untilApplied(async () => {
        if (readOnly) throw gitOnly(id);
        const view = await existing(id);
        const stored = runbookOf(view);
        const { version } = stored;
        requireVersion(ifMatch, version);
        const result = await committer.submit(await hiddenRunbookChange(ports, ctx, id, view));
        playbooks.refresh();
        return { result, answer: { data: { ...shownRunbook(id, stored, false), deleted: true }, version } };
      }),
  };
}

/** Whether something may be the id of a runbook: up to 80 characters that ids of playbooks may begin with. */
export function isRunbookId(id: string): boolean {
  return RUNBOOK_ID.test(id);
}

function gitOnly(id: string): FirebreakError {
  const detail =
    'Change it in the repository, and take it over with `firebreak sync`; GET /api/runbook-source names it.';
  return new FirebreakError('conflict', `Runbooks are changed in Git only here (RUNBOOKS_READ_ONLY), ${id} too`, [
    { pointer: '', detail },
  ]);
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
