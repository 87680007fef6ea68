import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleCore } from '../../scripts/bundle-core.js';
import { edited } from '../support/edited-core.ts';
import { BASE, byHand, NOTIFY, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { compiled, DIST, run, start, stop, type Program } from '../support/killable.ts';
import { VERSION } from '../../src/version.ts';
import { apiAt, until, type Api } from '../support/server.ts';

/**
 * An execution begins under one version of the program and ends under the next, which decides otherwise in one place.
 * What each has decided is derived again by the one that did.
 */

/** What the earlier version did: its pauses were a millisecond longer. */
const EDIT = {
  file: 'pipeline/executions/core/backoff',
  from: 'let delay = plan.retry.backoffMs;',
  to: 'let delay = plan.retry.backoffMs + 1;',
};
const TOKEN = 'a token for tests only';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

if (!compiled)
  process.stderr.write('SKIPPED: no execution is carried over, because dist/main.js is missing (npm run build)\n');

describe.skipIf(!compiled)('an execution that two versions of the program have decided about', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'firebreak-cores-'));
  const [data, earlier] = [join(scratch, 'data'), join(scratch, 'dist')];
  let sandbox: Program;
  let id: string;

  const serve = (dist: string): Promise<Program> =>
    start(
      'main',
      ['serve', '--data', data, '--port', '0', '--sandbox', String(sandbox.ready['url'])],
      { LOG_LEVEL: 'error', SANDBOX_TOKEN: TOKEN },
      undefined,
      dist,
    );
  const at = ({ ready }: Program, key: string | null): Api => apiAt(() => String(ready['url']), key);
  const told = async (path: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const reply = await fetch(`${String(sandbox.ready['url'])}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    expect(reply.ok).toBe(true);
  };
  const statusOf = async (api: Api): Promise<string> => (await api('GET', `${BASE}/executions/${id}`)).body.data.status;
  const replay = async (...more: readonly string[]) => {
    const { code, stdout, stderr } = await run('main', ['replay', id, '--data', data, '--json', ...more], {});
    return { code, stderr, said: stdout === '' ? null : (JSON.parse(stdout) as Record<string, unknown>) };
  };
  const changeObjects = (sql: string, ...values: readonly unknown[]): void => {
    const database = new BetterSqlite3(join(data, 'journal.sqlite'));
    database.prepare(sql).run(...values);
    database.close();
  };

  beforeAll(async () => {
    cpSync(DIST, earlier, { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(scratch, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(scratch, 'node_modules'), 'dir');
    const module = join(earlier, `${EDIT.file}.js`);
    const text = readFileSync(module, 'utf8');
    expect(text).toContain(EDIT.from);
    writeFileSync(module, text.replace(EDIT.from, EDIT.to));
    writeFileSync(join(earlier, 'core.js.txt'), await bundleCore({ plugins: [edited(`src/${EDIT.file}.ts`, EDIT)] }));
    mkdirSync(data);
    sandbox = await start('sandbox-company/process', [], { SANDBOX_TOKEN: TOKEN, SANDBOX_EMPTY: '1' });
    await told('/seed', { users: [{ id: 'carried@acme.example', sessions: [] }] });
    await told('/faults', { kind: 'error_500', times: 1 });
  });
  afterAll(async () => {
    await stop(sandbox);
    rmSync(scratch, { recursive: true, force: true });
  });

  it('goes on where the earlier one has left it', async () => {
    const first = await serve(earlier);
    const user = { name: 'Ada', email: 'ada@soc.example' };
    const setUp = await at(first, null)('POST', '/api/setup', { token: first.ready['setupToken'], user });
    const key: string = setUp.body.data.key.secret ?? setUp.body.data.secret;
    const retry = { maxRetries: 3, backoffMs: 20, backoffMultiplier: 1 };
    const steps = [
      { ...NOTIFY, retry, stage: 1 },
      { ...SUSPEND_APPROVED, stage: 2 },
    ];
    expect((await at(first, key)('POST', BASE, byHand('carried', steps))).status).toBe(201);
    const body = { playbookId: 'carried', userId: 'carried@acme.example' };
    id = (await at(first, key)('POST', `${BASE}/executions/trigger`, body)).body.data.id;
    const isAt = (program: Program, status: string) => async () =>
      (await statusOf(at(program, key))) === status ? true : null;
    await until('it waits for people', isAt(first, 'AWAITING_APPROVAL'));
    await stop(first);

    const second = await serve(DIST);
    const cancel = { reason: 'a false alarm', compensate: false };
    expect((await at(second, key)('POST', `${BASE}/executions/${id}/cancel`, cancel)).status).toBeLessThan(300);
    await until('it has ended', isAt(second, 'CANCELLED'));
    await stop(second);
  });

  it('is derived again, each decision by the code that made it', async () => {
    const { code, said } = await replay();
    expect(said).toMatchObject({ identical: true, judgedBy: 'recorded' });
    expect(code).toBe(0);
    const cores = said?.['cores'] as string[];
    expect(new Set(cores).size).toBe(2);
    const { stdout } = await run('main', ['version', '--json'], {});
    expect(JSON.parse(stdout)).toMatchObject({ version: VERSION, node: process.versions.node, core: cores[1] });
    expect((await run('main', ['version'], {})).stdout).toContain(`\ncore ${cores[1]}\n`);
  });

  it('shows what this program would decide otherwise, as a result of its own', async () => {
    const { code, said } = await replay('--core', 'current');
    expect(said).toMatchObject({ identical: false, judgedBy: 'current' });
    expect(code).toBe(1);
    const due = (facts: unknown): number => Number(/"resumeAt":(\d+)/.exec(String(facts))?.[1]);
    expect(due(said?.['recorded']) - due(said?.['derived'])).toBe(1);
  });

  it('is derived again out of an export, which holds all that is needed', async () => {
    const out = join(scratch, 'export');
    expect((await run('main', ['audit', 'export', out, '--open', '--data', data], {})).code).toBe(0);
    expect((await run('main', ['audit', 'verify', out, '--json'], {})).code).toBe(0);
    const elsewhere = ['--data', join(scratch, 'no-journal'), '--export', out];
    const { said } = await replay(...elsewhere);
    expect(said).toEqual((await replay()).said);
    appendFileSync(join(out, 'records.ndjson'), '{"type":"events.accepted","data":{"action":"execution.advanced"}}\n');
    expect((await replay(...elsewhere)).said).toEqual(said);
    const file = join(out, 'objects.ndjson');
    writeFileSync(file, readFileSync(file, 'utf8').replace('backoffMs + 1', 'backoffMs + 2'));
    const changed = await replay(...elsewhere);
    expect([changed.code === 0, changed.said]).toEqual([false, null]);
    expect(changed.stderr).toContain('objects.ndjson');
    writeFileSync(join(out, 'records.ndjson'), '{"type":"execution.advanced","data":null}\n');
    expect((await replay(...elsewhere)).stderr).toContain('no record of an execution');
  });

  it('is not judged by code that was changed, or is not there', async () => {
    const [other] = ((await replay()).said?.['cores'] ?? []) as string[];
    changeObjects("update objects set body = replace(body, 'backoffMs + 1', 'backoffMs + 2') where hash = ?", other);
    const changed = await replay();
    expect([changed.code === 0, changed.said]).toEqual([false, null]);
    expect(changed.stderr).toContain('is not what the journal holds under its name');
    changeObjects('delete from objects where hash = ?', other);
    const missing = await replay();
    expect([missing.code === 0, missing.said]).toEqual([false, null]);
    expect(missing.stderr).toContain('is not in the journal');
  });
});
