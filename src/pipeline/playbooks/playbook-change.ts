import type { Json } from '../../platform/canonical-json.ts';
import type { Change, StoredView } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { Definition } from '../service.ts';
import type { Playbook } from './playbook.ts';

/** Playbooks as the journal holds them: their records and views. Pure. */

/** The runbook that a playbook is made of. It is changed there. */
export interface OwningRunbook {
  readonly id: string;
  readonly version: number;
  /** Who wrote it besides the one who saved it, by their ids here. Absent: nobody that is known. */
  readonly authorIds?: readonly string[];
}

/** What the view of a playbook holds. */
export interface StoredPlaybook {
  readonly document: Json;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly savedBy: string;
  /** Absent: it stands for itself. */
  readonly runbook?: OwningRunbook;
}

/** Where a playbook stands when it is changed. */
export interface PlaybookPlace {
  readonly id: string;
  /** Seq of the newest record of its stream; 0 when there is none. */
  readonly seq: number;
  /** Its row; null when it is new or hidden. */
  readonly before: StoredView | null;
}

/** A version saved: its record, the row of the playbook and that of the version. */
export function savedPlaybookChange(
  ctx: CallContext,
  { id, seq, before }: PlaybookPlace,
  stored: StoredPlaybook,
  playbook: Playbook,
): Change {
  const { document, version, createdAt, runbook } = stored;
  const { userId: by } = ctx.principal;
  const data = { version, by, document, ...(runbook === undefined ? {} : { runbook: ownerAsJson(runbook) }) };
  return {
    appends: [
      {
        stream: streamOf(id),
        expectedSeq: seq,
        records: [{ type: 'playbook.saved', v: 1, at: ctx.now, trace: recordedTrace(ctx), data }],
      },
    ],
    views: [
      {
        kind: 'playbook',
        id,
        expectedVersion: before?.version ?? 0,
        status: playbook.enabled ? 'ENABLED' : 'DISABLED',
        type: playbook.playbookType,
        severity: playbook.severity,
        at: createdAt,
        body: asJson(stored),
      },
      {
        kind: 'playbook-version',
        id: `${id}@${version}`,
        expectedVersion: 0,
        parent: id,
        at: ctx.now,
        body: asJson(stored),
      },
    ],
  };
}

/** A playbook hidden: its versions and records stay. */
export function hiddenPlaybookChange(ctx: CallContext, { id, seq }: PlaybookPlace, before: StoredView): Change {
  const data = { version: storedOf(before).version, by: ctx.principal.userId };
  const records = [{ type: 'playbook.deleted', v: 1, at: ctx.now, trace: recordedTrace(ctx), data }];
  return {
    appends: [{ stream: streamOf(id), expectedSeq: seq, records }],
    views: [{ kind: 'playbook', id, expectedVersion: before.version, at: ctx.now, body: null }],
  };
}

export function streamOf(id: string): string {
  return `playbook/${id}`;
}

/* Only this file writes these bodies, from exactly these types. */

export function storedOf(view: StoredView): StoredPlaybook {
  return view.body as unknown as StoredPlaybook;
}

export function asDefinition(document: Json): Definition {
  return document as Definition;
}

/** As records and answers hold it. */
export function ownerAsJson({ id, version, authorIds }: OwningRunbook): { readonly [key: string]: Json } {
  return { id, version, ...(authorIds === undefined ? {} : { authorIds: [...authorIds] }) };
}

function asJson(value: StoredPlaybook): Json {
  return value as unknown as Json;
}
