import { describe, expect, it } from 'vitest';
import { MAX_SUBJECTS_PER_FANOUT } from '../../../platform/limits.ts';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import { effectsOf } from './demands.ts';
import { coveredAccounts, handledBy, isOutgrown } from './outgrown.ts';
import { statusOf } from './state.ts';

const kill = planAction('kill', { forEach: 'accounts', target: '{{user.id}}' });
const plan = planOf([kill]);
const by = { type: 'person', id: 'usr_1' } as const;

function fanOut(...accounts: string[]): ExecutionStory {
  return new ExecutionStory(plan, startOf('exe_1', 'jrn_test', accounts));
}

function spawned(...accounts: string[]): ExecutionStory {
  return fanOut(...accounts).take({ type: 'spawned', actionId: 'kill', children: accounts.length });
}

/** Ends the child of an account. */
function end(story: ExecutionStory, account: string, status: string): ExecutionStory {
  const [childId = ''] =
    Object.entries(story.action('kill').children).find(([, child]) => child.account === account) ?? [];
  return story.take({ type: 'child', actionId: 'kill', childId, status, containedAt: null });
}

describe('an action for each account', () => {
  it('has nobody to act on without accounts, and too many above its limit', () => {
    expect(fanOut().action('kill')).toMatchObject({ status: 'SKIPPED', reason: 'no_accounts' });
    const many = (count: number): ExecutionStory => fanOut(...Array.from({ length: count }, (_, index) => `u${index}`));
    expect(many(MAX_SUBJECTS_PER_FANOUT).action('kill').phase).toBe('spawning');
    expect(many(MAX_SUBJECTS_PER_FANOUT + 1).action('kill')).toMatchObject({
      status: 'FAILED',
      reason: 'too_many_accounts',
    });
  });

  it('is done when each child is, and failed with how many were not', () => {
    const done = end(end(spawned('a', 'b'), 'a', 'COMPLETED'), 'b', 'SKIPPED');
    expect(done.action('kill')).toMatchObject({ status: 'SUCCESS', reason: null });
    const failed = end(end(spawned('a', 'b'), 'a', 'PARTIALLY_COMPLETED'), 'b', 'COMPLETED');
    expect(failed.action('kill')).toMatchObject({ status: 'FAILED', reason: '1_of_2_children_failed' });
  });

  it('asks again when a child ends otherwise while it is being undone: a person had begun it anew', () => {
    const story = end(spawned('a'), 'a', 'COMPLETED').take({ type: 'compensate', by, reason: 'false alarm' });
    expect(story.action('kill').phase).toBe('undoing_children');
    expect(effectsOf(plan, story.state)).toEqual([
      { kind: 'compensate-children', name: 'undo:kill:1', actionId: 'kill' },
    ]);
    end(story, 'a', 'COMPLETED');
    expect(effectsOf(plan, story.state)).toEqual([
      { kind: 'compensate-children', name: 'undo:kill:2', actionId: 'kill' },
    ]);
    expect(statusOf(end(story, 'a', 'ROLLED_BACK').state)).toBe('ROLLED_BACK');
  });

  it('takes only the news of the children that are being started', () => {
    for (const children of [0, 1, 3]) {
      const story = fanOut('a', 'b').take({ type: 'spawned', actionId: 'kill', children });
      expect(story.last.facts).toEqual([{ type: 'input.ignored', why: 'not the children that are being started' }]);
    }
  });
});

describe('whom executions of a playbook have acted on', () => {
  it('is told in one order, each once, and only those that were asked about', () => {
    const first = end(end(spawned('c', 'b'), 'c', 'COMPLETED'), 'b', 'COMPLETED');
    const second = end(end(spawned('a', 'c', 'd'), 'a', 'COMPLETED'), 'c', 'COMPLETED');
    const executions = [first, second].map(({ state }) => ({ plan, state }));
    expect(handledBy(executions, ['c', 'b', 'a', 'd', 'x'])).toEqual({ kill: ['a', 'b', 'c'] });
    expect(handledBy(executions, ['b'])).toEqual({ kill: ['b'] });
    expect(handledBy(executions, ['d', 'x'])).toEqual({});
    expect(handledBy([], ['a'])).toEqual({});
  });

  it('are not acted on again', () => {
    const start = startOf('exe_2', 'jrn_test', ['a', 'b']);
    const followUp = (handled: Record<string, readonly string[]>): ExecutionStory =>
      new ExecutionStory(plan, { ...start, snapshot: { ...start.snapshot, handled } });
    const accounts = ({ state }: ExecutionStory): readonly string[] =>
      Object.values(state.actions['kill']?.children ?? {}).map(({ account }) => account);
    expect(accounts(followUp({ kill: ['a'] }))).toEqual(['b']);
    expect(accounts(followUp({ other: ['a'] }))).toEqual(['a', 'b']);
    expect(followUp({ kill: ['a', 'b'] }).action('kill')).toMatchObject({
      status: 'SKIPPED',
      reason: 'already_handled',
    });
    expect(coveredAccounts(plan, followUp({ kill: ['a'] }).state)).toEqual(['a', 'b']);
  });
});

describe('an execution that has outgrown its incident', () => {
  const graded = planOf([planAction('a', { condition: "incident.severity == 'CRITICAL'" })], [planAction('b')]);
  const incident = startOf('exe_1').snapshot.incident;
  const critical = { ...incident, severity: 'CRITICAL' } as const;
  const story = (): ExecutionStory => new ExecutionStory(graded);

  it('would do more now than it did', () => {
    const ended = story().succeed('b').state;
    expect(isOutgrown(graded, ended, critical)).toBe(true);
    expect(isOutgrown(graded, ended, incident)).toBe(false);
  });

  it('has come to its end, which nobody stopped or undid', () => {
    expect(isOutgrown(graded, story().state, critical)).toBe(false);
    const stopped = story().take({ type: 'cancel', by, reason: 'drill', compensate: false }).observe('b');
    expect([statusOf(stopped.state), isOutgrown(graded, stopped.state, critical)]).toEqual(['CANCELLED', false]);
    const undone = story().succeed('b').take({ type: 'compensate', by, reason: 'false alarm' });
    undone.answer('undone', { result: 'restored', digest: 'd' }, 'b');
    expect([statusOf(undone.state), isOutgrown(graded, undone.state, critical)]).toEqual(['ROLLED_BACK', false]);
  });

  it('did what it does already', () => {
    const done = new ExecutionStory(graded, { snapshot: { ...startOf('exe_1').snapshot, incident: critical } });
    done.succeed('a').succeed('b');
    expect(isOutgrown(graded, done.state, critical)).toBe(false);
  });

  it('did it also where what it was done for has been undone since', () => {
    const after = planAction('b', { condition: "results.a.status == 'SUCCESS' || incident.severity == 'CRITICAL'" });
    const timed = planOf([planAction('a', { ttlMs: 1_000 })], [after]);
    const done = new ExecutionStory(timed).succeed('a').succeed('b').timer('ttl:a');
    done.answer('undone', { result: 'restored', digest: 'd' }, 'a');
    expect([done.action('a').status, done.action('b').status]).toEqual(['COMPENSATED', 'SUCCESS']);
    expect(isOutgrown(timed, done.state, critical)).toBe(false);
  });

  it('counts what cannot be decided now: a person would be asked', () => {
    const details = planOf([
      planAction('a', { condition: '!has(incident.details.x) ? false : incident.details.x > 5' }),
    ]);
    const ended = new ExecutionStory(details).state;
    expect(isOutgrown(details, ended, { ...incident, details: { x: 'text' } })).toBe(true);
    expect(isOutgrown(details, ended, { ...incident, details: { x: 2 } })).toBe(false);
  });
});
