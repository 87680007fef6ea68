import { describe, expect, it } from 'vitest';
import { ExecutionStory, REFUSED } from '../../../tests/support/execution-story.ts';
import { planAction, planOf, startOf } from '../../../tests/support/plans.ts';
import type { CallContext } from '../access/principal.ts';
import type { NewInput } from './core/inputs.ts';
import { createExecutionService, type ExecutionPorts } from './executions.service.ts';

const HOUR = 3_600_000;
const KILL = planAction('kill', { forEach: 'accounts', target: '{{user.id}}', ttlMs: HOUR });

/** A service over one told execution; the children keep their containments for whoever asks. */
function serviceOver(story: ExecutionStory) {
  const asked: string[] = [];
  const submit = async (id: string, input: NewInput) => {
    asked.push(id);
    if (id === story.state.id) return story.take(input).last;
    return { state: story.state, facts: [{ type: 'containment.extended', actionId: 'kill', until: 0 }] };
  };
  const load = async () => ({ plan: story.plan, state: story.state, seq: 1, trace: undefined });
  // What extending asks nothing of is not there.
  const ports = { journal: { readStream: async () => [] }, runner: { submit }, store: { load } };
  const service = createExecutionService(ports as unknown as ExecutionPorts);
  const ctx = { now: story.now, principal: { userId: 'usr_1', kind: 'person' } } as unknown as CallContext;
  const extend = () => service.extend(ctx, { id: 'exe_1', actionId: 'kill', reason: 'not done yet', forMinutes: 120 });
  return { asked, extend };
}

describe('keeping the containments of many accounts for longer', () => {
  const contained = (): ExecutionStory => {
    const plan = planOf([KILL, planAction('b', { onFailure: 'COMPENSATE' }), planAction('c')]);
    const story = new ExecutionStory(plan, startOf('exe_1', 'jrn_test', ['u1', 'u2']));
    story.take({ type: 'spawned', actionId: 'kill', children: 2 });
    for (const childId of Object.keys(story.action('kill').children))
      story.take({ type: 'child', actionId: 'kill', childId, status: 'COMPLETED', containedAt: story.now });
    return story.observe('c');
  };

  it('is asked of each of them', async () => {
    const story = contained();
    const { asked, extend } = serviceOver(story);
    await extend();
    expect(asked).toEqual(Object.keys(story.action('kill').children));
  });

  it('is refused with the reason once it is decided that all are undone, and none of them is asked', async () => {
    const story = contained().answer('observed', { error: REFUSED }, 'b');
    const { asked, extend } = serviceOver(story);
    await expect(extend()).rejects.toMatchObject({
      code: 'conflict',
      message: 'Nothing was done: it is going to be undone',
    });
    expect(asked).toEqual(['exe_1']);
    story.succeed('c');
    await expect(extend()).rejects.toMatchObject({ message: 'Nothing was done: it is being undone' });
  });
});
