import { declaration, gate, planAction, planOf } from './plans.ts';

/** A plan that passes nearly every branch of the engine: fan-out, gates, a question, a ttl, compensation. */

const question = {
  text: 'Was this legitimate?',
  requirements: [{ roles: ['SECURITY_ADMIN' as const], k: 1, human: true }],
  requiredApprovers: 1,
  timeoutMs: 60_000,
};
export const richPlan = planOf(
  ['a', 'b', 'c', 'd'].map((name) => planAction(name, { target: `${name}1` })),
  [planAction('kill', { forEach: 'accounts', target: '{{user.id}}' }), planAction('e', { target: 'e1', ttlMs: 9_000 })],
  [planAction('f', { target: 'f1', gates: [gate({ timeoutMs: 5_000, fallbackBehavior: 'ALLOW_ACTION' })] })],
  [
    planAction('ask', { target: 'g1', declaration: declaration({ holds: null }), question }),
    planAction('g', { target: 'h1', onFailure: 'COMPENSATE' }),
  ],
);
export const richAccounts = ['x@a', 'y@a', 'z@a'];
