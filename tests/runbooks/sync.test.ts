import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { syncCommand, type SyncOptions } from '../../src/cli/sync.ts';
import { sha256Hex } from '../../src/platform/hash.ts';
import { GIT_ENVIRONMENT, gitRepository, type GitRepository } from '../support/git-repository.ts';
import { BASE } from '../support/playbooks.ts';
import { runbookSet } from '../support/runbook-set.ts';
import { startHarness, testIo, verified, type Harness, type Person } from '../support/server.ts';

/** Runbooks of a real repository, sent to a real server by the command. */

const YAML = { 'content-type': 'application/yaml' };
const tells = (whom: string, severity = 'low'): string =>
  `playbooks:\n  ${severity}:\n    name: Tell ${whom}\n    steps:\n      - action: notify_soc\n        requires_approval: false\n`;

let house: Harness;
let robot: Person;
let repository: GitRepository;
beforeAll(async () => {
  house = await startHarness();
  robot = await house.service('IR_LEAD');
});
afterAll(() => house.stop());
beforeEach(() => {
  repository = gitRepository();
});
afterEach(async () => {
  repository.remove();
  // The next test begins with a history of its own, and without the runbooks of this one.
  for (const { id } of await runbooks()) await house.admin.api('DELETE', `/api/runbooks/${id}`);
});

interface Ran {
  readonly code: number | null;
  readonly said: string;
  readonly warned: string;
  readonly faults: readonly string[];
}

/** The command with the robot's key; what it refuses is told as the program would. */
async function sync(more: Partial<SyncOptions> = {}, from = repository.folder, key = robot.key): Promise<Ran> {
  let warned = '';
  const stderr = { write: (text: string) => (warned += text) };
  const io = { ...testIo({ ...GIT_ENVIRONMENT, FIREBREAK_API_KEY: key }), stderr };
  const options = {
    url: house.url,
    json: false,
    ref: 'HEAD',
    folder: '',
    allowOlder: false,
    check: false,
    pull: false,
    ...more,
  };
  try {
    return { code: await syncCommand(from, options, io), said: io.said(), warned, faults: [] };
  } catch (thrown) {
    const { message, faults = [] } = thrown as { message: string; faults?: readonly { detail: string }[] }; // FirebreakError
    return { code: null, said: message, warned, faults: faults.map(({ detail }) => detail) };
  }
}
const get = async (path: string) => (await house.admin.api('GET', path)).body.data;
const runbooks = () => get('/api/runbooks');
const records = (): number =>
  house
    .database()
    .prepare(`select r.seq from records r join streams s on s.no = r.stream where s.name = 'runbook-source/git'`)
    .all().length;

describe('firebreak sync', () => {
  it('makes the runbooks those of a commit, with commit, author and signature, in one record', async () => {
    repository.write('soc/tell.yaml', tells('the SOC'));
    repository.write(
      'soc/json.json',
      JSON.stringify({ playbooks: { high: { name: 'Tell', steps: [{ action: 'notify_soc' }] } } }),
    );
    repository.write('soc/README.md', '# no runbook');
    repository.write('soc/other.yaml', 'services: {}\n');
    const first = repository.commit();
    repository.write('elsewhere/other.yaml', tells('nobody'));
    const head = repository.commit();
    const before = records();
    // What the work tree holds besides is not in the commit.
    repository.write('soc/tell.yaml', tells('nobody at all'));
    const done = await sync({ folder: 'soc', origin: 'soc-runbooks' });
    expect([done.code, done.said]).toEqual([
      0,
      `added json, version 1 (soc/json.json)\nadded tell, version 1 (soc/tell.yaml)\n2 changed; the runbooks are those of ${head}\n`,
    ]);
    expect(await get('/api/runbooks/tell')).toMatchObject({
      source: tells('the SOC'),
      enabled: true,
      savedBy: robot.id,
      git: {
        origin: 'soc-runbooks',
        ref: 'HEAD',
        commitId: head,
        path: 'soc/tell.yaml',
        author: { name: 'Ada', email: 'ada@soc.example' },
        changedIn: { commitId: first },
        signature: { state: 'unsigned' },
      },
    });
    // Who wrote it does not approve its steps: she is known here by her address.
    expect(await get(`${BASE}/tell.low`)).toMatchObject({ runbook: { authorIds: [house.admin.id] } });
    expect(await get('/api/runbook-source')).toMatchObject({
      source: { commitId: head, previousCommit: null, history: 'first' },
      readBy: 'sender',
      changes: [{ id: 'json', what: 'added' }, { id: 'tell' }],
      changedHere: [],
    });
    expect(records()).toBe(before + 1);
    expect(await sync({ folder: 'soc' })).toMatchObject({ code: 0, said: expect.stringContaining('nothing changed') });
    expect(records()).toBe(before + 1);
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, intact: true });
    await house.restart();
  });

  it('changes, retires and says it; a runbook that people put stays', async () => {
    repository.write('a.yaml', tells('A'));
    repository.write('b.yaml', tells('B'));
    repository.commit();
    await sync({ allowOlder: true });
    await house.admin.api('PUT', '/api/runbooks/own', tells('me'), YAML);
    repository.write('a.yaml', tells('A, again', 'high'));
    repository.git('rm', '--quiet', 'b.yaml');
    const head = repository.commit();
    const check = await sync({ check: true });
    expect([check.code, check.said]).toEqual([
      2,
      'different: a (a.yaml): its text has changed\nonly here: b: it is not in Git, so it would be retired\n' +
        `only here: own: people put it here, so it would stay\ndiffers from ${head}\n`,
    ]);
    expect((await runbooks()).map(({ id }: { id: string }) => id).sort()).toEqual(['a', 'b', 'own']);
    const done = await sync();
    expect(done.said).toContain('changed a, version 2 (a.yaml)\nretired b, version 1\nkept own');
    expect((await runbooks()).map(({ id }: { id: string }) => id).sort()).toEqual(['a', 'own']);
    // What it mapped before is gone, and its playbooks with it.
    expect((await house.admin.api('GET', `${BASE}/a.low`)).status).toBe(404);
    expect((await house.admin.api('GET', `${BASE}/b.low`)).status).toBe(404);
    expect((await sync({ check: true })).code).toBe(0);
  });

  it('shows what was changed here, and takes it back', async () => {
    repository.write('changed.yaml', tells('A'));
    repository.commit();
    await sync({ allowOlder: true });
    await house.admin.api('PUT', '/api/runbooks/changed?enabled=false', tells('A'), YAML);
    expect((await get('/api/runbook-source')).changedHere).toEqual(['changed']);
    expect(await sync({ check: true })).toMatchObject({ code: 2, said: expect.stringContaining('switched off here') });
    await house.admin.api('PUT', '/api/runbooks/changed', tells('others'), YAML);
    expect(await sync({ check: true })).toMatchObject({ code: 2, said: expect.stringContaining('people put another') });
    await sync();
    expect(await get('/api/runbooks/changed')).toMatchObject({ source: tells('A'), version: 4, enabled: true });
    expect((await get('/api/runbook-source')).changedHere).toEqual([]);
  });

  it('refuses an invalid set as a whole, every fault with its file and line', async () => {
    repository.write('good.yaml', tells('A'));
    repository.write('bad.yaml', tells('B').replace('notify_soc', 'notify_sco'));
    repository.write(
      'worse.yaml',
      tells('C').replace('requires_approval', 'condition: "incident.confidense > 3"\n        requires_approval'),
    );
    repository.write('broken.yaml', 'playbooks:\n\tlow: {}\n');
    repository.commit();
    const { code, said, faults } = await sync({ allowOlder: true });
    expect([code, said]).toEqual([null, expect.stringContaining('nothing was changed')]);
    expect(faults).toEqual([
      expect.stringMatching(/^bad\.yaml:5:17: unknown-action: /),
      expect.stringMatching(/^broken\.yaml:2:1: tab: /),
      expect.stringMatching(/^worse\.yaml:6:20: condition: /),
    ]);
    expect(await runbooks()).toEqual([]);
  });

  it('refuses two files of one runbook, none at all, and a file that is no text', async () => {
    repository.write('one/a.yaml', tells('A'));
    repository.write('two/a.yaml', tells('B'));
    repository.commit();
    expect((await sync({ allowOlder: true })).faults).toEqual([
      expect.stringContaining('two/a.yaml:1: it is the runbook a, as one/a.yaml is'),
    ]);
    repository.write('three/x.md', 'nothing');
    repository.commit();
    expect((await sync({ folder: 'three' })).faults).toEqual([expect.stringContaining('would retire all of them')]);
    repository.write('four/a.yaml', new Uint8Array([0x70, 0xff, 0xfe]));
    repository.commit();
    expect((await sync({ folder: 'four' })).said).toContain('four/a.yaml is not UTF-8');
    expect((await sync({ folder: 'five' })).said).toContain('no folder five');
  });

  it('goes back only on purpose, and says when the history was rewritten', async () => {
    repository.write('a.yaml', tells('A'));
    const old = repository.commit();
    repository.write('a.yaml', tells('B'));
    const young = repository.commit();
    await sync({ allowOlder: true });
    const back = await sync({ ref: old });
    expect([back.code, back.said]).toEqual([null, `The commit ${old} is older than the one in force`]);
    expect(await get('/api/runbooks/a')).toMatchObject({ source: tells('B') });
    expect(await sync({ ref: old, allowOlder: true })).toMatchObject({
      code: 0,
      warned: expect.stringContaining('is older than'),
    });
    expect(await get('/api/runbook-source')).toMatchObject({
      allowOlder: true,
      source: { commitId: old, previousCommit: young, history: 'older' },
    });
    await sync();
    repository.git('reset', '--quiet', '--hard', old);
    repository.write('a.yaml', tells('C'));
    const other = repository.commit();
    expect(await sync()).toMatchObject({ code: 0, warned: expect.stringContaining('The history was rewritten') });
    expect((await get('/api/runbook-source')).source).toMatchObject({ commitId: other, history: 'rewritten' });
  });

  it('cannot tell what a clone without history follows, and says how to mend it', async () => {
    repository.write('a.yaml', tells('A'));
    repository.commit();
    await sync({ allowOlder: true });
    repository.write('a.yaml', tells('B'));
    repository.commit();
    repository.git('clone', '--quiet', '--depth', '1', `file://${repository.folder}`, 'shallow');
    const shallow = await sync({}, `${repository.folder}/shallow`);
    expect([shallow.code, shallow.faults]).toEqual([null, [expect.stringContaining('fetch-depth: 0')]]);
    expect((await sync({ allowOlder: true }, `${repository.folder}/shallow`)).code).toBe(0);
  });

  it('is for those who may, and only against the commit in force', async () => {
    const analyst = await house.person('SECURITY_ANALYST');
    const set = runbookSet('pushed');
    const path = '/api/runbook-source/sync';
    expect((await analyst.api('POST', path, { ...set, previousCommit: null, history: 'first' })).status).toBe(403);
    const present = (await get('/api/runbook-source')).source?.commitId ?? null;
    const stale = await house.admin.api('POST', path, { ...set, previousCommit: 'f'.repeat(40), history: 'ahead' });
    expect([stale.status, stale.body.errors?.[0]?.pointer]).toEqual([412, '/previousCommit']);
    // A sender that says "ahead" of the very commit in force, or "first" where there is one, is not believed.
    const claimed = { previousCommit: present, history: present === null ? 'ahead' : 'first' };
    expect((await house.admin.api('POST', path, { ...set, ...claimed })).status).toBe(412);
    const [file] = set.files;
    const other = { ...set, files: [{ ...file, text: tells('somebody else') }] };
    const forged = await house.admin.api('POST', path, {
      ...other,
      previousCommit: present,
      history: present === null ? 'first' : 'ahead',
    });
    expect([forged.status, forged.body.errors?.[0]?.detail]).toEqual([
      422,
      expect.stringContaining('is not that of the object'),
    ]);
  });

  it('has no repository of its own to pull here', async () => {
    expect((await sync({ pull: true })).faults).toEqual([expect.stringContaining('RUNBOOKS_GIT')]);
  });
});

describe('RUNBOOKS_READ_ONLY and a repository at the start', () => {
  it('takes the runbooks at each start, is the only way, and goes on with those in force when Git fails', async () => {
    const source = gitRepository();
    source.write('soc/a.yaml', tells('A'));
    const first = source.commit();
    const env = { RUNBOOKS_GIT: source.folder, RUNBOOKS_GIT_FOLDER: 'soc', RUNBOOKS_READ_ONLY: 'on' };
    const own = await startHarness({ env, withoutSandbox: true });
    try {
      const state = async () => (await own.admin.api('GET', '/api/runbook-source')).body.data;
      expect(await state()).toMatchObject({
        readOnly: true,
        readBy: 'server',
        by: 'system:git',
        source: { commitId: first },
      });
      for (const [method, path, body] of [
        ['PUT', '/api/runbooks/b', tells('B')],
        ['PUT', '/api/runbooks/a', tells('B')],
        ['DELETE', '/api/runbooks/a', undefined],
      ] as const) {
        const reply = await own.admin.api(method, path, body, body === undefined ? {} : YAML);
        expect([reply.status, reply.body.detail]).toEqual([409, expect.stringContaining('RUNBOOKS_READ_ONLY')]);
        expect(reply.body.errors?.[0]?.detail).toContain('firebreak sync');
      }
      source.write('soc/a.yaml', tells('the second'));
      const second = source.commit();
      await own.restart();
      expect((await state()).source).toMatchObject({ commitId: second, history: 'ahead' });
      source.write('soc/a.yaml', 'playbooks: []\n');
      source.commit();
      await own.restart();
      expect((await state()).source).toMatchObject({ commitId: second });
      const kept = (await own.admin.api('GET', '/api/runbooks/a')).body.data;
      expect(kept).toMatchObject({ sha256: sha256Hex(tells('the second')), enabled: true });
      const health = await own.anonymous('GET', '/health/incident-playbooks');
      expect([health.status, (health.body as { runbooks?: unknown }).runbooks]).toEqual([200, { outOfDate: true }]);
      // Nobody is believed where the server can look itself; it does so when it is asked to.
      const here = { url: own.url, folder: 'soc' };
      const sent = await sync({ ...here, ref: second }, source.folder, own.admin.key);
      expect([sent.code, sent.said, sent.faults]).toEqual([
        null,
        expect.stringContaining('from its own repository only'),
        [expect.stringContaining('--pull')],
      ]);
      source.write('soc/a.yaml', tells('the third'));
      const third = source.commit();
      const pull = { ...here, pull: true };
      expect((await sync({ ...pull, check: true }, 'nowhere', own.admin.key)).code).toBe(2);
      expect((await sync(pull, 'nowhere', own.admin.key)).said).toContain(`changed a, version 3 (soc/a.yaml)`);
      expect(await state()).toMatchObject({ readBy: 'server', by: own.admin.id, source: { commitId: third } });
      expect((await own.anonymous('GET', '/health/incident-playbooks')).body).not.toHaveProperty('runbooks');
    } finally {
      await own.stop();
      source.remove();
    }
  });
});
