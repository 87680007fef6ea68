import type { Event } from '../events/event.ts';
import type { PlaybookType } from '../vocabulary.ts';
import { judgeShape, shapeOf, type Shape } from './campaign-shape.ts';
import { addressSources, campaignSources, type CampaignSource } from './campaign-source.ts';
import type { Capacity, DetectionContext, Detector, FindingDraft, KeyedObservation, Rule } from './detector.ts';
import { advance, enqueue } from './lagged.ts';
import { addressOf, baseObservation, boundedText, spanText, unitText, userOf } from './observation.ts';
import { integerCondition } from './rules.ts';
import { scanSeries, type Series, type SeriesItem, type SeriesState } from './series.ts';
import { EMPTY_SHARED, foldSuccess, isShared, learnSuccesses, type SharedBaseline } from './shared-source.ts';
import { TECHNIQUES } from './techniques.ts';

/**
 * Campaign: several accounts attacked from one source (address, device or user agent in one network).
 *
 * An address on the operator's egress list is one of ours: mistyped passwords there are everyday life, so the plain
 * "three accounts" rule does not look at it, and the shapes of spraying and stuffing need `sharedFactor` times as much.
 */

/** Failures kept of five minutes: with a window of an hour, more than the 2,000 accounts that one stage can treat. */
const MAX_FAILURES_PER_BUCKET = 200;

/** Of one account within five minutes: one more than a spray may try, so that trying often is still seen. */
const MAX_FAILURES_PER_ACCOUNT = 9;

/** Successes kept of five minutes: the guard needs to see `sharedUsers` different people within days. */
const MAX_SUCCESSES_PER_BUCKET = 24;

/** A provider's risk from which an event is suspicious whatever its outcome, 0 to 100 (own). */
const SUSPICIOUS_RISK = 70;

export interface CampaignObservation extends SeriesItem {
  /** `unit` is the account. A success counts only for the guard. */
  readonly role: 'hit' | 'success';
  /**
   * A source that strangers share: everybody with the same browser at the same provider. It needs as many more
   * accounts as an address behind which many people sit.
   */
  readonly common: boolean;
  readonly egress: string | null;
}

export interface CampaignBaseline {
  readonly series: SeriesState<CampaignObservation>;
  readonly shared: SharedBaseline;
}

const EMPTY: CampaignBaseline = { series: { recent: [], series: null }, shared: EMPTY_SHARED };

export const campaign = campaignDetector('MULTI_ACCOUNT_CAMPAIGN');
export const credentialStuffing = campaignDetector('CREDENTIAL_STUFFING');

function campaignDetector(ruleType: PlaybookType): Detector<CampaignObservation, CampaignBaseline> {
  return {
    ruleType,
    version: 1,
    emptyBaseline: EMPTY,
    retentionMs: (rule) => integerCondition(rule, 'timeWindowMs'),
    capacity,
    observe,
    withoutWindow: ({ shared }) => ({ series: EMPTY.series, shared: { history: shared.history, waiting: [] } }),
    learn: (baseline, observations, rule) =>
      observations.some(isHit)
        ? scan(baseline, observations, rule).baseline()
        : // Successes never touch a series: only the guard learns from them.
          { series: baseline.series, shared: learnSuccesses(baseline.shared, observations, rule) },
    find: (key, observations, baseline, rule) =>
      // Only a hit opens a series or makes one grow.
      observations.some(isHit)
        ? scan(baseline, observations, rule)
            .series()
            .map((series) => draftOf(key, series, rule))
        : [],
  };
}

function capacity({ role, unit }: CampaignObservation): Capacity {
  return role === 'hit'
    ? { lane: role, laneLimit: MAX_FAILURES_PER_BUCKET, slot: unit, slotLimit: MAX_FAILURES_PER_ACCOUNT }
    : { lane: role, laneLimit: MAX_SUCCESSES_PER_BUCKET, slot: unit, slotLimit: 1 };
}

function observe(
  event: Event,
  rule: Rule,
  context: DetectionContext,
): readonly KeyedObservation<CampaignObservation>[] {
  const shape = shapeOf(rule);
  const role = roleOf(event, shape);
  if (role === null) return [];
  const egress = context.egressLabel(event.ip, event.asn);
  if (egress !== null && shape === 'accounts') return [];
  const label = egress === null ? null : boundedText(egress, 80);
  const known = SEEN.get(event);
  if (known !== undefined && known.role === role && known.egress === label) return known.observations;
  const observations = observationsOf(event, role, label);
  SEEN.set(event, { role, egress: label, observations });
  return observations;
}

/** Three rules and three sources see the same in an event: they share one object, which is most of what memory holds. */
const SEEN = new WeakMap<
  Event,
  Pick<CampaignObservation, 'role' | 'egress'> & {
    readonly observations: readonly KeyedObservation<CampaignObservation>[];
  }
>();

function observationsOf(
  event: Event,
  role: CampaignObservation['role'],
  egress: string | null,
): readonly KeyedObservation<CampaignObservation>[] {
  const subject = userOf(event);
  const base = baseObservation(event);
  if (subject === null || base === null) return [];
  const { eventId, source, time, ingest } = base;
  const ip = addressOf(event);
  const { ipNormalised } = event;
  const plain = { eventId, source, time, ingest, role, unit: subject.id, ip, egress, ipNormalised, common: false };
  // Successes only tell which sources many people share, and of a user agent that is known without counting.
  if (role === 'success') return addressSources(event).map(({ key }) => ({ key, observation: plain, chosen: true }));
  const common = { ...plain, common: true };
  return campaignSources(event).map(({ key, kind }) => ({
    key,
    observation: kind === 'agent' ? common : plain,
    chosen: true,
  }));
}

/** Passwords alone make the shapes; for the plain rule every failed factor and every suspicious event is a hit. */
function roleOf(event: Event, shape: Shape): CampaignObservation['role'] | null {
  const { kind, outcome } = event;
  const failed = outcome === 'failure' || outcome === 'denied';
  if (kind === 'login' && failed) return 'hit';
  if (shape === 'accounts') {
    if (kind === 'mfa_result' && (failed || outcome === 'unanswered')) return 'hit';
    if (kind === 'alert' && event.severity !== undefined && event.severity !== 'LOW') return 'hit';
    if (event.risk !== null && event.risk >= SUSPICIOUS_RISK) return 'hit';
  }
  return kind === 'login' && outcome === 'success' ? 'success' : null;
}

function isHit({ role }: CampaignObservation): boolean {
  return role === 'hit';
}

function scan(
  from: CampaignBaseline,
  observations: readonly CampaignObservation[],
  rule: Rule,
): { series(): readonly Series[]; baseline(): CampaignBaseline } {
  const shape = shapeOf(rule);
  const fold = foldSuccess(rule);
  const sharedFactor = integerCondition(rule, 'sharedFactor');
  const judges = { single: judgeShape(shape, rule, 1), shared: judgeShape(shape, rule, sharedFactor) };
  const series = scanSeries(from.series, integerCondition(rule, 'timeWindowMs'), 0);
  let shared = from.shared;
  for (const observation of observations) {
    shared = advance(shared, observation.time, fold);
    if (observation.role === 'success') {
      shared = enqueue(shared, observation);
    } else {
      const many =
        observation.common || observation.egress !== null || isShared(shared.history, observation.time, rule);
      series.push(observation, many ? judges.shared : judges.single);
    }
  }
  return { series: () => series.touched(), baseline: () => ({ series: series.state(), shared }) };
}

function draftOf(key: string, series: Series, rule: Rule): FindingDraft {
  const shape = shapeOf(rule);
  const windowMs = integerCondition(rule, 'timeWindowMs');
  const source = sourceOf(key);
  const address = source.kind === 'ip' ? source.name : series.firstIp;
  const accounts = [...series.units].sort();
  return {
    anchor: series.anchor,
    type: rule.ruleType,
    subject: address === null ? { type: 'host', id: source.name } : { type: 'ip', id: address },
    accounts: accounts.map((id) => ({ type: 'user', id })),
    severity: 'CRITICAL',
    confidence: confidenceOf(shape, series, integerCondition(rule, 'minAccounts')),
    techniques: TECHNIQUES_OF[shape],
    evidence: [...series.head, ...series.tail],
    evidenceCount: series.count,
    firstTime: series.firstTime,
    lastTime: series.last.time,
    explanation:
      `${unitText(series.units.length, 'account')} had ${unitText(series.count, 'failed or suspicious event')} ` +
      `from ${SOURCE_TEXT[source.kind]} ${source.name}, up to ${series.peakUnits} of them within ${spanText(windowMs)}` +
      `${SHAPE_TEXT[shape]}.`,
    details: {
      shape,
      accounts: series.units.length,
      accountsInWindow: series.peakUnits,
      attempts: series.count,
      windowMinutes: Math.floor(windowMs / 60_000),
      sourceKind: source.kind,
      source: source.name,
      sourceIps: series.addresses,
      ipNormalised: series.ipNormalised,
      ...(series.firstIp === null ? {} : { sourceIp: series.firstIp }),
    },
  };
}

const TECHNIQUES_OF: Readonly<Record<Shape, readonly string[]>> = {
  accounts: [TECHNIQUES.bruteForce, TECHNIQUES.validAccounts],
  spray: [TECHNIQUES.passwordSpraying],
  stuffing: [TECHNIQUES.credentialStuffing],
};

const SHAPE_TEXT: Readonly<Record<Shape, string>> = {
  accounts: '',
  spray: ', in the shape of password spraying',
  stuffing: ', in the shape of credential stuffing',
};

const SOURCE_TEXT: Readonly<Record<CampaignSource['kind'], string>> = {
  ip: 'the address',
  device: 'the device',
  agent: 'the user agent and network',
};

function sourceOf(key: string): { readonly kind: CampaignSource['kind']; readonly name: string } {
  const separator = key.indexOf(':');
  const prefix = key.slice(0, separator);
  const kind = prefix === 'ip' || prefix === 'device' ? prefix : 'agent';
  return { kind, name: key.slice(separator + 1) };
}

/** Own scale: a shape says more than a number of accounts, and each further account adds a little. */
function confidenceOf(shape: Shape, series: Series, minAccounts: number): number {
  const ground = shape === 'accounts' ? 55 : 80;
  return ground + Math.min(shape === 'accounts' ? 35 : 15, 5 * Math.max(0, series.peakUnits - minAccounts));
}
