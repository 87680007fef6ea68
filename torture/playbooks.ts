/** Playbooks of many shapes, with short times: everything that can be under way is under way when a process is killed. */

const BASE = {
  retry: { maxRetries: 8, backoffMs: 50, backoffMultiplier: 2 },
  timeoutMs: 3_000,
};
const TELL = { ...BASE, actionType: 'USER_NOTIFICATION', parameters: { title: 'Look', message: 'at this' } };
const SUSPEND = { ...BASE, actionType: 'ACCOUNT_SUSPEND', requiresApproval: false };
/** Fails for certain, because nobody has this name; what was done before is undone. */
const FAIL = { ...TELL, target: 'nobody@torture.test', onFailure: 'COMPENSATE' };
const ONE_VOTE = { roles: ['SECURITY_ANALYST'], requiredApprovers: 1, timeoutMs: 600_000 };
const TWO_VOTES = { roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], requiredApprovers: 2, timeoutMs: 600_000 };
/** How long a hold lasts that ends by itself, in ms. */
const TTL_MS = 1_500;

/** Time limit of a webhook, in ms: short, so that one that was cut off is settled while its caller still stands still. */
const HOOK_TIMEOUT_MS = 1_000;

/** Names of the playbooks that load starts by hand. */
export const BY_HAND = ['contain', 'shared', 'asked', 'undone', 'wait', 'hooks', 'fan', 'lasting'] as const;
export type ByHand = (typeof BY_HAND)[number];

/** Names of the playbooks that events start. */
export const DETECTED = { travel: 'travel', factors: 'factors', campaign: 'campaign' } as const;

/** @param receiver where webhooks go. */
export function playbooks(receiver: string): readonly object[] {
  const hook = (step: string) => ({
    ...BASE,
    timeoutMs: HOOK_TIMEOUT_MS,
    actionType: 'CUSTOM_WEBHOOK',
    parameters: { url: `${receiver}/hook`, body: { order: '{{user.id}}', step } },
    requiresApproval: true,
    approval: ONE_VOTE,
  });
  const kill = { ...BASE, actionType: 'FULL_SESSION_KILL', requiresApproval: false };
  const byHand: Readonly<Record<ByHand, readonly object[]>> = {
    contain: [
      { ...kill, actionId: 'kill', stage: 1 },
      { ...TELL, actionId: 'tell', stage: 1 },
      { ...SUSPEND, actionId: 'suspend', stage: 2 },
      { ...BASE, actionId: 'log', actionType: 'ENHANCED_LOGGING', stage: 3 },
      { ...hook('hook'), actionId: 'hook', stage: 3 },
    ],
    shared: [
      { ...SUSPEND, actionId: 'suspend', stage: 1 },
      { ...BASE, actionId: 'lock', actionType: 'GEO_LOCK', requiresApproval: false, stage: 1 },
      { ...FAIL, actionId: 'fail', stage: 2 },
    ],
    asked: [
      { ...SUSPEND, actionId: 'suspend', stage: 1, requiresApproval: true, approval: TWO_VOTES },
      { ...hook('hook'), actionId: 'hook', stage: 2 },
    ],
    undone: [
      { ...SUSPEND, actionId: 'suspend', stage: 1 },
      { ...BASE, actionId: 'block', actionType: 'ACTION_BLOCK', requiresApproval: false, stage: 1 },
      { ...FAIL, actionId: 'fail', stage: 2 },
    ],
    wait: [
      { ...BASE, actionId: 'challenge', actionType: 'STEP_UP_CHALLENGE', stage: 1, waitMs: 1_000 },
      { ...TELL, actionId: 'tell', stage: 2 },
    ],
    hooks: [
      { ...hook('first'), actionId: 'first', stage: 1 },
      { ...hook('second'), actionId: 'second', stage: 1 },
      { ...hook('third'), actionId: 'third', stage: 2 },
    ],
    fan: [
      { ...kill, actionId: 'kill', stage: 1, forEach: 'accounts' },
      { ...TELL, actionId: 'tell', stage: 2, forEach: 'accounts' },
    ],
    lasting: [
      { ...SUSPEND, actionId: 'suspend', stage: 1, ttlMs: TTL_MS },
      { ...BASE, actionId: 'log', actionType: 'ENHANCED_LOGGING', stage: 1, ttlMs: TTL_MS },
    ],
  };
  const found: readonly (readonly [name: string, ruleType: string, actions: readonly object[]])[] = [
    [
      DETECTED.travel,
      'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
      [
        { ...kill, actionId: 'kill', stage: 1 },
        { ...TELL, actionId: 'tell', stage: 2 },
      ],
    ],
    [DETECTED.factors, 'REPEATED_2FA_BYPASS', [{ ...SUSPEND, actionId: 'suspend', stage: 1 }]],
    [DETECTED.campaign, 'MULTI_ACCOUNT_CAMPAIGN', [{ ...kill, actionId: 'kill', stage: 1, forEach: 'accounts' }]],
  ];
  const common = { severity: 'HIGH', executionTimeoutMs: 600_000 };
  return [
    ...BY_HAND.map((name) => ({
      ...common,
      playbookId: name,
      name,
      playbookType: 'CUSTOM',
      rules: [],
      actions: byHand[name],
    })),
    ...found.map(([name, ruleType, actions]) => ({
      ...common,
      playbookId: name,
      name,
      playbookType: ruleType,
      rules: [{ ruleId: name, ruleType, conditions: {} }],
      actions,
    })),
  ];
}
