import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

/** `npm start` as a newcomer meets it: the request's own playbook is taken, because there is something to act in. */

const READY = z.looseObject({ url: z.string(), setupToken: z.string() });
const SETUP = z.looseObject({ data: z.looseObject({ key: z.looseObject({ secret: z.string() }) }) });
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-serve-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('serve --with-sandbox', () => {
  it('starts a company beside the server and ends it with the server', async () => {
    const args = ['dist/main.js', 'serve', '--with-sandbox', '--port', '0', '--data', folder];
    const env = { ...process.env, LOG_LEVEL: 'error' };
    const server = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = await once(createInterface(server.stdout), 'line');
      const { url, setupToken } = READY.parse(JSON.parse(String(line)));
      const json = { 'content-type': 'application/json' };
      const person = JSON.stringify({ token: setupToken, user: { name: 'Ada', email: 'ada@example.test' } });
      const setup = await fetch(`${url}/api/setup`, { method: 'POST', headers: json, body: person });
      const { data } = SETUP.parse(await setup.json());
      const playbook = {
        name: 'Test Playbook',
        playbookType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
        severity: 'HIGH',
        rules: [{ ruleId: 'r1', ruleType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL', conditions: {} }],
        actions: [{ actionId: 'a1', actionType: 'USER_NOTIFICATION', stage: 1, parameters: {} }],
      };
      const headers = { ...json, authorization: `Bearer ${data.key.secret}` };
      const saved = await fetch(`${url}/api/incident-playbooks`, {
        method: 'POST',
        headers,
        body: JSON.stringify(playbook),
      });
      expect(saved.status).toBe(201);
      server.kill('SIGTERM');
      const [code] = await once(server, 'close');
      expect(code).toBe(0);
    } finally {
      server.kill('SIGKILL');
    }
  });
});
