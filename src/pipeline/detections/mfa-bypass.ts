import { DISORDER_TOLERANCE_MS } from '../../platform/limits.ts';
import type { Event } from '../events/event.ts';
import type { Severity } from '../vocabulary.ts';
import type { BaseObservation, Capacity, Detector, FindingDraft, KeyedObservation, Rule } from './detector.ts';
import {
  addressOf,
  baseObservation,
  identityText,
  observationId,
  spanText,
  unitText,
  userKey,
  userOf,
} from './observation.ts';
import { integerCondition } from './rules.ts';
import { scanSeries, type Series, type SeriesItem, type SeriesScan, type SeriesState } from './series.ts';
import { TECHNIQUES } from './techniques.ts';

/**
 * Repeated 2FA bypass: one account whose second factor fails, is denied or stays unanswered again and again, with
 * whatever factor.
 *
 * A success does not start the count anew: the owner's own sign-in must not cover for an attacker. A prompt without a
 * result counts once no result can arrive in time any more, so a count never has to be taken back.
 */

/** Observations of one account kept of five minutes: three times what is critical, so a flood costs little. */
const MAX_PER_BUCKET = 32;

/** How long records of one correlation id are one attempt, in ms (own: an interrupted sign-in takes seconds). */
const GROUP_MS = 120_000;

export interface MfaObservation extends SeriesItem {
  readonly role: 'attempt' | 'prompt' | 'success' | 'other';
  /** True for a result, which answers the newest open prompt. */
  readonly answers: boolean;
}

interface Waiting {
  readonly item: MfaObservation;
  readonly answered: boolean;
}

export interface MfaBaseline {
  /** Not yet old enough to know whether a prompt among them stays unanswered. */
  readonly waiting: readonly Waiting[];
  readonly series: SeriesState<MfaObservation>;
}

const EMPTY: MfaBaseline = { waiting: [], series: { recent: [], series: null } };

export const mfaBypass: Detector<MfaObservation, MfaBaseline> = {
  ruleType: 'REPEATED_2FA_BYPASS',
  version: 1,
  emptyBaseline: EMPTY,
  retentionMs: (rule) => integerCondition(rule, 'timeWindowMs'),
  capacity,
  observe,
  withoutWindow: () => EMPTY,
  learn(baseline, observations, rule) {
    const scan = scanAttempts(baseline, rule);
    for (const observation of observations) scan.push(observation);
    return scan.state();
  },
  find(key, observations, baseline, rule) {
    if (isQuiet(baseline, observations)) return [];
    const scan = scanAttempts(baseline, rule);
    for (const observation of observations) scan.push(observation);
    return scan.series().map((series) => draftOf(key, series, rule));
  },
};

/** True when nothing can open a series and none is open that a success would belong to. */
function isQuiet({ waiting, series }: MfaBaseline, observations: readonly MfaObservation[]): boolean {
  if (series.series !== null) return false;
  const counts = ({ role }: MfaObservation): boolean => role === 'attempt' || role === 'prompt';
  return !observations.some(counts) && !waiting.some(({ item }) => counts(item));
}

/** Kept apart, so that a flood of prompts cannot push a success out of memory. */
function capacity(observation: MfaObservation): Capacity {
  return { lane: observation.role, laneLimit: MAX_PER_BUCKET, slot: '', slotLimit: MAX_PER_BUCKET };
}

function observe(event: Event): readonly KeyedObservation<MfaObservation>[] {
  const role = roleOf(event);
  const subject = userOf(event);
  const base = baseObservation(event);
  if (role === null || subject === null || base === null) return [];
  const answers = event.kind === 'mfa_result';
  const { eventId, source, time, ingest } = base;
  const { ipNormalised } = event;
  const unit = unitOf(event, base);
  const observation = { eventId, source, time, ingest, role, answers, ip: addressOf(event), ipNormalised, unit };
  return [{ key: userKey(subject.id), observation }];
}

/**
 * A login that names its second factor was completed with it. A failed login says nothing about the factor: the
 * password may have been wrong, or a policy refused it.
 */
function roleOf(event: Event): MfaObservation['role'] | null {
  const { kind, outcome } = event;
  if (kind === 'login') return outcome === 'success' && event.mfa !== null ? 'success' : null;
  if (kind !== 'mfa_prompt' && kind !== 'mfa_result') return null;
  if (outcome === 'failure' || outcome === 'denied' || outcome === 'unanswered') return 'attempt';
  if (kind === 'mfa_prompt') return 'prompt';
  return outcome === 'success' ? 'success' : 'other';
}

/**
 * Entra writes several records for one sign-in, all with the same correlation id: within two minutes they are one
 * attempt. Not for longer, since the client chooses that id and could make a whole series look like one.
 */
function unitOf(event: Event, base: BaseObservation): string {
  const correlation = event.mapping.startsWith('entra/') ? event.attributes['correlationId'] : undefined;
  if (typeof correlation !== 'string' || correlation === '') return observationId(base);
  return `sign-in:${Math.floor(base.time / GROUP_MS)}:${identityText(correlation)}`;
}

interface AttemptScan {
  push(observation: MfaObservation): void;
  state(): MfaBaseline;
  series(): readonly Series[];
}

/** Holds each observation back until every result that could answer a prompt has arrived, then counts it. */
function scanAttempts(baseline: MfaBaseline, rule: Rule): AttemptScan {
  const minAttempts = integerCondition(rule, 'minAttempts');
  const answerMs = integerCondition(rule, 'unansweredAfterSeconds') * 1000;
  const settleMs = answerMs + DISORDER_TOLERANCE_MS;
  let waiting = [...baseline.waiting];
  const open = (state: SeriesState<MfaObservation>): SeriesScan<MfaObservation> =>
    scanSeries(state, integerCondition(rule, 'timeWindowMs'), integerCondition(rule, 'burstMinutes') * 60_000);
  const settled = open(baseline.series);
  return {
    push(observation) {
      const still = waiting.findIndex(({ item }) => item.time > observation.time - settleMs);
      const due = still === -1 ? waiting : waiting.slice(0, still);
      for (const { item, answered } of due) count(settled, item, item.role === 'prompt' && !answered, minAttempts);
      waiting = still === -1 ? [] : waiting.slice(still);
      if (observation.answers) waiting = withAnswer(waiting, observation.time - answerMs);
      waiting.push({ item: observation, answered: false });
    },
    state: () => ({ waiting, series: settled.state() }),
    series() {
      // What is known counts at once; only a prompt without a result has to wait.
      const now = open(settled.state());
      for (const { item } of waiting) count(now, item, false, minAttempts);
      const byAnchor = new Map([...settled.touched(), ...now.touched()].map((series) => [series.anchor, series]));
      return [...byAnchor.values()];
    },
  };
}

function count(
  scan: SeriesScan<MfaObservation>,
  item: MfaObservation,
  isUnansweredPrompt: boolean,
  minAttempts: number,
): void {
  const suspicious = ({ units }: { units: number }): boolean => units >= minAttempts;
  if (item.role === 'attempt' || isUnansweredPrompt) scan.push(item, { grows: suspicious, opens: suspicious });
  else if (item.role === 'success') scan.succeed(item, minAttempts);
}

/** Marks the newest open prompt since `since` as answered. */
function withAnswer(waiting: readonly Waiting[], since: number): Waiting[] {
  const index = waiting.findLastIndex(({ item, answered }) => item.role === 'prompt' && !answered);
  const prompt = waiting[index];
  if (prompt === undefined || prompt.item.time < since) return [...waiting];
  return waiting.with(index, { item: prompt.item, answered: true });
}

function draftOf(key: string, series: Series, rule: Rule): FindingDraft {
  const minAttempts = integerCondition(rule, 'minAttempts');
  const burstMinutes = integerCondition(rule, 'burstMinutes');
  const windowMs = integerCondition(rule, 'timeWindowMs');
  const successAfter = series.successAt !== null;
  const severity = severityOf(series, minAttempts, integerCondition(rule, 'criticalAttempts'));
  const account = key.slice('user:'.length);
  const burst = series.peakShortUnits >= minAttempts;
  return {
    anchor: series.anchor,
    type: 'REPEATED_2FA_BYPASS',
    subject: { type: 'user', id: account },
    accounts: [],
    severity,
    confidence: confidenceOf(severity, series, minAttempts),
    techniques: successAfter
      ? [TECHNIQUES.validAccounts, TECHNIQUES.mfaRequestGeneration]
      : [TECHNIQUES.mfaRequestGeneration],
    evidence: [...series.head, ...series.tail],
    evidenceCount: series.count,
    firstTime: series.firstTime,
    lastTime: series.last.time,
    explanation:
      `${unitText(series.peakUnits, 'second factor')} of ${account} failed, denied or unanswered within ${spanText(windowMs)}` +
      (burst ? `, ${series.peakShortUnits} of them within ${burstMinutes} minutes` : '') +
      (successAfter ? ', followed by a success' : '') +
      (series.firstIp === null ? '.' : `, first from ${series.firstIp}.`),
    details: {
      attempts: series.peakUnits,
      attemptsInBurst: series.peakShortUnits,
      burstMinutes,
      windowMinutes: Math.floor(windowMs / 60_000),
      successAfter,
      sourceIps: series.addresses,
      ipNormalised: series.ipNormalised,
      ...(series.firstIp === null ? {} : { sourceIp: series.firstIp }),
    },
  };
}

/** 5 in the window MEDIUM, 5 in the burst window HIGH, 10 in the window or a success after the series CRITICAL. */
function severityOf(series: Series, minAttempts: number, criticalAttempts: number): Severity {
  if (series.successAt !== null || series.peakUnits >= criticalAttempts) return 'CRITICAL';
  return series.peakShortUnits >= minAttempts ? 'HIGH' : 'MEDIUM';
}

/** Own scale: the severity's ground, and one point for each attempt more than needed, at most 5. */
function confidenceOf(severity: Severity, series: Series, minAttempts: number): number {
  const ground = severity === 'MEDIUM' ? 60 : severity === 'HIGH' ? 75 : 85;
  const more = Math.min(5, Math.max(0, series.peakUnits - minAttempts));
  return ground + more + (series.successAt === null ? 0 : 5);
}
