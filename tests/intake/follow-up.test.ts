import { afterEach, describe, expect, it } from 'vitest';
import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import { StoreUnavailableError } from '../../src/journal/journal.ts';
import { incidentOf } from '../../src/pipeline/incidents/incident-change.ts';
import { createIntake, type Intake, type IntakePorts } from '../../src/pipeline/intake/intake.ts';
import type { ActivePlaybook } from '../../src/pipeline/playbooks/playbooks.service.ts';
import { FirebreakError } from '../../src/platform/errors.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { activePlaybook } from '../support/active-playbook.ts';
import { TEST_START, testEngine, type TestEngine } from '../support/engine.ts';
import { acceptedEvent } from '../support/intake.ts';
import { planAction, planOf } from '../support/plans.ts';

/** A campaign that goes on after its execution has ended: the accounts that join must be contained too. */

const FOUR = 'size(incident.accounts) >= 4';
const SUSPEND_ALL = {
  playbookId: 'playbook_suspend_all',
  name: 'Suspend all',
  playbookType: 'MULTI_ACCOUNT_CAMPAIGN',
  severity: 'CRITICAL',
  rules: [{ ruleId: 'r', ruleType: 'MULTI_ACCOUNT_CAMPAIGN', conditions: { minAccounts: 3 } }],
  actions: [{ actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND', stage: 1, forEach: 'accounts' }],
};

let engine: TestEngine;
afterEach(async () => {
  expect(engine.bugs).toEqual([]);
  await engine.close();
});

function active(change: object = {}): ActivePlaybook {
  return activePlaybook({ ...SUSPEND_ALL, ...change });
}

function failure(account: string, index: number): AcceptedEvent {
  const json = {
    id: `e${index}`,
    time: TEST_START - 60_000 + index * 1_000,
    kind: 'login',
    outcome: 'failure',
    subject: account,
    ip: '81.2.69.142',
  };
  return acceptedEvent(json, TEST_START);
}

function intakeOf(change: object = {}, more: Partial<IntakePorts> = {}): Intake {
  const playbook = active(change);
  const intake = createIntake({
    journal: engine.journal,
    committer: engine.committer,
    runner: engine.runner,
    store: engine.store,
    clock: engine.clock,
    machine: realMachine,
    closing: new AbortController().signal,
    playbooks: { active: async () => [playbook], load: async () => playbook },
    governance: { inForce: async () => ({ policies: [], protectedIdentities: [], perHour: {}, exemptions: [] }) },
    detectionContext: () => ({ egressLabel: () => null }),
    withPlace: (event) => event,
    onError: (thrown) => {
      throw thrown;
    },
    ...more,
  });
  engine.onEnd((incidentId, executionId) => intake.lookAgain(incidentId, executionId));
  return intake;
}

async function quiet(intake: Intake): Promise<void> {
  do {
    await engine.settle();
    await new Promise((resolve) => setImmediate(resolve));
  } while (intake.busy || !engine.runner.idle);
}

/** Approves what is asked, and answers for whom that was; null when nothing is asked. */
async function approve(): Promise<readonly string[] | null> {
  const query = { kind: 'approval', status: 'PENDING', limit: 2, skip: 0 } as const;
  const { items } = await engine.journal.listViews(query);
  const [approval] = items;
  if (approval === undefined) return null;
  expect(items).toHaveLength(1);
  const body = approval.body as unknown as { executionId: string; intentHash: string; accounts: readonly string[] }; // the view's own shape
  const voter = { kind: 'person', roles: ['SECURITY_ADMIN'], disabled: false, linkedAccounts: [] } as const;
  await engine.runner.submit(body.executionId, {
    type: 'vote',
    approvalId: approval.id,
    decision: 'APPROVE',
    intentHash: body.intentHash,
    comment: null,
    voter: { ...voter, userId: 'usr_1', issuedBy: 'usr_2' },
  });
  return body.accounts;
}

const suspended = () => engine.target.effects.map((effect) => effect.split(' ').at(-1)).sort();

describe('a campaign that goes on', () => {
  it('is contained by a follow-up execution for the new accounts only', async () => {
    engine = testEngine();
    engine.know(planOf([planAction('suspend')]));
    const intake = intakeOf();
    await intake.take(['a', 'b', 'c'].map(failure), undefined);
    await quiet(intake);
    expect(suspended()).toEqual(['a', 'b', 'c']);
    await intake.take([failure('d', 10), failure('a', 11)], undefined);
    await quiet(intake);
    expect(suspended()).toEqual(['a', 'b', 'c', 'd']);
    const { items } = await engine.journal.listViews({ kind: 'incident', limit: 10, skip: 0 });
    const [incident] = items.map((view) => incidentOf(view).incident);
    expect(items).toHaveLength(1);
    expect(incident?.accounts).toEqual(['a', 'b', 'c', 'd']);
    expect(incident?.executions).toHaveLength(2);
    expect(await engine.journal.queuedEffects()).toEqual([]);
  });

  it('asks people again for accounts that joined when they had been asked already', async () => {
    engine = testEngine();
    engine.know(planOf([planAction('suspend')]));
    const [action] = SUSPEND_ALL.actions;
    const intake = intakeOf({ actions: [{ ...action, requiresApproval: true }] });
    await intake.take(['a', 'b', 'c'].map(failure), undefined);
    await quiet(intake);
    await intake.take([failure('d', 10)], undefined);
    await quiet(intake);
    expect(await approve()).toEqual(['a', 'b', 'c']);
    await quiet(intake);
    expect(suspended()).toEqual(['a', 'b', 'c']);
    expect(await approve()).toEqual(['d']);
    await quiet(intake);
    expect(suspended()).toEqual(['a', 'b', 'c', 'd']);
    expect(await approve()).toBeNull();
  });

  it('that gets graver than what was done about it is answered again, once', async () => {
    engine = testEngine();
    engine.know(planOf([planAction('suspend')]));
    const actions = [
      { actionId: 'log', actionType: 'ENHANCED_LOGGING', stage: 1, target: '{{user.id}}', condition: FOUR },
    ];
    const intake = intakeOf({ actions });
    await intake.take(['a', 'b', 'c'].map(failure), undefined);
    await quiet(intake);
    expect(engine.target.effects).toHaveLength(0);
    await intake.take([failure('d', 10)], undefined);
    await quiet(intake);
    await intake.take([failure('e', 11)], undefined);
    await quiet(intake);
    expect(suspended()).toEqual(['a']);
    const { total } = await engine.journal.listViews({ kind: 'execution', limit: 10, skip: 0 });
    expect(total).toBe(2);
  });

  it('is acted on as it is, also where older news of it arrive after newer ones', async () => {
    engine = testEngine();
    engine.know(planOf([planAction('suspend')]));
    const [action] = SUSPEND_ALL.actions;
    const asked = { ...action, forEach: undefined, requiresApproval: true };
    const actions = [
      { ...asked, actionId: 'before', target: 'first' },
      { ...action, stage: 2 },
      { ...asked, actionId: 'after', stage: 3, target: 'last' },
    ];
    let heldUp: Promise<void> | null = null;
    let goOn = (): void => undefined;
    const store: IntakePorts['store'] = {
      ...engine.store,
      async load(id) {
        const held = heldUp;
        heldUp = null;
        await held;
        return engine.store.load(id);
      },
    };
    const intake = intakeOf({ actions }, { store });
    await intake.take(['a', 'b', 'c'].map(failure), undefined);
    await quiet(intake);
    heldUp = new Promise((resolve) => {
      goOn = resolve;
    });
    await intake.take([failure('d', 10)], undefined);
    await engine.settle();
    await intake.take([failure('e', 11)], undefined);
    await engine.settle();
    goOn();
    await quiet(intake);
    await approve();
    await quiet(intake);
    expect(suspended()).toEqual(['a', 'b', 'c', 'd', 'e', 'first']);
    expect(await engine.journal.queuedEffects()).toEqual([]);
  });

  /** As if the commit had happened and the process had ended right after it. */
  async function oweNews(): Promise<void> {
    const intake = intakeOf();
    await intake.take(['a', 'b', 'c'].map(failure), undefined);
    await quiet(intake);
    const { items } = await engine.journal.listViews({ kind: 'execution', limit: 10, skip: 0 });
    const [incidentView] = (await engine.journal.listViews({ kind: 'incident', limit: 1, skip: 0 })).items;
    const parent = items.find(({ body }) => Object(body).parentExecutionId === null);
    const effects = [{ execution: parent?.id ?? '', name: 'incident:1', body: { incidentId: incidentView?.id ?? '' } }];
    await engine.journal.commit([{ appends: [], effects }]);
  }

  it('brings news that a stopped process owed', async () => {
    engine = testEngine();
    engine.know(planOf([planAction('suspend')]));
    await oweNews();
    await intakeOf().bring(await engine.runner.takeOver());
    await engine.settle();
    expect(await engine.journal.queuedEffects()).toEqual([]);
    expect(suspended()).toEqual(['a', 'b', 'c']);
  });

  it('brings news once the store can be read again, although no commit has failed', async () => {
    engine = testEngine();
    engine.know(planOf([planAction('suspend')]));
    await oweNews();
    const owed = await engine.runner.takeOver();
    let refusals = 3;
    const journal: IntakePorts['journal'] = {
      ...engine.journal,
      view: async (kind, id) => {
        if (refusals === 0) return engine.journal.view(kind, id);
        refusals -= 1;
        throw new StoreUnavailableError('away for a while', false);
      },
    };
    const waits: number[] = [];
    const machine = { sleep: async (ms: number) => void waits.push(ms) };
    const intake = intakeOf({}, { journal, machine });
    // Asked for again while the first still waits: it is told once.
    await Promise.all([intake.bring(owed), intake.bring(owed)]);
    await engine.settle();
    expect([refusals, waits.length]).toEqual([0, 3]);
    expect(await engine.journal.queuedEffects()).toEqual([]);
  });
});

describe('more events than can wait', () => {
  it('are refused as overloaded, and the others are taken in', async () => {
    engine = testEngine();
    const intake = intakeOf();
    const full = Array.from({ length: 10_000 }, () => failure('a', 1));
    const taken = [1, 2, 3, 4, 5].map(() => intake.take(full, undefined));
    await expect(intake.take([failure('b', 2)], undefined)).rejects.toThrow(/Too many events wait/);
    const verdicts = (await Promise.all(taken)).flat();
    expect(verdicts.filter((verdict) => verdict === 'accepted')).toHaveLength(1);
    await quiet(intake);
  });
});

describe('a playbook that is deleted while its incident goes on', () => {
  const gone = (id: string) => Promise.reject(new FirebreakError('not_found', `There is no playbook ${id}`));
  /** Playbooks as the service has them; `deleted` decides whether it can still be loaded, as the rules of another one go on. */
  function deletable(change: object) {
    const playbook = active(change);
    const state = { deleted: false };
    const load = (id: string): Promise<ActivePlaybook> => (state.deleted ? gone(id) : Promise.resolve(playbook));
    return { state, playbooks: { active: async () => [playbook], load } };
  }
  const noFollowUps = async (): Promise<readonly string[]> => {
    const { items } = await engine.journal.listViews({ kind: 'incident', limit: 10, skip: 0 });
    const said = items.flatMap((view) => incidentOf(view).incident.timeline.map(({ what }) => what));
    return said.filter((what) => what.startsWith('no follow-up'));
  };
  const FOR_ONE = `no follow-up for 1 accounts: the playbook ${SUSPEND_ALL.playbookId} was deleted`;

  it('keeps no execution from reporting its end, and people see for how many nothing is done', async () => {
    engine = testEngine();
    engine.know(planOf([planAction('suspend')]));
    const [action] = SUSPEND_ALL.actions;
    const change = { actions: [{ ...action, requiresApproval: true }] };
    const { state, playbooks } = deletable(change);
    const intake = intakeOf(change, { playbooks });
    await intake.take(['a', 'b', 'c'].map(failure), undefined);
    await quiet(intake);
    await intake.take([failure('d', 10)], undefined);
    await quiet(intake);
    state.deleted = true;
    expect(await approve()).toEqual(['a', 'b', 'c']);
    await quiet(intake);
    expect(suspended()).toEqual(['a', 'b', 'c']);
    expect(await engine.journal.queuedEffects()).toEqual([]);
    expect(await noFollowUps()).toEqual([FOR_ONE]);
  });

  it('leaves no news owed for ever, and is said once however often it is looked at', async () => {
    engine = testEngine();
    engine.know(planOf([planAction('suspend')]));
    const { state, playbooks } = deletable({});
    const intake = intakeOf({}, { playbooks });
    await intake.take(['a', 'b', 'c'].map(failure), undefined);
    await quiet(intake);
    state.deleted = true;
    await intake.take([failure('d', 10)], undefined);
    await quiet(intake);
    expect(await engine.journal.queuedEffects()).toEqual([]);
    const { items } = await engine.journal.listViews({ kind: 'incident', limit: 1, skip: 0 });
    const [incident] = items.map((view) => incidentOf(view).incident);
    for (const { id } of incident?.executions ?? []) await intake.lookAgain(incident?.id ?? '', id);
    expect(await noFollowUps()).toEqual([FOR_ONE]);
  });
});
