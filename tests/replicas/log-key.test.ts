import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditKeyCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { sharedCluster } from '../support/postgres.ts';
import { startReplicas, type Replicas } from '../support/replicas.ts';
import { testIo } from '../support/server.ts';

/** Processes that share a journal sign its log with one key. */

const shared = sharedCluster();
afterAll(() => shared.remove());

describe.skipIf(shared.skip !== null)('the key of the log', () => {
  let house: Replicas;
  let folder: string;
  beforeAll(async () => {
    house = await startReplicas(shared);
    folder = mkdtempSync(join(tmpdir(), 'firebreak-key-'));
  });
  afterAll(async () => {
    await house?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const SENTENCE =
    'The log is signed with another key than the one that this process has; give it the same (LOG_KEY_FILE)';

  it('is one for all: who comes with another one is refused, also right after the first start', async () => {
    await house.inProcess();
    // Whatever has not been signed by then, the first process has said whose log it is.
    await expect(house.inProcess({ env: { LOG_KEY_FILE: join(folder, 'other.pem') } })).rejects.toThrow(SENTENCE);
    await expect(house.inProcess({ env: { LOG_KEY_FILE: '' } })).rejects.toThrow(SENTENCE);
    await house.inProcess();
  });

  it('belongs to one of them when both come first at the same moment', async () => {
    const fresh = await startReplicas(shared);
    try {
      const keys = ['a', 'b', 'c'].map((name) => join(folder, `${name}.pem`));
      const tries = await Promise.allSettled(keys.map((key) => fresh.inProcess({ env: { LOG_KEY_FILE: key } })));
      const refused = tries.filter(({ status }) => status === 'rejected');
      expect(refused).toHaveLength(2);
      for (const each of refused)
        expect(each).toMatchObject({ reason: { message: expect.stringContaining('another key') } });
    } finally {
      await fresh.remove();
    }
  });

  it('is where LOG_KEY_FILE says, for the commands too', async () => {
    const io = testIo(house.environment);
    expect(await auditKeyCommand({ data: folder }, io)).toBe(0);
    expect(io.said()).toMatch(/^\S+\+[0-9a-f]{8}\+/);
    expect(await auditVerifyCommand({ data: folder, json: false }, testIo(house.environment))).toBe(0);
    const { LOG_KEY_FILE: _, ...without } = house.environment as Record<string, string>; // a plain object
    await expect(auditKeyCommand({ data: folder }, testIo(without))).rejects.toThrow('ENOENT');
  });
});
