import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditExportCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { openLogKeeper } from '../../src/journal/log-keeper.ts';
import { loadLogKey } from '../../src/journal/log-key.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import type { JournalRecord } from '../../src/pipeline/audit/record.ts';
import { steeredClock } from '../../src/platform/clock.ts';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { atBrowserWithPasskey, signedFor, SITE, votes, type Asked, type Keyed } from '../support/passkeys.ts';
import { openJournalFile, startHarness, testIo, type Harness } from '../support/server.ts';
import { softwareAuthenticator } from '../support/software-authenticator.ts';
import { givePassword } from '../support/visitor.ts';

/**
 * Somebody owns the machine: the journal, and the key that signs its log. They write the whole log anew with a vote changed, and
 * everything that the log alone proves fits together. Only what a passkey signed does not.
 */

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-passkeys-'));
let house: Harness;
let bea: Keyed;
let cyd: Keyed;
let approved: Asked & { readonly executionId: string };
let denied: Asked & { readonly executionId: string };
let records: readonly JournalRecord[];
const GATE = { roles: ['SECURITY_ADMIN'], requiredApprovers: 1, requirePasskey: true };

beforeAll(async () => {
  house = await startHarness({ env: { PUBLIC_URL: SITE } });
  const requester = await house.person('INCIDENT_COMMANDER');
  const dora = await house.person('SECURITY_ADMIN');
  for (const email of ['bea@soc.example', 'cyd@soc.example'])
    await givePassword(house, (await house.person('SECURITY_ADMIN', { email })).id);
  bea = await atBrowserWithPasskey(house, 'bea@soc.example');
  cyd = await atBrowserWithPasskey(house, 'cyd@soc.example', true);
  await house.admin.api('POST', BASE, byHand('keyed', [{ ...SUSPEND, requiresApproval: true, approval: GATE }]));
  const asked = async (userId: string) => {
    const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'keyed', userId });
    const { executionId } = run.body.data;
    await house.settled(executionId);
    const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${executionId}`);
    return { ...body.data[0], executionId };
  };
  approved = await asked('anna');
  expect(await votes(bea, approved, await signedFor(bea, approved))).toEqual([200, 'APPROVED']);
  await house.settled(approved.executionId);
  denied = await asked('bela');
  expect((await dora.api('POST', `${BASE}/approvals/${denied.id}/deny`, {})).status).toBe(200);
  await house.settled(denied.executionId);
  await house.halt();
  const rows = house.database().prepare<[], { bytes: string }>('select bytes from records order by no').all();
  records = rows.map(({ bytes }) => JSON.parse(bytes) as JournalRecord); // what the journal wrote
}, 60_000);
afterAll(async () => {
  await house.stop();
  rmSync(scratch, { recursive: true, force: true });
});

let copies = 0;
/** The whole log written anew, chained and signed with its own key, as an export. `change` may answer null: it is left out. */
async function forgedAnew(change: (record: JournalRecord) => JournalRecord | null): Promise<string> {
  copies += 1;
  const data = join(scratch, `forged-${copies}`);
  mkdirSync(data);
  cpSync(join(house.dataDir, 'log-key.pem'), join(data, 'log-key.pem'));
  const [created] = records;
  if (created === undefined) throw new Error('a journal has records');
  const id = (created.data as { journalId?: string }).journalId ?? idOf();
  const journal = openSqliteJournal({
    file: join(data, 'journal.sqlite'),
    birth: { id, at: created.at, accelerated: false },
  });
  const last = records.at(-1)?.at ?? 0;
  const keeper = await openLogKeeper(journal, loadLogKey(join(data, 'log-key.pem')), steeredClock(last), []);
  for (const record of records) {
    if (record.type === 'journal.created') continue;
    const forged = change(record);
    if (forged === null) continue;
    const { type, v, at, data: body, trace } = forged;
    const head = await journal.streamHead(forged.stream);
    const draft = { type, v, at, data: body, ...(trace === undefined ? {} : { trace }) };
    const [result] = await journal.commit([
      { appends: [{ stream: forged.stream, expectedSeq: head?.seq ?? 0, records: [draft] }] },
    ]);
    if (result?.status !== 'applied') throw new Error('the record was written');
  }
  await keeper.keep(true);
  await journal.close();
  const directory = join(scratch, `export-${copies}`);
  expect(await auditExportCommand({ directory, data }, testIo())).toBe(0);
  return directory;
}

function idOf(): string {
  const database = openJournalFile(house.dataDir);
  const row = database.prepare<[], { value: string }>("select value from meta where key = 'id'").get();
  database.close();
  return row?.value ?? 'jrn_forged';
}

async function verdictOn(directory: string) {
  const io = testIo();
  const code = await auditVerifyCommand({ directory, json: true }, io);
  return {
    code,
    ...(JSON.parse(io.said()) as {
      verdict: string;
      problem: string | null;
      firstBad: { stream: string; seq: number } | null;
    }),
  }; // the verifier's own answer
}

type Data = JournalRecord['data'];
interface VoteData {
  readonly input: {
    readonly type: string;
    readonly decision: string;
    readonly voter: { readonly userId: string };
    readonly assertion?: Readonly<Record<string, unknown>>;
  };
  readonly facts: readonly { readonly type: string }[];
}
const isVoteOf = (record: JournalRecord, executionId: string): boolean =>
  record.stream === `execution/${executionId}` && (record.data as unknown as VoteData).input?.type === 'vote';

/** The vote of an execution with another input. */
const voteWith =
  (executionId: string, input: (given: VoteData['input']) => object) =>
  (record: JournalRecord): JournalRecord => {
    if (!isVoteOf(record, executionId)) return record;
    const data = record.data as unknown as VoteData;
    return { ...record, data: { ...data, input: input(data.input) } as unknown as Data };
  };

describe('audit verify', () => {
  it('checks the votes of a journal and of its export, where nothing was touched', async () => {
    const io = testIo();
    expect(await auditVerifyCommand({ data: house.dataDir, json: true }, io)).toBe(0);
    expect(await verdictOn(await forgedAnew((record) => record))).toMatchObject({ code: 0, verdict: 'intact' });
  });

  it('finds an approval that was forged without a passkey', async () => {
    const directory = await forgedAnew(voteWith(denied.executionId, (input) => ({ ...input, decision: 'APPROVE' })));
    expect(await verdictOn(directory)).toMatchObject({
      code: 1,
      verdict: 'changed',
      firstBad: { stream: `execution/${denied.executionId}` },
      problem: expect.stringContaining('without the passkey that it needs'),
    });
  });

  it('finds an approval whose signature was taken out, and names the record', async () => {
    const directory = await forgedAnew(voteWith(approved.executionId, ({ assertion: _gone, ...input }) => input));
    const verdict = await verdictOn(directory);
    expect(verdict.problem).toContain('without the passkey that it needs');
    const seq = records.find((record) => isVoteOf(record, approved.executionId))?.seq;
    expect(verdict.firstBad).toMatchObject({ seq });
    expect(readFileSync(join(directory, 'records.ndjson'), 'utf8')).toContain('requirePasskey');
  });

  it.each<[string, (input: VoteData['input']) => object, string]>([
    ['the decision', (input) => ({ ...input, decision: 'DENY' }), 'for another answer'],
    ['the voter', (input) => ({ ...input, voter: { ...input.voter, userId: 'usr_mallory' } }), 'for another answer'],
    ['the signature', (input) => ({ ...input, assertion: { ...input.assertion, signature: 'AAAA' } }), 'did not sign'],
    [
      'the origin',
      (input) => ({ ...input, assertion: { ...input.assertion, origin: 'https://evil.example' } }),
      'another site',
    ],
    ['the nonce', (input) => ({ ...input, assertion: { ...input.assertion, nonce: 'x' } }), 'for another answer'],
    ['the count', (input) => ({ ...input, assertion: { ...input.assertion, signCount: 7 } }), 'count'],
    ['its shape', (input) => ({ ...input, assertion: { signature: 1 } }), 'cannot be read'],
  ])('finds a vote of which %s was changed', async (_what, change, problem) => {
    const verdict = await verdictOn(await forgedAnew(voteWith(approved.executionId, change)));
    expect(verdict).toMatchObject({ code: 1, verdict: 'changed', problem: expect.stringContaining(problem) });
  });

  it("finds a vote that the forger's own key signed, and one with another person's passkey", async () => {
    const own = softwareAuthenticator(SITE);
    const signed = (with_: typeof own) => (input: VoteData['input']) => {
      const { clientDataJSON } = input.assertion ?? {};
      const { challenge } = JSON.parse(Buffer.from(String(clientDataJSON), 'base64url').toString()) as {
        challenge: string;
      }; // as a browser wrote it
      const { count, credentialId, publicKey } = with_;
      const answer = with_.get({ challenge, rpId: 'localhost' }, { count });
      return { ...input, assertion: { ...input.assertion, ...answer, credentialId, publicKey, signCount: count } };
    };
    const byOwn = await verdictOn(await forgedAnew(voteWith(approved.executionId, signed(own))));
    expect(byOwn.problem).toContain('that its voter had not registered');
    const byCyd = await verdictOn(await forgedAnew(voteWith(approved.executionId, signed(cyd.authenticator))));
    expect(byCyd.problem).toContain('that its voter had not registered');
    // With the key put under the voter's own credential.
    const swapped = voteWith(approved.executionId, (input) => {
      const { assertion } = signed(own)(input);
      return { ...input, assertion: { ...assertion, credentialId: bea.authenticator.credentialId } };
    });
    expect((await verdictOn(await forgedAnew(swapped))).problem).toContain('what another key signed');
  });

  it('finds a vote whose passkey had been removed, or was never registered', async () => {
    const isBeas = ({ type, data }: JournalRecord): boolean =>
      type === 'access.passkey_saved' &&
      (data['passkey'] as { credentialId: string }).credentialId === bea.authenticator.credentialId;
    const without = await verdictOn(await forgedAnew((record) => (isBeas(record) ? null : record)));
    expect(without.problem).toContain('had not registered');
    const removed = await forgedAnew((record) => {
      if (!isBeas(record)) return record;
      const passkey = { ...(record.data['passkey'] as object), removedAt: record.at, removedBy: 'usr_x' };
      return { ...record, data: { ...record.data, passkey } as Data };
    });
    expect((await verdictOn(removed)).problem).toContain('after it was removed');
  });

  it('finds a request that was forged to need no passkey', async () => {
    const directory = await forgedAnew((record) => {
      if (record.stream !== `execution/${denied.executionId}`) return record;
      const text = JSON.stringify(record.data);
      const last = text.lastIndexOf('"requirePasskey":true,');
      if (!text.includes('approval.requested') || last < 0) return record;
      return {
        ...record,
        data: JSON.parse(text.slice(0, last) + text.slice(last + '"requirePasskey":true,'.length)) as Data,
      }; // our own record
    });
    expect((await verdictOn(directory)).problem).toMatch(/its gates say otherwise|without the passkey/);
  });
});
