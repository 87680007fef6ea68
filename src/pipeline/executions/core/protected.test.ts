import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import { childPlan } from './children.ts';
import { coveredAccounts } from './outgrown.ts';

const CFO = 'cfo@acme.example';
const OTHERS = ['ann@acme.example', 'ben@acme.example'];
const containing = declaration({ contains: true });

const guarded = (...actions: PlanAction[]): Plan => ({ ...planOf(actions), protectedIdentities: [CFO] });
const on = (target: string, more: Partial<PlanAction> = {}): PlanAction =>
  planAction('a', { declaration: containing, target, ...more });
const perAccount = (more: Partial<PlanAction> = {}): PlanAction => on('{{user.id}}', { forEach: 'accounts', ...more });
const withAccounts = (plan: Plan, accounts: readonly string[]): ExecutionStory => {
  const { snapshot } = startOf('exe_1');
  return new ExecutionStory(plan, { snapshot: { ...snapshot, accounts } });
};
const facts = (story: ExecutionStory): readonly string[] => story.last.facts.map(({ type }) => type);

describe('containment of a protected identity', () => {
  it('asks a person where nothing else asks, whatever way its name is written', () => {
    for (const target of [CFO, 'CFO@Acme.example']) {
      const story = new ExecutionStory(guarded(on(target)));
      expect(story.action().phase).toBe('awaiting_approval');
      expect(story.approval).toMatchObject({
        gates: [{ gateName: 'protected-identity', source: 'playbook' }],
        requirements: [{ roles: ['INCIDENT_COMMANDER', 'SECURITY_ADMIN'], k: 1 }],
      });
      expect(story.vote('APPROVE').action().phase).toBe('observing');
    }
  });

  it('does not ask for others, for what contains nobody, and where nobody is protected', () => {
    expect(new ExecutionStory(guarded(on(OTHERS[0] ?? ''))).action().phase).toBe('observing');
    const notice = declaration({ contains: false });
    expect(new ExecutionStory(guarded(on(CFO, { declaration: notice }))).action().phase).toBe('observing');
    expect(new ExecutionStory(planOf([on(CFO)])).action().phase).toBe('observing');
  });

  it('is not allowed by silence, though a policy allows others by it', () => {
    const silent = { gates: [gate({ fallbackBehavior: 'ALLOW_ACTION' })] };
    expect(new ExecutionStory(guarded(on('x@y', silent))).timer('approval:').action().phase).toBe('observing');
    const story = new ExecutionStory(guarded(on(CFO, silent))).timer('approval:');
    expect(story.action()).toMatchObject({ status: 'DENIED', reason: 'expired_escalate_to_human' });
  });

  it('asks for the whole list where one of many is protected, and the children do not ask again', () => {
    const plan = guarded(perAccount());
    const story = withAccounts(plan, [...OTHERS, CFO]);
    expect(facts(story)).not.toContain('children.started');
    story.vote('APPROVE');
    expect(facts(story)).toContain('children.started');
    const child = new ExecutionStory(childPlan(plan, perAccount(), true), {
      snapshot: { ...startOf('exe_1').snapshot, user: { id: CFO } },
    });
    expect(child.action().phase).toBe('observing');
  });
});

describe('a protected identity that joins a campaign later', () => {
  const joined = (): ExecutionStory => {
    const story = withAccounts(guarded(perAccount()), OTHERS);
    const { incident } = startOf('exe_1').snapshot;
    const accounts = [...OTHERS, CFO, 'cleo@acme.example'];
    return story.take({ type: 'incident', incident, accounts, revision: 2 });
  };

  it('is not acted on with the others', () => {
    const started = joined().last.facts.flatMap((fact) => (fact.type === 'children.started' ? fact.children : []));
    expect(started.map(({ account }) => account)).toEqual(['cleo@acme.example']);
  });

  it('is left to a follow-up, which asks', () => {
    const { plan, state } = joined();
    expect(coveredAccounts(plan, state)).toEqual([...OTHERS, 'cleo@acme.example']);
  });

  it('is covered where the action has not begun: it will ask for all of them', () => {
    const plan = { ...planOf([planAction('first', {})], [perAccount()]), protectedIdentities: [CFO] };
    const story = withAccounts(plan, [...OTHERS, CFO]);
    expect(coveredAccounts(plan, story.state)).toEqual([...OTHERS, CFO]);
  });

  it('is covered where the action was done for nobody', () => {
    const plan = guarded(perAccount({ condition: 'incident.confidence >= 101' }));
    const story = withAccounts(plan, [...OTHERS, CFO]);
    expect(story.action().reason).toBe('condition_false');
    expect(coveredAccounts(plan, story.state)).toEqual([...OTHERS, CFO]);
  });
});
