import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditExportCommand, auditVerifyCommand } from '../../src/cli/audit.ts';
import { replayCommand } from '../../src/cli/replay.ts';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import { startHarness, testIo, type Harness } from '../support/server.ts';

/** Looks at a journal that is being written, each of them long enough for some commits to fall into it. */
const LOOKS = 15;

let house: Harness;
beforeAll(async () => {
  house = await startHarness();
  await house.admin.api('POST', BASE, byHand('notify', [NOTIFY]));
});
afterAll(() => house.stop());

describe('while the server writes', () => {
  it('audit verify, export and replay each see one moment of it', async () => {
    let writing = true;
    let last = '';
    const writer = async (): Promise<void> => {
      while (writing) {
        const body = { playbookId: 'notify', userId: 'anna' };
        const reply = await house.admin.api('POST', `${BASE}/executions/trigger`, body);
        expect([reply.status, reply.text]).toEqual([201, reply.text]);
        last = reply.body.data._id;
      }
    };
    const writers = [writer(), writer()];
    try {
      for (let look = 0; look < LOOKS; look += 1) {
        const io = testIo();
        const code = await auditVerifyCommand({ data: house.dataDir, json: true }, io);
        expect([code, JSON.parse(io.said())]).toMatchObject([0, { verdict: 'intact', problem: null }]);
      }
      const directory = `${house.dataDir}/export`;
      expect(await auditExportCommand({ directory, data: house.dataDir }, testIo())).toBe(0);
      expect(await auditVerifyCommand({ directory, json: true }, testIo())).toBe(0);
      expect(await replayCommand({ execution: last, data: house.dataDir, json: true }, testIo())).toBe(0);
    } finally {
      writing = false;
      await Promise.all(writers);
    }
  });
});
