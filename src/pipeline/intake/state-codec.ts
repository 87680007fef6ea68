import type { Json } from '../../platform/canonical-json.ts';
import { DETECTORS, type StoredState } from '../detections/registry.ts';
import type { PlaybookType } from '../vocabulary.ts';

/**
 * The stored form of all that the rules know of one key.
 *
 * Rules that watch the same key see the same events, so each observation is written once, in `o`, and referred to by
 * its number. Objects of a known shape are written as a list of their values: the names of their members are most of
 * what JSON would spend, in bytes and in time. An object of any other shape is written as it is, so that a detector may
 * keep what it likes.
 *
 * Each text is written once too, in `t`; elsewhere it is named by its number, in base 36 and as a text, so that no
 * number is taken for one.
 *
 * A list of observations is written `[-1, ...numbers]`, one observation `[-2, number]`, another list `[-3, ...items]`,
 * a baseline that has learnt nothing yet `[-4, detector]`, an object `[shape, ...values]` or `{...}`.
 */

/** A kind of object that states are made of: the member that only it has, and all of its members. */
interface Shape {
  readonly mark: string;
  readonly names: readonly string[];
}

/** Only ever add to the end: stored rows name them by number. The first `OBSERVATION_SHAPES` are observations. */
const SHAPES: readonly Shape[] = [
  shape('common', 'eventId source time ingest role unit ip egress ipNormalised common'),
  shape('place', 'eventId source time ingest ip session place egress proxy'),
  shape('operation', 'eventId source time ingest target targetId ip operation factorChanged device'),
  shape('answers', 'eventId source time ingest role answers ip ipNormalised unit'),
  shape('latMicro', 'latMicro lonMicro radiusM country city from'),
  shape('shared', 'series shared'),
  shape('recent', 'recent series'),
  shape('people', 'people'),
  shape('account', 'account time'),
  shape('last', 'last history'),
  shape('places', 'firstTime places'),
  shape('cell', 'cell count firstTime lastTime'),
  shape('triggers', 'known triggers'),
  shape('devices', 'firstTime operations devices'),
  shape('waiting', 'history waiting'),
  shape('waiting', 'waiting series'),
  shape('item', 'item answered'),
];
const OBSERVATION_SHAPES = 4;

const OBSERVATIONS = -1;
const OBSERVATION = -2;
const LIST = -3;
const NOTHING_LEARNT = -4;

function shape(mark: string, names: string): Shape {
  return { mark, names: names.split(' ') };
}

/** What is known of one key: the state of each rule that watches it, by rule id. */
export type KeyStates = ReadonlyMap<string, StoredState>;

/** The stored body. `upTo` is the number of the newest batch of events that the states include. */
export function encodeStates(states: KeyStates, upTo: number): Json {
  const writer = new StateWriter();
  const rules: Json[] = [];
  for (const [ruleId, state] of states) {
    rules.push([
      ruleId,
      state.detectorVersion,
      state.ruleVersion,
      state.watermark,
      state.ingestMark,
      writer.baseline(state.baseline),
      writer.list(state.observations),
      state.findings.length === 0 ? 0 : writer.list(state.findings),
      state.dropped,
    ]);
  }
  return { u: upTo, t: writer.texts, o: writer.observations, r: rules };
}

type Members = Readonly<Record<string, unknown>>;

class StateWriter {
  readonly texts: string[] = [];
  readonly observations: Json[] = [];
  readonly #textNumbers = new Map<string, string>();
  readonly #numbers = new Map<object, number>();

  baseline(value: unknown): Json {
    const detector = EMPTY_BASELINES.get(value);
    return detector === undefined ? this.value(value) : [NOTHING_LEARNT, detector];
  }

  #text(text: string): string {
    let number = this.#textNumbers.get(text);
    if (number === undefined) {
      number = this.texts.length.toString(36);
      this.#textNumbers.set(text, number);
      this.texts.push(text);
    }
    return number;
  }

  value(value: unknown): Json {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value !== 'object' || value === null) return value as Json; // states hold JSON values only
    if (isList(value)) return this.list(value);
    const members = value as Members; // any object can be read by string keys
    return isObservation(members) ? [OBSERVATION, this.#numberOf(members)] : this.#object(members);
  }

  list(items: readonly unknown[]): Json {
    const written: Json[] = [OBSERVATIONS];
    for (const item of items) {
      if (typeof item !== 'object' || item === null || !isObservation(item as Members)) return this.#mixedList(items);
      written.push(this.#numberOf(item as Members));
    }
    return written;
  }

  #mixedList(items: readonly unknown[]): Json {
    const written: Json[] = [LIST];
    for (const item of items) written.push(this.value(item));
    return written;
  }

  #numberOf(observation: Members): number {
    const known = this.#numbers.get(observation);
    if (known !== undefined) return known;
    const number = this.observations.length;
    this.#numbers.set(observation, number);
    this.observations.push(this.#object(observation));
    return number;
  }

  #object(members: Members): Json {
    const number = shapeOf(members);
    if (number === -1) {
      const written: Record<string, Json> = {};
      for (const [name, member] of Object.entries(members))
        if (member !== undefined) written[name] = this.value(member);
      return written;
    }
    const written: Json[] = [number];
    for (const name of SHAPES[number]?.names ?? []) {
      const member = members[name];
      written.push(this.value(member ?? null));
    }
    return written;
  }
}

function isObservation(members: Members): boolean {
  return typeof members['eventId'] === 'string';
}

/** The number of the shape of these members; -1 when there is none. */
function shapeOf(members: Members): number {
  const observed = isObservation(members);
  const end = observed ? OBSERVATION_SHAPES : SHAPES.length;
  for (let number = observed ? 0 : OBSERVATION_SHAPES; number < end; number += 1) {
    const candidate = SHAPES[number];
    if (candidate === undefined || members[candidate.mark] === undefined) continue;
    let count = 0;
    for (const name in members) if (members[name] !== undefined) count += 1;
    const { names } = candidate;
    if (count === names.length && names.every((name) => members[name] !== undefined)) return number;
  }
  return -1;
}

type StoredRule = readonly [string, number, string, number | null, number | null, Json, Json, Json, number];

/** Reads what `encodeStates` wrote. */
export function decodeStates(body: Json): { readonly states: Map<string, StoredState>; readonly upTo: number } {
  // As it was written above.
  const stored = body as unknown as {
    readonly u: number;
    readonly t: readonly string[];
    readonly o: readonly Json[];
    readonly r: readonly StoredRule[];
  };
  const observations: unknown[] = [];
  const read = (value: Json): unknown => {
    if (typeof value === 'string') return stored.t[Number.parseInt(value, 36)];
    if (typeof value !== 'object' || value === null) return value;
    if (!isList<Json>(value)) {
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, read(member)]));
    }
    const [tag, ...rest] = value;
    if (tag === OBSERVATIONS) return rest.map((number) => observations[Number(number)]);
    if (tag === OBSERVATION) return observations[Number(rest[0])];
    if (tag === LIST) return rest.map(read);
    if (tag === NOTHING_LEARNT) return emptyBaseline(Number(rest[0]));
    const members: Record<string, unknown> = {};
    for (const [index, name] of (SHAPES[Number(tag)]?.names ?? []).entries()) members[name] = read(rest[index] ?? null);
    return members;
  };
  for (const observation of stored.o) observations.push(read(observation));
  const states = new Map<string, StoredState>();
  for (const [
    ruleId,
    detectorVersion,
    ruleVersion,
    watermark,
    ingestMark,
    baseline,
    memory,
    findings,
    dropped,
  ] of stored.r) {
    const state = {
      detectorVersion,
      ruleVersion,
      watermark,
      ingestMark,
      baseline: read(baseline),
      observations: read(memory),
      findings: findings === 0 ? [] : read(findings),
      dropped,
    };
    states.set(ruleId, state as StoredState); // as it was when it was encoded
  }
  return { states, upTo: stored.u };
}

/** Detectors by number. Only ever add to the end. */
const NUMBERED: readonly PlaybookType[] = [
  'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
  'REPEATED_2FA_BYPASS',
  'UNUSUAL_PRIVILEGE_ACTION',
  'MULTI_ACCOUNT_CAMPAIGN',
  'CREDENTIAL_STUFFING',
];

/** The baseline that each detector begins with is one object: nearly all states of a new key hold it. */
const EMPTY_BASELINES: ReadonlyMap<unknown, number> = new Map(
  NUMBERED.map((type, number) => [DETECTORS.get(type)?.emptyBaseline, number]),
);

function emptyBaseline(number: number): unknown {
  const type = NUMBERED[number];
  return type === undefined ? undefined : DETECTORS.get(type)?.emptyBaseline;
}

function isList<T>(value: unknown): value is readonly T[] {
  return Array.isArray(value);
}
