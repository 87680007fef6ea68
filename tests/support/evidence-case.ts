import type { Journal } from '../../src/journal/journal.ts';
import type { Json } from '../../src/platform/canonical-json.ts';
import { EVIDENCE_START } from './evidence.ts';

/** What evidence hangs on, written as rows: `inc_1` with the execution `exe_1`, and the people `ada` and `bob`. */
export async function writeCase(journal: Journal): Promise<void> {
  const write = async (kind: 'incident' | 'execution' | 'user', id: string, body: Json): Promise<void> => {
    const record = { type: 'incident.opened', v: 1, at: EVIDENCE_START, data: { cause: {}, incident: { id } } };
    const [result] = await journal.commit([
      {
        appends: [{ stream: `case/${kind}/${id}`, expectedSeq: 0, records: [record] }],
        views: [{ kind, id, expectedVersion: 0, at: EVIDENCE_START, body }],
      },
    ]);
    if (result?.status !== 'applied') throw new Error(`the ${kind} ${id} of the test was not written`);
  };
  await write('incident', 'inc_1', { id: 'inc_1' });
  await write('execution', 'exe_1', { id: 'exe_1', status: 'RUNNING', incidentId: 'inc_1', planHash: 'hash' });
  for (const id of ['ada', 'bob'])
    await write('user', id, {
      id,
      kind: 'person',
      name: id,
      email: null,
      roles: ['SECURITY_ADMIN'],
      disabled: false,
      linkedAccounts: [],
      createdAt: EVIDENCE_START,
    });
}
