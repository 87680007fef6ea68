import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { auditKeyCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { startWitness } from '../../src/cli/witness.ts';
import { compiled, start, stop, type Program } from '../support/killable.ts';
import { apiAt, ownKey, testIo, until, type Api } from '../support/server.ts';

/** The whole program with a witness: its data directory is set back with everything in it, so that only the witness knows. */

if (!compiled)
  process.stderr.write('SKIPPED: no directory is set back, because dist/main.js is missing (npm run build)\n');

describe.skipIf(!compiled)('a data directory that was set back with its checkpoints', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'firebreak-restored-'));
  const [data, backup] = [join(scratch, 'data'), join(scratch, 'backup')];
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const serve = (env: Record<string, string> = {}): Promise<Program> =>
    start('main', ['serve', '--data', data, '--port', '0'], { LOG_LEVEL: 'error', ...env });
  const at = ({ ready }: Program, key: string | null): Api => apiAt(() => String(ready['url']), key);
  const keyOf = async (api: Api, path: string, body: object): Promise<string> => {
    const reply = await api('POST', path, body);
    expect(reply.status).toBe(201);
    return reply.body.data.key?.secret ?? reply.body.data.secret;
  };

  it('is known to the witness, waits for two people, and goes on at the same address as another generation', async () => {
    const first = await serve();
    const user = { name: 'Ada', email: 'ada@soc.example' };
    const ada = await keyOf(at(first, null), '/api/setup', { token: first.ready['setupToken'], user });
    const grace = { name: 'Grace', email: 'grace@soc.example', roles: ['CISO'] };
    const made = await at(first, ada)('POST', '/api/users', grace);
    const own = await ownKey({ admin: at(first, ada), anonymous: at(first, null) }, made.body.data.id);
    await stop(first);
    const io = testIo();
    await auditKeyCommand({ data }, io);
    const watched = {
      data: join(scratch, 'witness'),
      host: '127.0.0.1',
      port: '0',
      name: 'w1',
      logKey: [io.said().trim()],
    };
    const witness = await startWitness(watched, testIo(), (store) => store);
    const env = { WITNESS_URL: witness.running.url, WITNESS_KEY: witness.publicKey };

    await stop(await serve(env));
    cpSync(data, backup, { recursive: true });
    const second = await serve(env);
    await keyOf(at(second, own), '/api/keys', { name: 'lost' });
    await stop(second);
    rmSync(data, { recursive: true });
    cpSync(backup, data, { recursive: true });

    const third = await serve(env);
    const shown = async (): Promise<{ state: string; generation: number; recovery: { lost: { anchor: string }[] } }> =>
      (await at(third, ada)('GET', '/api/journal')).body.data;
    expect(await shown()).toMatchObject({ state: 'RECOVERED', recovery: { lost: [{ anchor: 'witness' }] } });
    for (const key of [ada, own]) {
      const confirmed = await until('a busy machine has the time to hear of it', async () => {
        const { status } = await at(third, key)('POST', '/api/journal/recovery/confirm', { reason: 'the disk died' });
        return status === 503 ? null : status;
      });
      expect(confirmed).toBe(200);
    }
    await until('it serves again', async () =>
      shown().then(
        ({ state, generation }) => (state === 'IN_USE' && generation === 2 ? true : null),
        () => null, // between the two nobody listens
      ),
    );
    await stop(third);
    // What the witness vouched for of the first generation is accounted for; of the second it does not know yet.
    const said = testIo();
    const { url } = witness.running;
    expect(await auditVerifyCommand({ data, witness: url, witnessKey: witness.publicKey, json: true }, said)).toBe(0);
    await witness.running.stop();
    witness.release();
  });
});
