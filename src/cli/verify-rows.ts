import type { Journal, JournalReader, StoredView, ViewKind } from '../journal/journal.ts';
import { ACCESS_STREAM, emptyAccessState, foldAccess } from '../pipeline/access/access.store.ts';
import { CREDENTIAL, recordedCredential } from '../pipeline/access/password.ts';
import { approvalView, executionView } from '../pipeline/executions/change.ts';
import { executionStore } from '../pipeline/executions/execution-store.ts';
import { exemptionUseViews } from '../pipeline/executions/exemption-uses.ts';
import { foldGlass, glassStream, glassView } from '../pipeline/executions/glass-entry.ts';
import { foldExemption, storedStatusOf } from '../pipeline/exemptions/exemption.ts';
import { foldChange, storedStatusOf as changeStatusOf } from '../pipeline/guards/proposed-change.ts';
import { limiterRowOf } from '../pipeline/guards/limiter.ts';
import { incidentOf } from '../pipeline/incidents/incident-change.ts';
import { deliveryViews, foldNotice, noticeStream } from '../pipeline/notifications/notice-state.ts';
import { preferenceStream } from '../pipeline/notifications/preferences.ts';
import { canonicalJson, type JsonObject } from '../platform/canonical-json.ts';
import { messageOf } from '../platform/errors.ts';
import { personRows } from './person-rows.ts';
import {
  clockRows,
  contactRows,
  deadlineDocumentRows,
  draftRows,
  erasureRows,
  escalationRows,
  evidenceRows,
  taskRows,
} from './duty-rows.ts';
import {
  asJson,
  bodyOf,
  expectedFrom,
  objectOf,
  text,
  type ExpectedRow,
  type ForgedRow,
  type RowSource,
} from './row-source.ts';

/** Rows read at once. */
const PAGE = 1_000;

/**
 * Folds the records of executions, incidents, definitions, exemptions and people again and compares the rows that the API shows
 * with them: the records are the truth, and somebody who changed a row alone would lie to every reader.
 * Answers with the first row that does not fit, or null. The records themselves are for `verifyLog` to judge first.
 */
export async function firstForgedRow(journal: Journal): Promise<ForgedRow | null> {
  for (const source of [
    executionRows,
    incidentRows,
    definitionRows,
    exemptionRows,
    breakGlassRows,
    clockRows,
    deadlineDocumentRows,
    evidenceRows,
    changeRows,
    limiterRows,
    contactRows,
    escalationRows,
    taskRows,
    inventoryRows,
    sourceRows,
    draftRows,
    noticeRows,
    accessRows,
    erasureRows,
    personRows,
  ]) {
    const known = new Map<ViewKind, Set<string>>();
    for (const kind of source.kinds) known.set(kind, new Set());
    for await (const expected of source.rows(journal)) {
      if ('problem' in expected) return expected;
      if (expected.row !== null) known.get(expected.kind)?.add(expected.id);
      const problem = await problemOf(journal, expected);
      if (problem !== null) return { kind: expected.kind, id: expected.id, stream: expected.stream, problem };
    }
    for (const [kind, ids] of known) {
      const stranger = await firstStranger(journal, kind, ids);
      if (stranger !== null) return { kind, id: stranger, stream: `${kind}/${stranger}`, problem: 'has no records' };
    }
  }
  return null;
}

const executionRows: RowSource = {
  kinds: ['execution', 'approval', 'exemption-use'],
  async *rows(journal) {
    const store = executionStore(journal);
    for (const stream of await journal.streams('execution/')) {
      const id = stream.slice('execution/'.length);
      try {
        const { plan, state } = await store.load(id);
        const { containedAt, ...members } = objectOf(executionView(plan, state).body);
        // While it runs the row is rewritten with the status only.
        const settled = state.ended === null ? members : { ...members, containedAt: containedAt ?? null };
        yield expectedFrom(executionView(plan, state), stream, settled);
        for (const approval of Object.values(state.approvals)) {
          const view = approvalView(plan, state, approval);
          const { accounts: _mayLag, ...shown } = objectOf(view.body);
          yield expectedFrom(view, stream, shown);
          for (const use of exemptionUseViews(plan, state, approval))
            yield expectedFrom(use, stream, objectOf(use.body));
        }
      } catch (thrown) {
        yield { kind: 'execution', id, stream, problem: `cannot be folded: ${messageOf(thrown)}` };
      }
      store.forget(id);
    }
  },
};

const incidentRows: RowSource = {
  kinds: ['incident'],
  async *rows(journal) {
    for (const stream of await journal.streams('incident/')) {
      const last = (await journal.readStream(stream)).at(-1)?.record.data['incident'];
      const incident = objectOf(last ?? null);
      const { status, type, severity } = incident;
      const subject = objectOf(incident['subject'] ?? null)['id'];
      const membersOf = (view: StoredView): JsonObject => objectOf(asJson(incidentOf(view).incident));
      const columns = { status: text(status), type: text(type), severity: text(severity), subject: text(subject) };
      yield {
        kind: 'incident',
        id: stream.slice('incident/'.length),
        stream,
        row: { columns, members: incident, membersOf },
      };
    }
  },
};

const definitionRows: RowSource = {
  kinds: ['playbook', 'runbook', 'policy', 'guard', 'oncall', 'vendor'],
  async *rows(journal) {
    for (const kind of ['playbook', 'runbook', 'policy', 'guard', 'oncall', 'vendor'] as const) {
      for (const stream of await journal.streams(`${kind}/`)) {
        const last = (await journal.readStream(stream)).at(-1)?.record;
        const id = stream.slice(kind.length + 1);
        const { document = null, version = null, by = null, customRoles = null } = last?.data ?? {};
        const columns = { status: objectOf(document)['enabled'] === false ? 'DISABLED' : 'ENABLED' };
        const members = { document, version, savedBy: by, customRoles };
        const row = { columns, members, membersOf: bodyOf };
        // Of a guard every record holds the whole of it; a playbook or a policy may be deleted.
        const stands = last?.type === `${kind}.saved` || (kind === 'guard' && last !== undefined);
        yield { kind, id, stream, row: stands ? row : null };
      }
    }
  },
};

const inventoryRows: RowSource = {
  kinds: ['inventory'],
  async *rows(journal) {
    for (const stream of await journal.streams('inventory/')) {
      const saved = (await journal.readStream(stream)).at(-1)?.record;
      const { version = null, hash = null, assets = null, by = null } = saved?.data ?? {};
      const members = { version, hash, assets, savedBy: by, seq: saved?.seq ?? null };
      yield {
        kind: 'inventory',
        id: stream.slice('inventory/'.length),
        stream,
        row: { columns: {}, members, membersOf: bodyOf },
      };
    }
  },
};

const sourceRows: RowSource = {
  kinds: ['runbook-source'],
  async *rows(journal) {
    for (const stream of await journal.streams('runbook-source/')) {
      const last = (await journal.readStream(stream)).at(-1)?.record;
      const members = objectOf(last?.data['document'] ?? null);
      const row = { columns: {}, members, membersOf: bodyOf };
      yield { kind: 'runbook-source', id: stream.slice('runbook-source/'.length), stream, row };
    }
  },
};

const limiterRows: RowSource = {
  kinds: ['limiter'],
  async *rows(journal) {
    for (const stream of await journal.streams('limiter/')) {
      const records = await journal.readStream(stream);
      const members = objectOf(asJson(limiterRowOf(records.map(({ record }) => record))));
      const row = { columns: {}, members, membersOf: bodyOf };
      yield { kind: 'limiter', id: stream.slice('limiter/'.length), stream, row };
    }
  },
};

const noticeRows: RowSource = {
  kinds: ['delivery', 'preference'],
  async *rows(journal) {
    for (const stream of await journal.streams(NOTICES)) {
      const id = stream.slice(NOTICES.length);
      try {
        const records = await journal.readStream(stream);
        const state = foldNotice(
          id,
          records.map(({ record }) => record),
        );
        for (const view of deliveryViews(state)) yield expectedFrom(view, stream, objectOf(view.body));
      } catch (thrown) {
        yield { kind: 'delivery', id, stream, problem: `cannot be folded: ${messageOf(thrown)}` };
      }
    }
    for (const stream of await journal.streams(preferenceStream(''))) {
      const { preferences = null } = (await journal.readStream(stream)).at(-1)?.record.data ?? {};
      const id = stream.slice(preferenceStream('').length);
      yield { kind: 'preference', id, stream, row: { columns: {}, members: { preferences }, membersOf: bodyOf } };
    }
  },
};
const NOTICES = noticeStream('');

const exemptionRows: RowSource = {
  kinds: ['exemption'],
  async *rows(journal) {
    for (const stream of await journal.streams('exemption/')) {
      const id = stream.slice('exemption/'.length);
      const exemption = foldExemption((await journal.readStream(stream)).map(({ record }) => record));
      if (exemption === null) continue;
      const columns = { status: storedStatusOf(exemption), ref: exemption.terms.policyId };
      const row = { columns, members: objectOf(asJson(exemption)), membersOf: bodyOf };
      yield { kind: 'exemption', id, stream, row };
    }
  },
};

const changeRows: RowSource = {
  kinds: ['change'],
  async *rows(journal) {
    for (const stream of await journal.streams('change/')) {
      const id = stream.slice('change/'.length);
      const change = foldChange((await journal.readStream(stream)).map(({ record }) => record));
      if (change === null) continue;
      const { kind, target } = change.terms;
      const columns = { status: changeStatusOf(change), type: kind, ref: target };
      yield { kind: 'change', id, stream, row: { columns, members: objectOf(asJson(change)), membersOf: bodyOf } };
    }
  },
};

const breakGlassRows: RowSource = {
  kinds: ['break-glass'],
  async *rows(journal) {
    for (const stream of await journal.streams(glassStream(''))) {
      const records = (await journal.readStream(stream)).map(({ record }) => record);
      const view = glassView(foldGlass(records));
      yield expectedFrom(view, stream, objectOf(view.body));
    }
  },
};

const accessRows: RowSource = {
  kinds: ['user', 'key', 'session', 'credential', 'lockout', 'identity', 'passkey', 'group', 'role', 'delegation'],
  async *rows(journal) {
    const state = emptyAccessState();
    for (const { record } of await journal.readStream(ACCESS_STREAM)) foldAccess(state, record);
    const row = (value: object) => ({ columns: {}, members: objectOf(asJson(value)), membersOf: bodyOf });
    for (const [id, user] of state.users) yield { kind: 'user', id, stream: ACCESS_STREAM, row: row(user) };
    for (const [id, key] of state.keys) yield { kind: 'key', id, stream: ACCESS_STREAM, row: row(key) };
    for (const [id, session] of state.sessions) yield { kind: 'session', id, stream: ACCESS_STREAM, row: row(session) };
    for (const [id, lockout] of state.lockouts) yield { kind: 'lockout', id, stream: ACCESS_STREAM, row: row(lockout) };
    for (const [id, identity] of state.identities) {
      yield { kind: 'identity', id, stream: ACCESS_STREAM, row: row(identity) };
    }
    for (const [id, passkey] of state.passkeys) {
      const columns = { status: passkey.removedAt === null ? 'active' : 'removed', subject: passkey.userId };
      yield { kind: 'passkey', id, stream: ACCESS_STREAM, row: { ...row(passkey), columns } };
    }
    for (const [id, group] of state.groups) yield { kind: 'group', id, stream: ACCESS_STREAM, row: row(group) };
    for (const [id, role] of state.roles) yield { kind: 'role', id, stream: ACCESS_STREAM, row: row(role) };
    for (const [id, delegation] of state.delegations) {
      const { delegatorId: subject, delegateId: ref, revoked } = delegation;
      const columns = { status: revoked === null ? 'standing' : 'revoked', subject, ref };
      yield { kind: 'delegation', id, stream: ACCESS_STREAM, row: { ...row(delegation), columns } };
    }
    // Records hold a digest of the password; the row has to fit it.
    const membersOf = ({ body }: StoredView) => {
      const { data } = CREDENTIAL.safeParse(body);
      return data === undefined ? {} : objectOf(asJson(recordedCredential(data)));
    };
    for (const [id, credential] of state.credentials) {
      yield { kind: 'credential', id, stream: ACCESS_STREAM, row: { ...row(credential), membersOf } };
    }
  },
};

async function problemOf(journal: JournalReader, { kind, id, row }: ExpectedRow): Promise<string | null> {
  const stored = await journal.view(kind, id);
  if (row === null) return stored === null ? null : 'is shown, but the records say that it was deleted';
  if (stored === null) return 'is missing';
  const shown = row.membersOf(stored);
  for (const [name, value] of Object.entries(row.members)) {
    if (canonicalJson(shown[name] ?? null) !== canonicalJson(value)) return `differs from the records in ${name}`;
  }
  const columns = Object.entries(row.columns).filter(([, value]) => value !== null);
  const { total } = await journal.listViews({ kind, id, ...Object.fromEntries(columns), limit: 1, skip: 0 });
  return total === 1 ? null : 'differs from the records in what lists filter by';
}

async function firstStranger(
  journal: JournalReader,
  kind: ViewKind,
  known: ReadonlySet<string>,
): Promise<string | null> {
  for (let skip = 0; ; skip += PAGE) {
    const { items } = await journal.listViews({ kind, limit: PAGE, skip });
    const stranger = items.find(({ id }) => !known.has(id));
    if (stranger !== undefined) return stranger.id;
    if (items.length < PAGE) return null;
  }
}
