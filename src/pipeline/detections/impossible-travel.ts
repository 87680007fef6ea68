import type { Event } from '../events/event.ts';
import type { Severity } from '../vocabulary.ts';
import type { BaseObservation, Detector, DetectionContext, FindingDraft, KeyedObservation, Rule } from './detector.ts';
import { advance, enqueue, type Lagged } from './lagged.ts';
import {
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
import { distanceM, placeCell, placeName, placeOf, type Place } from './place.ts';
import { integerCondition } from './rules.ts';
import { TECHNIQUES } from './techniques.ts';

/**
 * Impossible travel: two sign-ins of one account, one after the other by their own times, from two places further
 * apart than anybody flies in between.
 *
 * Only successful logins count. A failed one proves nothing about where the account's owner is, and anybody can
 * produce one for anybody. Pairs are named by both events, so a sign-in that arrives late and belongs in between
 * supersedes the pair and opens its own.
 */

/** Logins of one account kept of five minutes; a person has a few, a script one place. */
const MAX_PER_BUCKET = 24;

/** And of those from one address: whoever signs in somewhere else meanwhile must still be seen. */
const MAX_PER_ADDRESS = 12;

/** How long late logins still meet their neighbours in memory, in ms (own). */
const RETENTION_MS = 3_600_000;

/** Places of one account that are remembered, and how long without use, in ms (BuffaLogs keeps logins 45 days). */
const MAX_KNOWN_PLACES = 32;
const PLACE_KEPT_MS = 45 * 86_400_000;

/** A place is a habit after three sign-ins, the first a day ago (own): one sign-in of an attacker makes none. */
const HABIT_COUNT = 3;
const HABIT_AGE_MS = 86_400_000;

/** Nearer and quicker than this is the noise of geolocation, in metres and ms (Panther grades it LOW). */
const NOISE_DISTANCE_M = 50_000;
const NOISE_TIME_MS = 10 * 60_000;

/** Reported for two places at the same moment, and the most that is ever reported, in km/h. */
export const SIMULTANEOUS_SPEED_KMH = 1_000_000;

export interface TravelObservation extends BaseObservation {
  readonly ip: string;
  readonly session: string | null;
  readonly place: Place;
  /** Label of the operator's egress list, or null. */
  readonly egress: string | null;
  /** The provider calls the address a proxy: an input, never the only reason. */
  readonly proxy: boolean;
}

interface KnownPlace {
  readonly cell: string;
  readonly count: number;
  readonly firstTime: number;
  readonly lastTime: number;
}

interface TravelHistory {
  readonly firstTime: number | null;
  readonly places: readonly KnownPlace[];
}

export interface TravelBaseline {
  /** The last sign-in whose place can be trusted: the next one is measured from here. */
  readonly last: TravelObservation | null;
  readonly history: Lagged<TravelHistory, TravelObservation>;
}

const EMPTY_HISTORY: TravelHistory = { firstTime: null, places: [] };

export const impossibleTravel: Detector<TravelObservation, TravelBaseline> = {
  ruleType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
  version: 1,
  emptyBaseline: { last: null, history: { history: EMPTY_HISTORY, waiting: [] } },
  retentionMs: () => RETENTION_MS,
  capacity: ({ ip }) => ({ lane: '', laneLimit: MAX_PER_BUCKET, slot: ip, slotLimit: MAX_PER_ADDRESS }),
  observe,
  withoutWindow: (baseline) => ({ last: null, history: { history: baseline.history.history, waiting: [] } }),
  learn: (baseline, observations) => observations.reduce(step, baseline),
  find(key, observations, baseline, rule) {
    const drafts: FindingDraft[] = [];
    if (isOnePlace(baseline, observations)) return drafts;
    let at = baseline;
    for (const observation of observations) {
      const { history } = advance(at.history, observation.time, foldPlace);
      const draft = at.last === null ? null : judgePair(key, at.last, observation, history, rule);
      if (draft !== null) drafts.push(draft);
      at = step(at, observation);
    }
    return drafts;
  },
};

/** True when nobody moved: all sign-ins came from one address. */
function isOnePlace({ last }: TravelBaseline, observations: readonly TravelObservation[]): boolean {
  const ip = last?.ip ?? observations[0]?.ip;
  return observations.every((observation) => observation.ip === ip);
}

function observe(event: Event, _rule: Rule, context: DetectionContext): readonly KeyedObservation<TravelObservation>[] {
  if (event.kind !== 'login' || event.outcome !== 'success' || event.ip === null) return [];
  const subject = userOf(event);
  const base = baseObservation(event);
  const place = placeOf(event);
  // A time that is not the event's own says nothing about how long somebody travelled.
  if (subject === null || base === null || base.ingest || place === null) return [];
  const egress = context.egressLabel(event.ip, event.asn);
  const { eventId, source, time, ingest } = base;
  const observation: TravelObservation = {
    eventId,
    source,
    time,
    ingest,
    ip: addressOf(event) ?? '',
    session: event.session === null || event.session === '' ? null : identityText(event.session),
    place,
    egress: egress === null ? null : boundedText(egress, 80),
    proxy: event.proxy === true,
  };
  return [{ key: userKey(subject.id), observation }];
}

/** Behind a proxy or a company egress nobody stands where the address is: such a place is never a starting point. */
function step(baseline: TravelBaseline, observation: TravelObservation): TravelBaseline {
  const history = advance(baseline.history, observation.time, foldPlace);
  if (observation.egress !== null || observation.proxy) return { last: baseline.last, history };
  return { last: observation, history: enqueue(history, observation) };
}

function foldPlace(history: TravelHistory, observation: TravelObservation): TravelHistory {
  const cell = placeCell(observation.place);
  const { time } = observation;
  const known = history.places.find((place) => place.cell === cell);
  const others = history.places.filter((place) => place.cell !== cell && place.lastTime > time - PLACE_KEPT_MS);
  const seen = { cell, count: (known?.count ?? 0) + 1, firstTime: known?.firstTime ?? time, lastTime: time };
  // In order of last use, so that the limit drops what was not used for longest.
  return { firstTime: history.firstTime ?? time, places: [...others, seen].slice(-MAX_KNOWN_PLACES) };
}

function judgePair(
  key: string,
  from: TravelObservation,
  to: TravelObservation,
  history: TravelHistory,
  rule: Rule,
): FindingDraft | null {
  if (from.ip === to.ip || (from.session !== null && from.session === to.session)) return null;
  const elapsedMs = to.time - from.time;
  const metres = distanceM(from.place, to.place);
  if (metres === null || elapsedMs < 0) return null;
  if (elapsedMs > integerCondition(rule, 'maxTimeDiffHours') * 3_600_000) return null;
  if (!isFar(from.place, to.place, metres, elapsedMs, rule)) return null;
  const maxSpeedKmh = integerCondition(rule, 'maxSpeedKmh');
  // metres / ms * 3600 = km/h, in integers: 2e7 m * 3600 is far below the largest exact integer.
  if (metres * 3600 <= maxSpeedKmh * elapsedMs) return null;
  const speedKmh = speedOf(metres, elapsedMs);
  const improbability =
    speedKmh === 0 ? 0 : Math.floor((100 * (speedKmh - Math.min(speedKmh, maxSpeedKmh))) / speedKmh);
  if (improbability < integerCondition(rule, 'minImprobabilityScore')) return null;
  return draftOf(key, { from, to, metres, elapsedMs, speedKmh, improbability }, history, rule);
}

/** Far enough to mean anything: beyond the error of both places, and abroad or beyond the distance within a country. */
function isFar(from: Place, to: Place, metres: number, elapsedMs: number, rule: Rule): boolean {
  if (metres <= from.radiusM + to.radiusM) return false;
  if (metres < NOISE_DISTANCE_M && elapsedMs < NOISE_TIME_MS) return false;
  if (metres < integerCondition(rule, 'minDistanceKm') * 1000) return false;
  const isAbroad = from.country !== '' && to.country !== '' && from.country !== to.country;
  return isAbroad || metres >= integerCondition(rule, 'sameCountryMinDistanceKm') * 1000;
}

function speedOf(metres: number, elapsedMs: number): number {
  if (elapsedMs === 0) return SIMULTANEOUS_SPEED_KMH;
  return Math.min(SIMULTANEOUS_SPEED_KMH, Math.floor((metres * 3600) / elapsedMs));
}

interface Journey {
  readonly from: TravelObservation;
  readonly to: TravelObservation;
  readonly metres: number;
  readonly elapsedMs: number;
  readonly speedKmh: number;
  readonly improbability: number;
}

function draftOf(key: string, journey: Journey, history: TravelHistory, rule: Rule): FindingDraft {
  const { from, to, metres, elapsedMs, speedKmh } = journey;
  const account = key.slice('user:'.length);
  const distanceKm = Math.round(metres / 1000);
  const learning =
    history.firstTime === null || to.time - history.firstTime < integerCondition(rule, 'learningDays') * 86_400_000;
  const habitual = isHabit(history, to);
  const radiusKm = Math.round((from.place.radiusM + to.place.radiusM) / 1000);
  const elapsed = elapsedMs === 0 ? 'at the same moment' : `${spanText(elapsedMs)} apart (${speedKmh} km/h)`;
  return {
    anchor: anchorOf(from, to),
    type: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
    subject: { type: 'user', id: account },
    accounts: [],
    severity: severityOf(to, habitual),
    confidence: confidenceOf(journey, learning, habitual),
    techniques: [TECHNIQUES.validAccounts, TECHNIQUES.cloudAccounts],
    evidence: [refOf(from), refOf(to)],
    evidenceCount: 2,
    firstTime: from.time,
    lastTime: to.time,
    explanation:
      `${account} signed in from ${placeName(from.place)} (${from.ip}) and from ${placeName(to.place)} (${to.ip}), ` +
      `${distanceKm} km away, ${elapsed}; the places are exact to ${radiusKm} km together ` +
      `(${from.place.from}, ${to.place.from}).`,
    details: {
      distanceKm,
      minutes: Math.floor(elapsedMs / 60_000),
      seconds: Math.floor(elapsedMs / 1000),
      speedKmh,
      improbability: journey.improbability,
      simultaneous: elapsedMs === 0,
      fromCity: from.place.city,
      toCity: to.place.city,
      fromCountry: from.place.country,
      toCountry: to.place.country,
      fromIp: from.ip,
      toIp: to.ip,
      sourceIp: to.ip,
      radiusKm,
      learning,
      habitual,
      proxy: to.proxy,
      ...(to.egress === null ? {} : { egress: to.egress }),
    },
  };
}

function isHabit(history: TravelHistory, to: TravelObservation): boolean {
  const known = history.places.find((place) => place.cell === placeCell(to.place));
  return known !== undefined && known.count >= HABIT_COUNT && to.time - known.firstTime >= HABIT_AGE_MS;
}

/** HIGH as in Panther; LOW through a listed egress; MEDIUM where a proxy or a habit makes the place doubtful (own). */
function severityOf(to: TravelObservation, habitual: boolean): Severity {
  if (to.egress !== null) return 'LOW';
  return to.proxy || habitual ? 'MEDIUM' : 'HIGH';
}

/** Own scale, 5 to 99: how impossible, less what makes the places or the account doubtful. */
function confidenceOf(journey: Journey, learning: boolean, habitual: boolean): number {
  const radii = journey.from.place.radiusM + journey.to.place.radiusM;
  const doubt =
    Math.floor((40 * radii) / journey.metres) +
    (learning ? 10 : 0) +
    (habitual ? 25 : 0) +
    (journey.to.proxy ? 15 : 0) +
    (journey.to.egress === null ? 0 : 30);
  return Math.max(5, Math.min(99, 60 + Math.floor((journey.improbability * 38) / 100) - doubt));
}
