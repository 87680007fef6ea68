import type { Event } from '../events/event.ts';
import type { Severity } from '../vocabulary.ts';
import type { BaseObservation, Capacity, Detector, FindingDraft, KeyedObservation, Rule } from './detector.ts';
import { advance, enqueue, type Lagged } from './lagged.ts';
import {
  accountId,
  addressOf,
  anchorOf,
  baseObservation,
  boundedText,
  identityText,
  refOf,
  spanText,
  userKey,
  userOf,
} from './observation.ts';
import {
  EMPTY_PRIVILEGE_HISTORY,
  foldHistory,
  isLearning,
  isNewDevice,
  isUsual,
  type PrivilegeHistory,
  type PrivilegeObservation,
} from './privilege-history.ts';
import { isSelf, operationOf, type Operation } from './privilege-operations.ts';
import { confidenceOf, isOutsideChangeWindow, severityOf, type Circumstances } from './privilege-severity.ts';
import { integerCondition } from './rules.ts';
import { TECHNIQUES } from './techniques.ts';

/**
 * Unusual privilege action: a sensitive operation that this person does not usually do, or that nobody should do
 * quietly (granting to oneself, switching logs off), and any of them soon after the person's second factor was reset
 * or a new device appeared.
 */

/** Of one person and kind within five minutes: a script granting roles is still seen, and costs little. */
const MAX_PER_BUCKET = 24;

/** How long late events still meet the operation they belong to, in ms (own). */
const RETENTION_MS = 3_600_000;

/** Resets and new devices of one person that are remembered within `afterResetHours`. */
const MAX_TRIGGERS = 16;

interface Trigger extends BaseObservation {
  readonly what: 'factor' | 'device';
}

export interface PrivilegeBaseline {
  readonly known: Lagged<PrivilegeHistory, PrivilegeObservation>;
  readonly triggers: readonly Trigger[];
}

export const privilegeAction: Detector<PrivilegeObservation, PrivilegeBaseline> = {
  ruleType: 'UNUSUAL_PRIVILEGE_ACTION',
  version: 1,
  emptyBaseline: { known: { history: EMPTY_PRIVILEGE_HISTORY, waiting: [] }, triggers: [] },
  retentionMs: () => RETENTION_MS,
  capacity,
  observe,
  withoutWindow: ({ known }) => ({ known: { history: known.history, waiting: [] }, triggers: [] }),
  learn: (baseline, observations, rule) =>
    observations.reduce((at, observation) => step(at, observation, rule), baseline),
  find(key, observations, baseline, rule) {
    const drafts: FindingDraft[] = [];
    if (observations.every(({ operation }) => operation === null)) return drafts;
    let at = baseline;
    for (const observation of observations) {
      at = step(at, observation, rule);
      const draft = judge(key, at, observation, rule);
      if (draft !== null) drafts.push(draft);
    }
    return drafts;
  },
};

function capacity({ operation, factorChanged }: PrivilegeObservation): Capacity {
  const lane = operation ?? (factorChanged ? 'factor' : 'login');
  return { lane, laneLimit: MAX_PER_BUCKET, slot: '', slotLimit: MAX_PER_BUCKET };
}

/** What somebody did counts for the actor; what happened to an account (a factor, a sign-in) for its owner. */
function observe(event: Event): readonly KeyedObservation<PrivilegeObservation>[] {
  const operation = operationOf(event);
  const factorChanged = event.kind === 'mfa_change' && event.outcome === 'success';
  const signedIn = event.kind === 'login' && event.outcome === 'success';
  if (operation === null && !factorChanged && !signedIn) return NOTHING_SEEN;
  const base = baseObservation(event);
  if (base === null) return NOTHING_SEEN;
  const owner = userOf(event)?.id ?? null;
  const device = signedIn && event.device !== null && event.device.id !== '' ? identityText(event.device.id) : null;
  if (operation === null) {
    if (owner === null) return NOTHING_SEEN;
    const observation = observationOf(event, base, { operation, factorChanged, device, owner });
    return [{ key: userKey(owner), observation }];
  }
  const actor = event.actor === null || isSelf(event) || event.actor.id === '' ? owner : accountId(event.actor.id);
  const observations: KeyedObservation<PrivilegeObservation>[] = [];
  if (actor !== null) {
    const own = factorChanged && actor === owner;
    const observation = observationOf(event, base, { operation, factorChanged: own, device: null, owner });
    observations.push({ key: userKey(actor), observation });
  }
  if (owner !== null && (factorChanged || signedIn) && actor !== owner) {
    const observation = observationOf(event, base, { operation: null, factorChanged, device, owner });
    observations.push({ key: userKey(owner), observation });
  }
  return observations;
}

const NOTHING_SEEN: readonly never[] = [];

function observationOf(
  event: Event,
  { eventId, source, time, ingest }: BaseObservation,
  {
    operation,
    factorChanged,
    device,
    owner,
  }: Pick<PrivilegeObservation, 'operation' | 'factorChanged' | 'device'> & { readonly owner: string | null },
): PrivilegeObservation {
  const target = boundedText(event.target?.name ?? event.target?.id ?? '', 100);
  return {
    eventId,
    source,
    time,
    ingest,
    target: target === '' ? (owner ?? '') : target,
    // What the target itself calls it: an answer acts on this, people read the name.
    targetId: boundedText(event.target?.id ?? '', 200),
    ip: addressOf(event),
    operation,
    factorChanged,
    device,
  };
}

/** History up to just before the observation, and the triggers up to and with it. */
function step(baseline: PrivilegeBaseline, observation: PrivilegeObservation, rule: Rule): PrivilegeBaseline {
  const known = advance(baseline.known, observation.time, foldHistory);
  const since = observation.time - integerCondition(rule, 'afterResetHours') * 3_600_000;
  const triggers = baseline.triggers.filter((trigger) => trigger.time > since);
  const what = triggerOf(known.history, observation);
  const { eventId, source, time, ingest } = observation;
  return {
    known: enqueue(known, observation),
    triggers: what === null ? triggers : [...triggers, { eventId, source, time, ingest, what }].slice(-MAX_TRIGGERS),
  };
}

function triggerOf(known: PrivilegeHistory, observation: PrivilegeObservation): Trigger['what'] | null {
  if (observation.factorChanged) return 'factor';
  if (observation.device === null || observation.ingest) return null;
  return isNewDevice(known, observation.device) ? 'device' : null;
}

function judge(key: string, at: PrivilegeBaseline, observation: PrivilegeObservation, rule: Rule): FindingDraft | null {
  const { operation, time } = observation;
  if (operation === null) return null;
  const known = at.known.history;
  const learning = isLearning(known, time, integerCondition(rule, 'learningDays'));
  const usual = isUsual(known, operation, time, integerCondition(rule, 'usualCount'));
  // Removing one's own factor is no sign of a takeover that came before it.
  const triggers = at.triggers.filter(
    (trigger) => trigger.eventId !== observation.eventId || trigger.source !== observation.source,
  );
  const outside = isOutsideChangeWindow(operation, time, rule);
  const circumstances = { learning, usual, afterTrigger: triggers.length > 0, outside };
  const severity = severityOf(operation, circumstances);
  return severity === null ? null : draftOf({ key, observation, operation, severity, circumstances, triggers });
}

interface Judged {
  readonly key: string;
  readonly observation: PrivilegeObservation;
  readonly operation: Operation;
  readonly severity: Severity;
  readonly circumstances: Circumstances;
  readonly triggers: readonly Trigger[];
}

function draftOf({ key, observation, operation, severity, circumstances, triggers }: Judged): FindingDraft {
  const { learning, usual, outside } = circumstances;
  const person = key.slice('user:'.length);
  const latest = triggers.at(-1);
  const habit = learning
    ? 'which is not known well yet'
    : usual
      ? 'who does so regularly'
      : 'who does not usually do so';
  return {
    anchor: anchorOf(observation),
    type: 'UNUSUAL_PRIVILEGE_ACTION',
    subject: { type: 'user', id: person },
    accounts: [],
    severity,
    confidence: confidenceOf(operation, circumstances),
    techniques: TECHNIQUES_OF[operation],
    evidence: [...triggers.map(refOf), refOf(observation)],
    evidenceCount: triggers.length + 1,
    firstTime: triggers[0]?.time ?? observation.time,
    lastTime: observation.time,
    explanation:
      `${person}, ${habit}, ${DEED_TEXT[operation]}${observation.target === '' ? '' : ` (${observation.target})`}` +
      (latest === undefined ? '' : `, ${spanText(observation.time - latest.time)} after ${TRIGGER_TEXT[latest.what]}`) +
      (outside ? ', outside the change window' : '') +
      (observation.ip === null ? '.' : `, from ${observation.ip}.`),
    details: {
      operation,
      target: observation.target,
      targetId: observation.targetId,
      learning,
      usual,
      outsideChangeWindow: outside,
      afterFactorChange: triggers.some((trigger) => trigger.what === 'factor'),
      afterNewDevice: triggers.some((trigger) => trigger.what === 'device'),
      ...(observation.ip === null ? {} : { sourceIp: observation.ip }),
    },
  };
}

const TECHNIQUES_OF: Readonly<Record<Operation, readonly string[]>> = {
  grant: [TECHNIQUES.accountManipulation, TECHNIQUES.additionalCloudRoles],
  adminGrant: [TECHNIQUES.accountManipulation, TECHNIQUES.additionalCloudRoles],
  selfGrant: [TECHNIQUES.accountManipulation, TECHNIQUES.additionalCloudRoles],
  mfaRemoval: [TECHNIQUES.accountManipulation, TECHNIQUES.modifyMfa],
  tokenCreation: [TECHNIQUES.additionalCloudCredentials],
  loggingOff: [TECHNIQUES.disableCloudLogs],
  dataExport: [TECHNIQUES.dataFromCloudStorage],
};

const DEED_TEXT: Readonly<Record<Operation, string>> = {
  grant: 'granted a privilege',
  adminGrant: 'granted an administrator privilege',
  selfGrant: 'granted a privilege to the own account',
  mfaRemoval: 'removed a second factor',
  tokenCreation: 'created a key or token',
  loggingOff: 'switched logging off or changed it',
  dataExport: 'exported data in bulk',
};

const TRIGGER_TEXT: Readonly<Record<Trigger['what'], string>> = {
  factor: 'a change of the own second factor',
  device: 'the first sign-in from a new device',
};
