import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRunbooksCommand, putRunbookCommand, showRunbookCommand } from '../../src/cli/runbooks.ts';
import { sha256Hex } from '../../src/platform/hash.ts';
import { BASE } from '../support/playbooks.ts';
import { type Harness, type Person, startHarness, testIo, verified } from '../support/server.ts';

const YAML = { 'content-type': 'application/yaml' };
const TELL = `# Who is told of what is low.
metadata:
  owner: soc
playbooks:
  low:
    name: Tell the SOC
    steps:
      - action: notify_soc
        requires_approval: false
`;

let house: Harness;
let analyst: Person;
beforeAll(async () => {
  house = await startHarness();
  analyst = await house.person('SECURITY_ANALYST');
});
afterAll(() => house.stop());

const put = (id: string, text: string | Uint8Array, headers: object = {}) =>
  house.admin.api('PUT', `/api/runbooks/${id}`, text, { ...YAML, ...headers });
const get = async (path: string) => (await house.admin.api('GET', path)).body.data;
/** Status, code and the first fault's place of a refusal. */
async function refused(id: string, text: string | Uint8Array): Promise<readonly unknown[]> {
  const { status, body } = await put(id, text);
  return [status, body.code, body.errors?.[0]?.pointer];
}

describe('a runbook', () => {
  it('is kept byte for byte in versions, and is run as the playbooks made of it', async () => {
    const first = await put('tell', TELL);
    expect([first.status, first.body.data.version, first.body.data.sha256]).toEqual([200, 1, sha256Hex(TELL)]);
    const changed = TELL.replace('low:', 'high:').replace('# Who', '# Whoever');
    expect((await put('tell', changed)).body.data.version).toBe(2);
    expect(await get('/api/runbooks/tell')).toMatchObject({ source: changed, owner: 'soc', version: 2 });
    expect(await get('/api/runbooks/tell?version=1')).toMatchObject({ source: TELL, version: 1 });
    expect((await house.admin.api('GET', '/api/runbooks/tell?version=3')).status).toBe(404);
    // What is mapped no more is hidden with the same commit.
    expect((await house.admin.api('GET', `${BASE}/tell.low`)).status).toBe(404);
    expect(await get(`${BASE}/tell.high`)).toMatchObject({
      playbookType: 'RUNBOOK',
      runbook: { id: 'tell', version: 2 },
    });
    expect((await get('/api/runbooks')).map(({ id, source }: { id: string; source?: string }) => [id, source])).toEqual(
      [['tell', undefined]],
    );
  });

  it('is JSON as well', async () => {
    const runbook = { playbooks: { low: { name: 'Tell', steps: [{ action: 'notify_soc' }] } } };
    const { status, body } = await house.admin.api('PUT', '/api/runbooks/json', runbook);
    expect([status, body.data.format, body.data.source]).toEqual([200, 'json', JSON.stringify(runbook)]);
  });

  it('guards its playbooks: they are changed by a new version of it only', async () => {
    await put('guarded', TELL);
    for (const [method, body] of [
      ['PUT', { severity: 'HIGH' }],
      ['DELETE', undefined],
    ] as const) {
      const reply = await house.admin.api(method, `${BASE}/guarded.low`, body);
      expect([reply.status, reply.body.detail]).toEqual([409, expect.stringContaining('runbook guarded')]);
    }
    const own = await get(`${BASE}/guarded.low`);
    expect(own.version).toBe(1);
  });

  it('does not take over a playbook of that name', async () => {
    await put('owner', TELL);
    const { runbook: _runbook, ...copy } = await get(`${BASE}/owner.low`);
    expect(
      (await house.admin.api('POST', BASE, { ...copy, playbookId: 'taken.low', _id: 'taken.low', id: 'taken.low' }))
        .status,
    ).toBe(201);
    const reply = await put('taken', TELL);
    expect([reply.status, reply.body.detail]).toEqual([409, expect.stringContaining('taken.low')]);
    expect((await house.admin.api('GET', '/api/runbooks/taken')).status).toBe(404);
  });

  it('can be kept without being run, and hidden; its versions count on', async () => {
    const off = await house.admin.api('PUT', '/api/runbooks/off?enabled=false', TELL, YAML);
    expect(off.body.data.enabled).toBe(false);
    expect(await get(`${BASE}/off.low`)).toMatchObject({ enabled: false });
    expect((await house.admin.api('DELETE', '/api/runbooks/off')).body.data).toMatchObject({ deleted: true });
    expect((await house.admin.api('GET', '/api/runbooks/off')).status).toBe(404);
    expect((await house.admin.api('GET', `${BASE}/off.low`)).status).toBe(404);
    expect((await house.admin.api('DELETE', '/api/runbooks/off')).status).toBe(404);
    expect((await put('off', TELL)).body.data.version).toBe(2);
  });

  it('is not overwritten by who has read another version', async () => {
    await put('etag', TELL);
    expect((await put('etag', TELL, { 'if-match': '"7"' })).status).toBe(412);
    expect((await put('etag', TELL, { 'if-match': '"1"' })).body.data.version).toBe(2);
    expect((await house.admin.api('DELETE', '/api/runbooks/etag', undefined, { 'if-match': '"1"' })).status).toBe(412);
  });

  it('warns of a channel that has no way out of here', async () => {
    const { body } = await put(
      'channels',
      TELL.replace('        requires', '        channels: [encrypted_email, in_app]\n        requires'),
    );
    expect(body.warnings).toEqual(
      expect.arrayContaining([expect.stringMatching(/steps\/0: Line 8: ENCRYPTED_EMAIL has no way out/u)]),
    );
    expect(JSON.stringify(body.warnings)).not.toContain('IN_APP');
  });

  it('is put by who may write playbooks, and read by everybody', async () => {
    expect((await analyst.api('PUT', '/api/runbooks/mine', TELL, YAML)).status).toBe(403);
    expect((await analyst.api('GET', '/api/runbooks/tell')).status).toBe(200);
  });
});

describe('a runbook that is refused', () => {
  it.each([
    ['is no YAML', 'playbooks: [', ''],
    ['is empty of meaning', 'metadata: {}', '/playbooks'],
    ['knows no such action', TELL.replace('notify_soc', 'launch_missiles'), '/playbooks/low/steps/0/action'],
    ['names another id', TELL.replace('owner: soc', 'id: other'), '/metadata/id'],
    [
      'has an unknown member',
      TELL.replace('requires_approval', 'needs_approval'),
      '/playbooks/low/steps/0/needs_approval',
    ],
    ['reaches for a prototype', TELL.replace('owner: soc', '__proto__: {owner: x}'), '/metadata/__proto__'],
    [
      'asks in a condition for what there is not',
      TELL.replace('requires_approval: false', 'condition: "incident.nothing > 1"'),
      '/playbooks/low/steps/0',
    ],
    [
      'climbs out of a path',
      TELL.replace(
        'requires_approval: false',
        'requires_approval: false\n      - action: isolate_host\n        target: h\n        preserve_artifacts: ["/tmp/../etc/shadow"]',
      ),
      '/playbooks/low/steps/1',
    ],
    [
      'needs a connector that is not there',
      TELL.replace('requires_approval: false', 'requires_approval: false\n        connector: nowhere'),
      '/playbooks/low/steps/0',
    ],
  ])('because it %s, with its place and line, saves nothing of it', async (_why, text, pointer) => {
    const { status, body } = await put('broken', text);
    expect([status, body.code, body.errors?.[0]?.pointer]).toEqual([422, 'invalid_runbook', pointer]);
    expect((await house.admin.api('GET', '/api/runbooks/broken')).status).toBe(404);
    expect((await house.admin.api('GET', `${BASE}/broken.low`)).status).toBe(404);
  });

  it('because of its bytes: a bomb, NUL, what is no UTF-8, nothing, too much', async () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[index]}`).join(',')}]`)
      .join('\n')}\n`;
    expect((await refused('hostile', bomb))[0]).toBe(422);
    expect((await refused('hostile', `${TELL}# \0`))[1]).toBe('invalid_runbook');
    expect((await refused('hostile', Uint8Array.from([0x61, 0xff, 0xfe]))).slice(0, 2)).toEqual([
      422,
      'invalid_runbook',
    ]);
    expect((await refused('hostile', ''))[0]).toBe(422);
    expect((await refused('hostile', `# ${'x'.repeat(1024 * 1024)}\n${TELL}`))[0]).toBe(413);
    expect((await refused('hostile:id', TELL)).slice(0, 2)).toEqual([422, 'invalid_runbook']);
    expect((await house.admin.api('PUT', '/api/runbooks/hostile', TELL, { 'content-type': 'text/plain' })).status).toBe(
      415,
    );
  });

  it('names the line of every fault', async () => {
    const text = TELL.replace('notify_soc', 'launch_missiles').replace('owner: soc', 'owner: 7');
    const { body } = await put('broken', text);
    expect(body.errors?.map(({ detail }) => /^Line (\d+): /u.exec(detail)?.[1]).sort()).toEqual(['3', '8']);
  });
});

describe('the command line', () => {
  it('puts, lists and shows what the server has', async () => {
    const file = new URL('../fixtures/runbooks/active-breach-containment.yaml', import.meta.url);
    const io = () => testIo({ FIREBREAK_API_KEY: house.admin.key });
    const options = { url: house.url, json: false };
    const tell = { ...io(), readInput: () => Promise.resolve(Buffer.from(TELL)) };
    expect(await putRunbookCommand('by-hand', 'tell.yaml', { ...options, disabled: true }, tell)).toBe(0);
    expect(tell.said()).toContain('by-hand  LOW, version 1, disabled, soc');
    const listed = io();
    expect(await listRunbooksCommand(options, listed)).toBe(0);
    expect(listed.said()).toContain('by-hand  LOW, version 1, disabled, soc');
    const shown = io();
    expect(await showRunbookCommand('by-hand', options, shown)).toBe(0);
    expect(shown.said()).toBe(TELL);
    const text = readFileSync(file, 'utf8').replace('revoke_active_sessions', 'launch_missiles');
    const seed = { ...io(), readInput: () => Promise.resolve(Buffer.from(text)) };
    const refusal = putRunbookCommand('seed', 'seed.yaml', { ...options, disabled: false }, seed);
    await expect(refusal).rejects.toMatchObject({ code: 'invalid_runbook' });
  });
});

describe('the record', () => {
  it('of every version verifies, and its rows are what it says', async () => {
    expect(await verified(house.dataDir)).toMatchObject({ code: 0 });
  });
});
