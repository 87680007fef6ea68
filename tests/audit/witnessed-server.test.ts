import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { auditKeyCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { startWitness } from '../../src/cli/witness.ts';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { startServer, type RunningServer } from '../../src/server.ts';
import { testIo, until } from '../support/server.ts';

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-witnessed-server-'));
const data = join(scratch, 'data');
afterAll(() => rmSync(scratch, { recursive: true }));

function start(env: Readonly<Record<string, string>>, complaints: string[] = []): Promise<RunningServer> {
  const { config } = readConfig({ DATA_DIR: data, PORT: '0', ...env }, () => '');
  const log = createLog({ level: 'error', destination: { write: (line) => void complaints.push(line) } });
  return startServer(config, { version: 'test', log, sandbox: null, acceleratedFrom: null });
}

it('a server has its log cosigned, shows how long it waits, and works on without its witness', async () => {
  // The first start makes journal and key: a witness is told the key before it vouches.
  await (await start({})).stop();
  const io = testIo();
  await auditKeyCommand({ data }, io);
  const options = {
    data: join(scratch, 'witness'),
    host: '127.0.0.1',
    port: '0',
    name: 'w1',
    logKey: [io.said().trim()],
  };
  const witness = await startWitness(options, testIo(), (store) => store);
  const { url } = witness.running;
  const env = { WITNESS_URL: url, WITNESS_KEY: witness.publicKey };
  const verified = async (): Promise<{ anchoredSize: number; verdict: string; counts: { records: number } }> => {
    const said = testIo();
    await auditVerifyCommand({ data, witness: url, witnessKey: witness.publicKey, json: true }, said);
    return JSON.parse(said.said());
  };
  const unwitnessedMs = async (server: RunningServer): Promise<unknown> => {
    const reply = await fetch(`${server.url}/health/incident-playbooks`);
    const body = (await reply.json()) as { log?: { unwitnessedMs: number } }; // the route's own schema
    return [reply.status, body.log?.unwitnessedMs];
  };

  const server = await start(env);
  await until('the log is cosigned', async () =>
    JSON.stringify(await unwitnessedMs(server)) === '[200,0]' ? true : null,
  );
  await server.stop();
  // What the stop signed is cosigned too: nothing that was written is left without a witness.
  const { anchoredSize, verdict, counts } = await verified();
  expect([verdict, anchoredSize]).toEqual(['intact', counts.records]);

  await witness.running.stop();
  witness.release();
  const complaints: string[] = [];
  const alone = await start(env, complaints);
  expect((await fetch(`${alone.url}/readyz`)).status).toBe(200);
  await until('it is said that nobody witnesses', async () => (complaints.length > 0 ? true : null));
  const [, waited] = (await unwitnessedMs(alone)) as [number, number];
  expect(waited).toBeGreaterThan(0);
  await alone.stop();
  expect(complaints.join()).toContain('the log could not be witnessed');
  await expect(start({ ...env, WITNESS_KEY: `w1+00000000+${'A'.repeat(44)}` })).rejects.toThrow('WITNESS_KEY');
});
