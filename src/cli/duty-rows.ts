import { escalationStream, foldEscalation, statusOf as escalationStatusOf } from '../pipeline/vendors/escalation.ts';
import { clockStream, clockView, foldClock } from '../pipeline/deadlines/clock.ts';
import { foldEvidence } from '../pipeline/evidence/custody.ts';
import { evidenceView, holdView } from '../pipeline/evidence/evidence.store.ts';
import { foldHolds } from '../pipeline/evidence/hold.ts';
import { contactStatusOf, foldContact } from '../pipeline/deadlines/contacts/contact.ts';
import { draftView, foldDraft } from '../pipeline/deadlines/drafts/draft.ts';
import { foldPortal, portalView } from '../pipeline/deadlines/portal/portal.ts';
import { erasureStream, erasureView, foldErasure, statusOf } from '../pipeline/privacy/erasure.ts';
import { foldTask, TASK_STREAMS, taskView } from '../pipeline/tasks/task.ts';
import { messageOf } from '../platform/errors.ts';
import type { JsonObject } from '../platform/canonical-json.ts';
import { asJson, bodyOf, expectedFrom, objectOf, text, type RowSource } from './row-source.ts';

/** Rows of what follows from an incident: evidence, clocks, drafts, contacts, escalations, tasks. */

export const escalationRows: RowSource = {
  kinds: ['escalation'],
  async *rows(journal) {
    for (const stream of await journal.streams(escalationStream(''))) {
      const escalation = foldEscalation((await journal.readStream(stream)).map(({ record }) => record));
      if (escalation === null) continue;
      const { severity, incidentId: parent, vendorId: ref } = escalation;
      const columns = { status: escalationStatusOf(escalation), severity, parent, ref };
      const id = stream.slice(escalationStream('').length);
      yield {
        kind: 'escalation',
        id,
        stream,
        row: { columns, members: objectOf(asJson(escalation)), membersOf: bodyOf },
      };
    }
  },
};

export const taskRows: RowSource = {
  kinds: ['task'],
  async *rows(journal) {
    for (const stream of await journal.streams(TASK_STREAMS)) {
      const task = foldTask((await journal.readStream(stream)).map(({ record }) => record));
      if (task === null) continue;
      const view = { ...taskView(stream.slice(TASK_STREAMS.length), task), expectedVersion: null };
      yield expectedFrom(view, stream, objectOf(view.body));
    }
  },
};

export const contactRows: RowSource = {
  kinds: ['contact'],
  async *rows(journal) {
    for (const stream of await journal.streams('contact/')) {
      const id = stream.slice('contact/'.length);
      const contact = foldContact((await journal.readStream(stream)).map(({ record }) => record));
      if (contact === null) continue;
      const columns = { status: contactStatusOf(contact) };
      yield { kind: 'contact', id, stream, row: { columns, members: objectOf(asJson(contact)), membersOf: bodyOf } };
    }
  },
};

export const draftRows: RowSource = {
  kinds: ['draft', 'portal'],
  async *rows(journal) {
    for (const stream of await journal.streams('draft/')) {
      const id = stream.slice('draft/'.length);
      const draft = foldDraft((await journal.readStream(stream)).map(({ record }) => record));
      const view = draft === null ? null : { ...draftView(id, draft), expectedVersion: null };
      if (view !== null) yield expectedFrom(view, stream, objectOf(view.body));
    }
    for (const stream of await journal.streams('portal/')) {
      const id = stream.slice('portal/'.length);
      const portal = foldPortal((await journal.readStream(stream)).map(({ record }) => record));
      const view = portal === null ? null : { ...portalView(id, portal), expectedVersion: null };
      if (view !== null) yield expectedFrom(view, stream, objectOf(view.body));
    }
  },
};

export const clockRows: RowSource = {
  kinds: ['deadline'],
  async *rows(journal) {
    for (const stream of await journal.streams(clockStream(''))) {
      const id = stream.slice(clockStream('').length);
      try {
        const clock = foldClock((await journal.readStream(stream)).map(({ record }) => record));
        if (clock === null) continue;
        const view = { ...clockView(id, clock), expectedVersion: null };
        yield expectedFrom(view, stream, objectOf(view.body));
      } catch (thrown) {
        yield { kind: 'deadline', id, stream, problem: `cannot be folded: ${messageOf(thrown)}` };
      }
    }
  },
};

export const evidenceRows: RowSource = {
  kinds: ['evidence', 'evidence-hold'],
  async *rows(journal) {
    for (const stream of await journal.streams('evidence/')) {
      const id = stream.slice('evidence/'.length);
      const evidence = foldEvidence((await journal.readStream(stream)).map(({ record }) => record));
      if (evidence === null) continue;
      const view = evidenceView(id, evidence);
      yield expectedFrom(view, stream, objectOf(view.body));
    }
    for (const stream of await journal.streams('evidence-hold/')) {
      for (const hold of foldHolds((await journal.readStream(stream)).map(({ record }) => record))) {
        const view = holdView(hold, null);
        yield expectedFrom(view, stream, objectOf(view.body));
      }
    }
  },
};

export const erasureRows: RowSource = {
  kinds: ['erasure'],
  async *rows(journal) {
    for (const stream of await journal.streams(erasureStream(''))) {
      const erasure = foldErasure((await journal.readStream(stream)).map(({ record }) => record));
      if (erasure === null) continue;
      const view = erasureView(stream.slice(erasureStream('').length), erasure);
      // Until its last events are found the row keeps what no record holds any more.
      const { account, ...members } = objectOf(view.body);
      yield expectedFrom(
        view,
        stream,
        statusOf(erasure) === 'ERASING' ? members : { ...members, account: account ?? null },
      );
    }
  },
};

/** What is set as a whole, each time by a record that holds it: by the member of the record that the row shows as which. */
const DEADLINE_DOCUMENTS = [
  ['deadline-settings', 'document', 'document'],
  ['breach', 'document', 'document'],
  ['applicability', 'answers', 'document'],
  ['lawful-basis', 'document', 'document'],
  ['deadline-request', 'deadlineIds', 'deadlineIds'],
] as const;

export const deadlineDocumentRows: RowSource = {
  kinds: [...DEADLINE_DOCUMENTS.map(([kind]) => kind), 'deadline-rule'],
  async *rows(journal) {
    for (const [kind, recorded, shown] of DEADLINE_DOCUMENTS)
      for (const stream of await journal.streams(`${kind}/`)) {
        const data = (await journal.readStream(stream)).at(-1)?.record.data ?? {};
        const members = { [shown]: data[recorded] ?? null, ...('version' in data ? { version: data['version'] } : {}) };
        yield { kind, id: stream.slice(kind.length + 1), stream, row: { columns: {}, members, membersOf: bodyOf } };
      }
    for (const stream of await journal.streams('deadline-rule/')) {
      const records = await journal.readStream(stream);
      const switches = foldSwitches(records.map(({ record }) => record));
      const members = { switches, version: records.length };
      yield {
        kind: 'deadline-rule',
        id: stream.slice('deadline-rule/'.length),
        stream,
        row: { columns: {}, members, membersOf: bodyOf },
      };
    }
  },
};

/** The newest word on each switch of a rule. */
function foldSwitches(records: readonly { readonly at: number; readonly data: JsonObject }[]): JsonObject {
  return Object.fromEntries(
    records.map(({ at, data: { what, enabled, by, reason, reference } }) => [
      text(what) ?? '',
      { at, enabled: enabled ?? null, by: by ?? null, reason: reason ?? null, reference: reference ?? null },
    ]),
  );
}
