import fc from 'fast-check';
import type { ActionDeclaration } from '../../src/pipeline/actions/contract.ts';
import type { Plan, PlanAction } from '../../src/pipeline/playbooks/plan.ts';
import { declaration, gate, planAction, planOf } from './plans.ts';

/** Random plans for the model of the state machine: small, so that a counterexample can be read. */

/** What stays or can be undone can be read back, as the registry demands. */
const declarations: fc.Arbitrary<Partial<ActionDeclaration>> = fc
  .record({
    idempotency: fc.constantFrom('native-key', 'state', 'merge', 'none'),
    reversibility: fc.constantFrom('undo', 'undo', 'selfRecoverable', 'irreversible'),
    readBack: fc.boolean(),
    settleMs: fc.constantFrom(0, 0, 2_000),
    waits: fc.constantFrom(false, false, true),
    holds: fc.constantFrom('account.suspended', null),
  })
  .map((drawn) => ({ ...drawn, readBack: drawn.readBack || drawn.holds !== null || drawn.reversibility === 'undo' }));

const condition = fc.constantFrom(
  null,
  null,
  null,
  'incident.confidence >= 95',
  'incident.confidence >= 1',
  'context.missing == "x"',
  "results.a0.status == 'SUCCESS'",
);

const gates = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc
      .record({
        requiredApprovers: fc.integer({ min: 1, max: 2 }),
        fallbackBehavior: fc.constantFrom('DENY_ACTION', 'ESCALATE_TO_HUMAN', 'ALLOW_ACTION'),
      })
      .map((change) => [gate({ ...change, requirements: [{ roles: ['SECURITY_ADMIN'], k: 1, human: true }] })]),
  },
);

const question = fc.constantFrom(null, null, null, {
  text: 'Was this legitimate?',
  requirements: [{ roles: ['SECURITY_ADMIN' as const], k: 1, human: true }],
  requiredApprovers: 1,
  timeoutMs: 900_000,
});

const actions = fc.record({
  declaration: declarations.map((change) => declaration(change)),
  target: fc.constantFrom('{{incident.subject.id}}', 'bob@example.test', '{{event.host_id}}'),
  condition,
  gates,
  question,
  forEach: fc.constantFrom(null, null, null, 'accounts' as const),
  onFailure: fc.constantFrom('CONTINUE', 'HALT', 'COMPENSATE'),
  onDenied: fc.constantFrom('CONTINUE', 'HALT'),
  ttlMs: fc.constantFrom(null, null, 60_000),
  retry: fc.record({
    maxRetries: fc.integer({ min: 0, max: 2 }),
    backoffMs: fc.constantFrom(0, 1_000),
    backoffMultiplier: fc.constantFrom(1, 2),
  }),
}) satisfies fc.Arbitrary<Partial<PlanAction>>;

/** Up to three stages of up to three actions, named `a0`, `a1` ... in their order. */
export const plans: fc.Arbitrary<Plan> = fc
  .tuple(
    fc.array(fc.array(actions, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
    fc.constantFrom(null, null, { ACCOUNT_SUSPEND: 1 }),
  )
  .map(([stages, perHour]) => {
    let count = 0;
    const named = stages.map((stage) =>
      stage.map((change) => {
        const action = planAction(`a${count}`, change);
        count += 1;
        return action;
      }),
    );
    return { ...planOf(...named), ...(perHour === null ? {} : { perHour }) };
  });
