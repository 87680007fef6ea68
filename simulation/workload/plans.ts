import type { ActionDeclaration } from '../../src/pipeline/actions/contract.ts';
import type { Plan, PlanAction, PlanGate, Requirement, StandIn } from '../../src/pipeline/playbooks/plan.ts';
import { ACTION_TYPES, type Role } from '../../src/pipeline/vocabulary.ts';
import type { Random } from '../world/random.ts';
import { START } from '../world/start.ts';
import { randomExemptions } from './exemptions.ts';
import { EMPTY_SCHEDULE, SCHEDULE } from './seats.ts';

/** Random plans: small, because what matters is how many of them there are and what happens around them. */

/** Accounts that executions share, so that they meet at one target. */
export const SHARED_ACCOUNTS = ['anna@example.test', 'bob@example.test', 'carol@example.test'];

const ROLES: readonly Role[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'];

/**
 * What outside systems offer: one action type for each combination that the engine treats differently. An action's
 * class belongs to its type, as with real connectors.
 */
export function offeredActions(random: Random): readonly ActionDeclaration[] {
  const classes = ['native-key', 'state', 'merge', 'none'] as const;
  return classes.flatMap((idempotency, index) =>
    [0, 1, 2].map((variant): ActionDeclaration => {
      const type = ACTION_TYPES[index * 3 + variant] ?? 'CUSTOM_WEBHOOK';
      // What is kept at a target can be read and undone; the rest is a message of some kind.
      const holds = variant < 2 && idempotency !== 'none' ? `held.${variant}` : null;
      const readBack = holds !== null || random.chance(650);
      const waits = holds === null && random.chance(250);
      const drawn = holds !== null ? 'undo' : random.pick(['undo', 'selfRecoverable', 'irreversible'] as const);
      // What cannot be read back cannot be undone either: the registry refuses such a one.
      const reversibility = drawn === 'undo' && !readBack ? 'irreversible' : drawn;
      return {
        type,
        connector: 'outside',
        targetType: 'user',
        idempotency,
        reversibility,
        readBack,
        settleMs: readBack && random.chance(400) ? random.between(1, 3) * 500 : 0,
        waits,
        holds,
        contains: random.chance(600),
      };
    }),
  );
}

/** What some worlds draw beside: limits by the hour, services outside, quiet hours. */
export interface Extras {
  readonly limits: Random | null;
  readonly services: Random | null;
  readonly quiet: Random | null;
}
export const NO_EXTRAS: Extras = { limits: null, services: null, quiet: null };

/** A service that a gate asks: perhaps in the one place that it may have, perhaps in one that is marked for people all the same. */
function withService(random: Random, gate: PlanGate): PlanGate {
  if (!random.chance(600)) return gate;
  const service = random.pick(['soar', 'board']);
  const fallbackBehavior = random.pick(['DENY_ACTION', 'ESCALATE_TO_HUMAN', 'ALLOW_ACTION'] as const);
  const asking = { ...gate, external: { service, fallbackBehavior } };
  if (random.chance(300)) return asking;
  const human = gate.requiredApprovers > 1 || random.chance(200);
  return { ...asking, requirements: gate.requirements.map((place) => ({ ...place, human, services: [service] })) };
}

function randomGate(random: Random, declaration: ActionDeclaration): PlanGate {
  const gateName = `gate ${random.below(1_000)}`;
  const k = random.between(1, 3);
  const roles = random.chance(500) ? ROLES.slice(0, 1) : ROLES;
  const allow = declaration.reversibility !== 'irreversible' || random.chance(200);
  const timeoutMs = random.between(2, 30) * 1_000;
  const requirement = { roles, k: Math.min(k, random.between(1, 2)), human: true };
  const people = random.fork(gateName);
  const escalationPath = people.chance(400) ? randomSteps(people, timeoutMs) : [];
  return {
    source: 'playbook',
    version: 1,
    gateName,
    requirements: [withPeople(people, requirement, escalationPath)],
    requiredApprovers: k,
    timeoutMs,
    fallbackBehavior: random.pick(['DENY_ACTION', 'ESCALATE_TO_HUMAN', allow ? 'ALLOW_ACTION' : 'DENY_ACTION']),
    escalationPath,
    riskLevels: [],
    ...(people.chance(250) ? { automatic: { approve: someConditions(people), deny: someConditions(people) } } : {}),
    ...randomExemptions(random.fork(`exempt ${gateName}`), GATE_CONDITIONS, [...SHARED_ACCOUNTS, 'dave@example.test']),
  };
}

/** What conditions of gates may say; the oracle knows which of them are true. */
export const TRUE_CONDITION = 'incident.confidence >= 2';
const GATE_CONDITIONS = [TRUE_CONDITION, 'incident.confidence >= 96', 'context.absent == "x"'];

function someConditions(random: Random): readonly string[] {
  return random.chance(500) ? [] : [random.pick(GATE_CONDITIONS)];
}

const PEOPLE = ['usr_1', 'usr_2', 'usr_3', 'usr_4', 'usr_5', 'usr_6'];

/** Up to three, some of them after the end of the time to answer. */
function randomSteps(random: Random, timeoutMs: number): PlanGate['escalationPath'] {
  const delays = Array.from({ length: random.between(1, 3) }, () => random.between(0, timeoutMs + 2_000));
  const targets = ['AUDITOR', 'nobody', ...PEOPLE];
  return delays
    .sort((left, right) => left - right)
    .map((delayMs, index) => ({ level: index + 1, delayMs, escalateTo: random.pick(targets) }))
    .map((step, index) => ({ ...step, escalateTo: onCallOr(random.fork(`on call ${index}`), step.escalateTo) }));
}

function onCallOr(random: Random, escalateTo: string): string {
  return random.chance(250) ? random.pick([SCHEDULE, SCHEDULE, EMPTY_SCHEDULE]) : escalateTo;
}

/** Some places name who counts of a role, and who stands in. */
function withPeople(random: Random, place: Requirement, steps: PlanGate['escalationPath']): Requirement {
  const users = random.chance(300) ? { SECURITY_ADMIN: PEOPLE.filter(() => random.chance(600)) } : null;
  const standIns = steps.map(({ escalateTo, delayMs }): StandIn => {
    const [, schedule] = escalateTo.split('oncall:');
    if (schedule !== undefined) return { who: 'oncall', id: schedule, afterMs: delayMs };
    return { who: escalateTo === 'AUDITOR' ? 'role' : 'user', id: escalateTo, afterMs: delayMs };
  });
  const once = standIns.filter(({ id }, index) => standIns.findIndex((other) => other.id === id) === index);
  return { ...place, ...(users === null ? {} : { users }), ...(once.length === 0 ? {} : { standIns: once }) };
}

const CONDITIONS = ['incident.confidence >= 1', 'incident.confidence >= 95', 'context.missing == "x"'];

function randomAction(
  random: Random,
  actionId: string,
  executionId: string,
  offered: readonly ActionDeclaration[],
  { services }: Extras,
) {
  const declaration = random.pick(offered);
  const timeoutMs = random.pick([500, 1_000, 2_000, 2_000, 9_000]);
  const fansOut = random.chance(100);
  const shared = random.chance(550);
  const target = fansOut ? '{{user.id}}' : shared ? random.pick(SHARED_ACCOUNTS) : `${executionId}-${actionId}@own`;
  const action: PlanAction = {
    actionId,
    declaration,
    target,
    parameters: { tag: `${executionId}/${actionId}`, timeoutMs, settleMs: declaration.settleMs },
    condition: random.chance(150) ? random.pick(CONDITIONS) : null,
    forEach: fansOut ? 'accounts' : null,
    onFailure: random.pick(['CONTINUE', 'CONTINUE', 'HALT', 'COMPENSATE']),
    onDenied: random.pick(['CONTINUE', 'HALT']),
    retry: {
      maxRetries: random.between(0, 3),
      backoffMs: random.pick([0, 200, 1_000]),
      backoffMultiplier: random.pick([1, 2]),
    },
    timeoutMs,
    waitMs: random.between(2, 20) * 1_000,
    ttlMs: declaration.reversibility === 'undo' && random.chance(250) ? random.between(1, 20) * 1_000 : null,
    gates: random.chance(220)
      ? Array.from({ length: random.between(1, 2) }, () => {
          const gate = randomGate(random, declaration);
          return services === null ? gate : withService(services, gate);
        })
      : [],
    question: random.chance(80)
      ? {
          text: 'Was this legitimate?',
          requirements: [{ roles: ROLES.slice(0, 1), k: 1, human: true }],
          requiredApprovers: random.between(1, 2),
          timeoutMs: random.between(2, 20) * 1_000,
        }
      : null,
  };
  return action;
}

/** Some plans know identities that nothing contains without a person. */
function protectedOf(random: Random): Pick<Plan, 'protectedIdentities'> {
  const identities = [...SHARED_ACCOUNTS, 'dave@example.test'].filter(() => random.chance(400));
  return identities.length === 0 || random.chance(250) ? {} : { protectedIdentities: identities };
}

/** Up to three stages of up to three actions. */
export function randomPlan(
  random: Random,
  executionId: string,
  offered: readonly ActionDeclaration[],
  extras: Extras = NO_EXTRAS,
): Plan {
  const { limits, quiet } = extras;
  let count = 0;
  const stages = Array.from({ length: random.between(1, 3) }, (_, index) => ({
    stage: index + 1,
    actions: Array.from({ length: random.pick([1, 1, 2, 2, 3]) }, () => {
      count += 1;
      return randomAction(random, `a${count}`, executionId, offered, extras);
    }),
  }));
  return {
    planVersion: 1,
    playbookId: `playbook ${executionId}`,
    playbookVersion: 1,
    name: 'Simulated',
    playbookType: 'CUSTOM',
    ...protectedOf(random.fork(`protected ${executionId}`)),
    ...(limits === null ? {} : { perHour: limitsOf(limits, offered) }),
    ...(quiet === null ? {} : { quietHours: quietOf(quiet, offered) }),
    executionTimeoutMs: random.chance(200) ? random.between(2, 10) * 1_000 : 300_000,
    stages,
  };
}

/** Around the beginning of the world, every day, for a few minutes. */
function quietOf(random: Random, offered: readonly ActionDeclaration[]): NonNullable<Plan['quietHours']> {
  const minute = Math.floor(START / 60_000) % 1_440;
  const windows = Array.from({ length: random.between(1, 2) }, () => {
    const from = minute + random.between(-1, 2);
    return { days: [0, 1, 2, 3, 4, 5, 6], from, to: from + random.between(1, 3) };
  });
  const actionTypes = offered.filter(() => random.chance(700)).map(({ type }) => type);
  return { windows, offsets: [{ since: 0, minutes: 0 }], below: random.chance(800) ? 'CRITICAL' : 'HIGH', actionTypes };
}

/** Small ones, so that hours are full: a few of any type, or none at all. */
function limitsOf(random: Random, offered: readonly ActionDeclaration[]): NonNullable<Plan['perHour']> {
  const limited = offered.filter(() => random.chance(600));
  return Object.fromEntries(limited.map(({ type }) => [type, random.pick([0, 1, 2, 3, 8])]));
}
