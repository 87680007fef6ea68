import { describe, expect, it } from 'vitest';
import { ConnectorError } from '../../pipeline/actions/contract.ts';
import { actionRegistry } from '../../pipeline/actions/registry.ts';
import { NOTIFICATION_TYPES } from '../../pipeline/playbooks/compile.ts';
import { memoryEvidence, memoryPeople, memoryRegulatory, memoryTasks } from '../../../tests/support/desks.ts';
import { contextOf } from '../../../tests/support/sandbox-testbed.ts';
import { organisationHandlers } from './actions.ts';

const NOBODY = { type: 'none', id: '' } as const;

function open() {
  const rooms = {
    people: memoryPeople(),
    evidence: memoryEvidence(),
    regulatory: memoryRegulatory(),
    tasks: memoryTasks(),
  };
  const handlers = organisationHandlers(rooms);
  const handler = (type: string) => {
    const found = handlers.find(({ declaration }) => declaration.type === type);
    if (found === undefined) throw new Error(`no handler for ${type}`);
    return found;
  };
  return { ...rooms, handlers, handler };
}

const TYPES = open().handlers.map(({ declaration }) => declaration.type);

describe.each(TYPES)('%s', (type) => {
  it('is absent, asked once for a key however often, and read back', async () => {
    const { handler, people, regulatory, evidence, tasks } = open();
    const { perform, verify } = handler(type);
    const context = contextOf('k1');
    expect(await verify?.(NOBODY, {}, null, null, context)).toMatchObject({ says: 'absent' });
    const first = await perform(NOBODY, {}, null, context);
    expect(first).toMatchObject({ changed: true });
    expect(await perform(NOBODY, {}, null, context)).toEqual(first);
    const asked = people.told.size + regulatory.started.size + evidence.holds.size + tasks.opened.size;
    expect(asked).toBe(type === 'PR_PREP' ? 2 : 1);
    const read = await verify?.(NOBODY, {}, null, null, context);
    expect(read).toMatchObject({ says: 'holds' });
    expect(read?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await verify?.(NOBODY, {}, null, null, contextOf('k2'))).toMatchObject({ says: 'absent' });
  });

  it('refuses a target, unknown parameters and a call that may not go out any more, and asks nobody then', async () => {
    const { handler, people, regulatory, evidence, tasks } = open();
    const { perform } = handler(type);
    const wrong = [
      perform({ type: 'user', id: 'anna' }, {}, null, contextOf()),
      perform(NOBODY, { surprise: 1 }, null, contextOf()),
      perform(NOBODY, {}, null, { ...contextOf(), maySend: () => false }),
    ];
    const codes = await Promise.all(
      wrong.map((call) => call.catch((thrown: unknown) => (thrown instanceof ConnectorError ? thrown.code : thrown))),
    );
    expect(codes).toEqual(['invalid_target', 'invalid_parameters', 'taken_back']);
    expect([people.told, regulatory.started, evidence.holds, tasks.opened].map(({ size }) => size)).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it('needs no approval of its own, and cannot be taken back', () => {
    const { declaration } = open().handler(type);
    expect(declaration).toMatchObject({ reversibility: 'irreversible', contains: false, connector: 'organisation' });
    expect(NOTIFICATION_TYPES.has(declaration.type)).toBe(true);
  });

  it('says what its desk said, and that asking again is safe', async () => {
    const { people, evidence, regulatory, tasks } = open();
    const fail = () => Promise.reject(new Error('the journal is away'));
    const handlers = organisationHandlers({
      people: { ...people, tell: fail },
      evidence: { ...evidence, holdAll: fail },
      regulatory: { ...regulatory, start: fail },
      tasks: { ...tasks, open: fail },
    });
    const handler = handlers.find(({ declaration }) => declaration.type === type);
    const error: unknown = await handler?.perform(NOBODY, {}, null, contextOf()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'desk_failed', message: 'the journal is away', retryable: true });
  });
});

describe('what they ask', () => {
  it('tells the roles of the action over the channels of the step, in either case', async () => {
    const { handler, people } = open();
    const parameters = { channels: ['slack', 'PAGERDUTY', 'slack'], message: 'Host\u0007 isolated\nSee the incident.' };
    await handler('NOTIFY_CISO_AND_LEGAL').perform(NOBODY, parameters, null, contextOf('k1'));
    expect(people.told.get('k1')).toEqual({
      key: 'k1',
      origin: { executionId: 'exe_test', actionId: 'action' },
      roles: ['CISO', 'LEGAL'],
      channels: ['SLACK', 'PAGERDUTY'],
      text: 'Host  isolated\nSee the incident.',
    });
  });

  it('starts the clocks of the regimes with the limit of the step, also as a template gives it', async () => {
    const { handler, regulatory } = open();
    const { perform } = handler('NOTIFY_REGULATORY_CONTACT');
    const channels = ['encrypted_email', 'secure_portal'];
    await perform(NOBODY, { channels, deadlineHours: '72', regimes: ['GDPR', 'SEC'] }, null, contextOf('k1'));
    expect(regulatory.started.get('k1')).toMatchObject({
      regimes: ['GDPR', 'SEC'],
      deadlineHours: 72,
      channels: ['ENCRYPTED_EMAIL', 'SECURE_PORTAL'],
    });
    for (const deadlineHours of [0, -1, 1.5, '72h', 365 * 24 + 1]) {
      await expect(perform(NOBODY, { deadlineHours }, null, contextOf())).rejects.toMatchObject({
        code: 'invalid_parameters',
      });
    }
  });

  it('refuses a channel that there is not', async () => {
    const pigeon = open()
      .handler('NOTIFY_SOC')
      .perform(NOBODY, { channels: ['pigeon'] }, null, contextOf());
    await expect(pigeon).rejects.toMatchObject({ code: 'invalid_parameters' });
  });

  it('opens a task with a draft before it says where that is', async () => {
    const { handler, people, tasks } = open();
    await handler('PR_PREP').perform(NOBODY, {}, null, contextOf('k1'));
    expect(tasks.opened.get('k1')?.draft).toContain('Holding statement');
    expect(people.told.get('k1')?.text).toContain('tsk_1');
  });
});

describe('the registry', () => {
  it('takes them all, and offers only what has a desk', () => {
    const { handlers, people } = open();
    expect(actionRegistry(handlers).declarations()).toHaveLength(6);
    expect(organisationHandlers({ people }).map(({ declaration }) => declaration.type)).toEqual([
      'NOTIFY_CISO_AND_LEGAL',
      'NOTIFY_SOC',
      'NOTIFY_IR_LEAD',
    ]);
  });
});
