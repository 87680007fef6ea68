import type { ActionState } from './state.ts';

/** An action that nothing has happened to yet. */
export function idleAction(actionId: string): ActionState {
  return {
    actionId,
    phase: 'idle',
    status: null,
    reason: null,
    generation: 1,
    attempt: 0,
    attemptAt: 0,
    key: null,
    target: null,
    accounts: [],
    parameters: null,
    prior: null,
    heldAs: null,
    sent: false,
    reply: null,
    performedAt: null,
    landsUntil: null,
    verifyingSince: 0,
    verification: null,
    error: null,
    resumeAt: null,
    waitUntil: null,
    checks: 0,
    interruptions: 0,
    pauses: 0,
    rereads: 0,
    outcome: null,
    approvalId: null,
    settledAt: null,
    undoAttempt: 0,
    children: {},
    containedAt: null,
  };
}
