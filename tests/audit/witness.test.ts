import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { auditExportCommand, auditKeyCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { processIo, type Io } from '../../src/cli/io.ts';
import { witnessCommand } from '../../src/cli/witness.ts';
import { loadLogKey, type LogKeyPair } from '../../src/journal/log-key.ts';
import { openLogKeeper } from '../../src/journal/log-keeper.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { openCosigned, parseWitnessKey } from '../../src/pipeline/audit/cosignature.ts';
import { steeredClock } from '../../src/platform/clock.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { safeHttp } from '../../src/platform/safe-http.ts';
import { createWitnessPublisher } from '../../src/witness/publisher.ts';
import { LOG_START } from '../support/generated-log.ts';
import { hasPython, secondAnswers } from '../support/second-verifier.ts';

/** The witness as a process of its own, a real journal, and `firebreak audit verify`. */

const SCRIPT = fileURLToPath(new URL('./witness-process.ts', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'firebreak-witnessed-'));
const data = join(scratch, 'journal');
let logKey: string;
let pair: LogKeyPair;
const processes: ChildProcess[] = [];
/** What the witnesses wrote to standard error. */
let complaints = '';

function quietIo(stopped: Promise<void> = Promise.resolve()): Io & { readonly said: () => string } {
  let said = '';
  const write = (text: string): boolean => {
    said += text;
    return true;
  };
  return { ...processIo(), stdout: { write }, stderr: { write }, said: () => said, stopRequested: () => stopped };
}

/** Waits until a command has printed something. */
async function said(io: { said(): string }): Promise<void> {
  while (io.said() === '') await realMachine.turn();
}

/** Appends records to the journal in a directory and signs the log; answers with the newest checkpoint. */
async function grow(directory: string, records: number): Promise<string> {
  const birth = { id: 'jrn_witnessed', at: LOG_START, accelerated: false };
  const journal = openSqliteJournal({ file: join(directory, 'journal.sqlite'), birth });
  try {
    const keeper = await openLogKeeper(journal, pair, steeredClock(LOG_START), []);
    for (let count = 0; count < records; count += 1) {
      const seq = (await journal.streamHead('ingest/a'))?.seq ?? 0;
      const draft = { type: 'events.accepted', v: 1, at: LOG_START + seq, data: { directory, count } };
      await journal.commit([{ appends: [{ stream: 'ingest/a', expectedSeq: seq, records: [draft] }] }]);
    }
    await keeper.keep(true);
    return (await journal.log.checkpoints()).at(-1)?.note ?? '';
  } finally {
    await journal.close();
  }
}

/** A publisher for the journal in a directory, as the server has one. */
async function publishTo(url: string, witnessKey: string, directory: string): Promise<readonly string[]> {
  const key = parseWitnessKey(witnessKey);
  if (key === null) throw new Error('the witness printed its key');
  const birth = { id: 'unused', at: 0, accelerated: false };
  const journal = openSqliteJournal({ file: join(directory, 'journal.sqlite'), birth });
  const http = safeHttp({ allow: [new URL(url).host] });
  const errors: string[] = [];
  const newest = async (): Promise<string | null> => (await journal.log.checkpoints(1)).at(-1)?.note ?? null;
  try {
    const publisher = createWitnessPublisher({
      url,
      key,
      http,
      machine: realMachine,
      monotonic: () => performance.now(),
      newest,
      readLeaves: (from, to) => journal.log.leafHashes(from, to),
      onError: (thrown) => errors.push(String(thrown)),
    });
    await publisher.offer((await newest()) ?? '');
    if (await publisher.publish())
      errors.push(`cosigned ${openCosigned(publisher.cosigned() ?? '', key)?.checkpoint.size}`);
    return errors;
  } finally {
    await http.close();
    await journal.close();
  }
}

async function startWitness(crashAt = 0): Promise<{ url: string; witnessKey: string; child: ChildProcess }> {
  const args = ['--import', 'tsx', SCRIPT, join(scratch, 'witness'), logKey, String(crashAt)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  processes.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the witness ended with ${code}: ${complaints}`)));
  });
  return { ...(JSON.parse(line) as { url: string; witnessKey: string }), child }; // its own line
}

async function verify(
  options: object,
): Promise<{ code: number; verdict: string; firstBad: unknown; anchoredSize: number }> {
  const io = quietIo();
  const code = await auditVerifyCommand({ ...options, json: true }, io);
  return { ...JSON.parse(io.said()), code };
}

/** A copy of a journal's directory as it is now. */
function copyOf(name: string, of = data): string {
  const directory = join(scratch, name);
  mkdirSync(directory);
  for (const file of readdirSync(of)) copyFileSync(join(of, file), join(directory, file));
  return directory;
}

beforeAll(async () => {
  mkdirSync(data);
  pair = loadLogKey(join(data, 'log-key.pem'));
  await grow(data, 9);
  const io = quietIo();
  expect(await auditKeyCommand({ data }, io)).toBe(0);
  logKey = io.said().trim();
  expect(logKey).toMatch(/^firebreak\/jrn_witnessed\/g1\+[0-9a-f]{8}\+/);
});
afterEach(async () => {
  for (const child of processes.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
});
afterAll(() => rmSync(scratch, { recursive: true }));

describe('a witness that is killed between its disk and its answer', () => {
  it('vouches for what it kept, is asked again, and never for less', async () => {
    const crashing = await startWitness(10);
    const gone = once(crashing.child, 'exit');
    // 9 records and the one that the journal was born with.
    const [error] = await publishTo(crashing.url, crashing.witnessKey, data);
    expect(error).not.toContain('cosigned');
    expect((await gone)[1]).toBe('SIGKILL');
    const again = await startWitness();
    expect(again.witnessKey).toBe(crashing.witnessKey);
    // It was kept before the end: the first question is answered with the size, the second with the signature.
    const behind = copyOf('behind');
    const reply = await fetch(`${again.url}/add-checkpoint`, {
      method: 'POST',
      body: `old 0\n\n${await grow(behind, 0)}`,
    });
    expect([reply.status, await reply.text()]).toEqual([409, '10\n']);
    expect(await publishTo(again.url, again.witnessKey, data)).toEqual(['cosigned 10']);
  });
});

describe('audit verify with a witness', () => {
  it('finds a cut tail, an older copy and a rewritten log, by address and by file, and so does the second verifier', async () => {
    const older = copyOf('older');
    const { url, witnessKey } = await startWitness();
    await grow(data, 6);
    expect(await publishTo(url, witnessKey, data)).toEqual(['cosigned 16']);
    const note = join(scratch, 'cosigned');
    const stored =
      readdirSync(join(scratch, 'witness', 'checkpoints')).find((file) => file.endsWith('.checkpoint')) ?? '';
    copyFileSync(join(scratch, 'witness', 'checkpoints', stored), note);

    const forked = copyOf('forked', older);
    await grow(forked, 11);
    const shorter = copyOf('shorter', older);
    await grow(shorter, 2);
    const cases = [
      [data, 'intact', null],
      [older, 'truncated', 10],
      [shorter, 'truncated', 12],
      [forked, 'changed', 0],
    ] as const;
    const answers: unknown[] = [];
    for (const [directory, verdict, position] of cases) {
      // Without the witness everything that the machine holds fits together.
      expect(await verify({ data: directory })).toMatchObject({ code: 0, verdict: 'intact' });
      const expected = {
        code: verdict === 'intact' ? 0 : 1,
        verdict,
        firstBad: position === null ? null : expect.objectContaining({ position }),
      };
      expect(await verify({ data: directory, witness: url, witnessKey })).toMatchObject(expected);
      const byFile = await verify({ data: directory, witness: note, witnessKey });
      expect(byFile).toMatchObject(expected);
      const { firstBad, coveredSize, anchoredSize } = byFile as typeof byFile & { coveredSize: number };
      answers.push({ verdict, firstBad, coveredSize, anchoredSize });
    }
    const keys = join(scratch, 'export', 'keys.json');
    expect(await auditExportCommand({ directory: join(scratch, 'export'), data }, quietIo())).toBe(0);
    if (!hasPython) return;
    const tasks = cases.map(([directory]) => ({ data: directory, keys, witness: note, witness_key: witnessKey }));
    expect(secondAnswers(tasks, join(scratch, 'list'))).toEqual(answers);
  });

  it('refuses a server that shows two histories of one size', async () => {
    const liar = copyOf('liar', join(scratch, 'older'));
    const { url, witnessKey } = await startWitness();
    // As many records as the true log has, and another root.
    await grow(liar, 6);
    const [error] = await publishTo(url, witnessKey, liar);
    expect(error).toContain('forked');
    // What contradicts is signed by the log, so it is evidence.
    expect(complaints).toContain('"event":"contradiction"');
    expect(await verify({ data, witness: url, witnessKey })).toMatchObject({
      code: 0,
      verdict: 'intact',
      anchoredSize: 16,
    });
  });

  it('is no verification when the witness knows nothing of the log, or is another', async () => {
    const note = join(scratch, 'cosigned');
    const other = 'witness.example/w2+1cc22fa8+BHMiZVtBAMTiIIzHkYP5LZJWuWYIb4dBJq0eNcKbe1rm';
    await expect(verify({ data, witness: note })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(verify({ data, witness: note, witnessKey: other })).rejects.toMatchObject({ code: 'invalid_request' });
    const { url, witnessKey } = await startWitness();
    writeFileSync(join(scratch, 'key'), `${witnessKey}\n`);
    expect(await verify({ data, witness: note, witnessKey: join(scratch, 'key') })).toMatchObject({
      verdict: 'intact',
    });
    writeFileSync(join(scratch, 'none'), readFileSync(note, 'utf8').split('\n').slice(0, -2).join('\n'));
    await expect(verify({ data, witness: join(scratch, 'none'), witnessKey })).rejects.toMatchObject({
      code: 'not_found',
    });
    const stranger = join(scratch, 'stranger');
    mkdirSync(stranger);
    const birth = { id: 'jrn_stranger', at: LOG_START, accelerated: false };
    await openSqliteJournal({ file: join(stranger, 'journal.sqlite'), birth }).close();
    loadLogKey(join(stranger, 'log-key.pem'));
    await expect(verify({ data: stranger, witness: url, witnessKey })).rejects.toMatchObject({ code: 'not_found' });
    await expect(verify({ data: stranger, witness: note, witnessKey })).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('firebreak witness', () => {
  it('says where it is and who it is, and takes keys as lines, as files and as an export has them', async () => {
    let stop = (): void => undefined;
    const io = quietIo(new Promise((resolve) => (stop = resolve)));
    writeFileSync(join(scratch, 'log-key'), `${logKey}\n\n`);
    const directory = join(scratch, 'second');
    const options = { data: directory, host: '127.0.0.1', port: '0', name: 'w', logKey: [join(scratch, 'log-key')] };
    const running = witnessCommand(
      { ...options, logKey: [...options.logKey, join(scratch, 'export', 'keys.json')] },
      io,
    );
    await Promise.race([running, said(io)]);
    const { url, witnessKey } = JSON.parse(io.said()) as { url: string; witnessKey: string };
    expect(await publishTo(url, witnessKey, data)).toEqual(['cosigned 16']);
    await expect(witnessCommand(options, quietIo())).rejects.toMatchObject({ code: 'conflict' });
    stop();
    expect(await running).toBe(0);
    for (const wrong of [{ port: 'x' }, { logKey: ['nothing'] }, { name: 'two words' }, { logKey: [] }]) {
      const refused = witnessCommand({ ...options, data: join(scratch, 'third'), ...wrong }, quietIo());
      await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});
