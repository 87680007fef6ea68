import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import { startHarness, verified, type Harness } from '../support/server.ts';
import { entryOf } from '../support/ssh-bed.ts';
import { reaches, note, startWorld, whyNoHosts, type World } from '../support/ssh-world.ts';

const missing = whyNoHosts();
const SERVICE = 8_080;
const SOON = 3_000;
const CUT = 400;

describe.skipIf(missing !== null)(`a server with a real host${note(missing)}`, () => {
  let world: World;
  let house: Harness;
  beforeAll(async () => {
    world = await startWorld();
    await Promise.all([world.startSshd(), world.serve(SERVICE)]);
    const file = `${world.directory}/hosts.yaml`;
    writeFileSync(file, JSON.stringify({ hosts: [entryOf(world)] }));
    house = await startHarness({ env: { SSH_HOSTS_FILE: file, SSH_KEY: world.userKey } });
  });
  afterAll(async () => {
    await house?.stop();
    world?.close();
  });

  it('isolates what the event names, locks an account there, and takes all of it back', async () => {
    const { api } = house.admin;
    const playbook = byHand('contain', [
      { actionId: 'isolate', actionType: 'isolate_host', target: '{{event.host_id}}', timeoutMs: 60_000 },
      {
        actionId: 'lock',
        actionType: 'DISABLE_COMPROMISED_CREDENTIALS',
        connector: 'ssh',
        target: '{{event.user_account}}@{{event.host_id}}',
        stage: 2,
      },
      // Waits for a person, so that there is something to cancel.
      { ...NOTIFY, stage: 3, requiresApproval: true },
    ]);
    const saved = await api('POST', BASE, playbook);
    expect(saved.text).toContain('"success":true');
    expect(await reaches(world.there, SERVICE, SOON)).toBe(true);
    const triggerEvent = { host_id: 'web-1' };
    const started = await api('POST', `${BASE}/executions/trigger`, {
      playbookId: 'contain',
      userId: 'alice',
      triggerEvent,
    });
    const { executionId } = started.body.data;
    const contained = await house.settled(executionId);
    expect(contained).toMatchObject({ status: 'AWAITING_APPROVAL' });
    const statuses = (of: { stages: { actions: { status: string }[] }[] }): string[] =>
      of.stages.flatMap(({ actions }) => actions.map(({ status }) => status));
    expect(statuses(contained).slice(0, 2)).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await reaches(world.there, SERVICE, CUT)).toBe(false);
    await api('POST', `${BASE}/executions/${executionId}/cancel`, { compensate: true });
    const undone = await house.settled(executionId);
    expect(undone).toMatchObject({ status: 'ROLLED_BACK' });
    expect(statuses(undone).slice(0, 2)).toEqual(['COMPENSATED', 'COMPENSATED']);
    expect(await reaches(world.there, SERVICE, SOON)).toBe(true);
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, intact: true });
  });

  it('gives each execution the end that it asked for, whoever came first and whoever lets go first', async () => {
    const { api } = house.admin;
    const isolate = async (playbookId: string, more: object): Promise<string> => {
      const action = { actionId: 'isolate', actionType: 'ISOLATE_HOST', target: '{{event.host_id}}', ...more };
      expect((await api('POST', BASE, byHand(playbookId, [action]))).status).toBe(201);
      const body = { playbookId, userId: 'anna', triggerEvent: { host_id: 'web-1' } };
      const { executionId } = (await api('POST', `${BASE}/executions/trigger`, body)).body.data;
      // Nothing of it is shared: what ends sooner than it was asked for is no containment of this one.
      expect(await house.settled(executionId)).toMatchObject({ status: 'COMPLETED' });
      return executionId;
    };
    const cancel = async (executionId: string): Promise<void> => {
      await api('POST', `${BASE}/executions/${executionId}/cancel`, { compensate: true });
      expect(await house.settled(executionId)).toMatchObject({ status: 'ROLLED_BACK' });
    };
    const barrier = () => world.inside('nft', ['list', 'ruleset']);
    const minutes = await isolate('for-minutes', { parameters: { expirationMinutes: 30 } });
    expect(barrier()).toMatch(/timeout 30m/);
    // Firebreak itself ends it after an hour. People may keep it for a week; where nobody is left to end it, the kernel does.
    const hour = await isolate('for-an-hour', { ttlMs: 3_600_000 });
    expect(barrier()).toMatch(/timeout 8d/);
    const always = await isolate('until-undone', {});
    expect(barrier()).toContain('firebreak_isolation');
    expect(barrier()).not.toContain('timeout 8d');
    await cancel(hour);
    await cancel(always);
    // The first one still wants it.
    expect(barrier()).toContain('firebreak_isolation');
    expect(await reaches(world.there, SERVICE, CUT)).toBe(false);
    await cancel(minutes);
    expect(barrier()).not.toContain('firebreak');
    expect(await reaches(world.there, SERVICE, SOON)).toBe(true);
  });

  it('says it when a playbook names a connector that does not offer the action', async () => {
    const actions = [{ ...NOTIFY, connector: 'ssh' }];
    const refused = await house.admin.api('POST', BASE, byHand('nobody', actions));
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('The connector ssh does not offer USER_NOTIFICATION');
  });

  it('fails by name for a host that is not in the file', async () => {
    const isolate = { actionId: 'isolate', actionType: 'ISOLATE_HOST', target: '{{event.host_id}}' };
    await house.admin.api('POST', BASE, byHand('elsewhere', [isolate]));
    const body = { playbookId: 'elsewhere', userId: 'anna', triggerEvent: { host_id: 'nowhere' } };
    const started = await house.admin.api('POST', `${BASE}/executions/trigger`, body);
    expect(await house.settled(started.body.data.executionId)).toMatchObject({ status: 'FAILED' });
  });
});

describe('a hosts file that cannot be used', () => {
  it('stops the start with all of its faults', async () => {
    const env = { SSH_HOSTS_FILE: '/nonexistent/hosts.yaml' };
    await expect(startHarness({ env })).rejects.toThrow('SSH_HOSTS_FILE cannot be read');
  });
});
