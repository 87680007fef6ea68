import { derivedId, sha256Hex } from '../../platform/hash.ts';
import type { Event, Subject } from '../events/event.ts';
import type { BaseObservation } from './detector.ts';

/** Longest text an observation keeps, in UTF-16 units: it is stored with the state of each key. */
const MAX_TEXT_LENGTH = 200;

/** Longest id kept as it is: identities of events have at most 512. */
const MAX_ID_LENGTH = 512;

/** Evidence of one finding: the first and the newest this many, so that a flood stays readable. */
export const MAX_EVIDENCE_EACH_END = 50;

export interface EventRef {
  readonly source: string;
  readonly eventId: string;
}

/** Text that a record may hold: no lone surrogates, bounded. Display only: different texts may become equal. */
export function boundedText(text: string, maxLength: number = MAX_TEXT_LENGTH): string {
  return (text.length > maxLength ? text.slice(0, maxLength) : text).toWellFormed();
}

/** As `boundedText`, but different texts stay different: what is cut or repaired is replaced by its hash. */
export function identityText(text: string): string {
  const well = boundedText(text, MAX_ID_LENGTH);
  return well === text ? well : `${well.slice(0, 100).toWellFormed()}#${sha256Hex(Buffer.from(text, 'utf16le'))}`;
}

/** Text that NFC leaves as it is. */
const ASCII = /^[\x20-\x7e]*$/;

/** The canonical form of an account id: NFC, lower case, bounded. */
export function accountId(id: string): string {
  if (id.length <= MAX_ID_LENGTH && ASCII.test(id)) return id.toLowerCase();
  return identityText(identityText(id).normalize('NFC').toLowerCase());
}

/**
 * What several rules read of one event. Events are immutable, so it is worked out once; the objects are shared by all
 * observations of the event, so that six rules that watch it keep one copy.
 */
interface EventFacts {
  readonly user: Subject | null;
  readonly base: BaseObservation | null;
  readonly ip: string | null;
}

const FACTS = new WeakMap<Event, EventFacts>();

function factsOf(event: Event): EventFacts {
  const known = FACTS.get(event);
  if (known !== undefined) return known;
  const { subject, ip, time } = event;
  const facts = {
    user: subject === null || subject.type !== 'user' || subject.id === '' ? null : userSubject(subject.id),
    base: Number.isSafeInteger(time) && time >= 0 ? baseOf(event) : null,
    ip: ip === null ? null : identityText(ip),
  };
  FACTS.set(event, facts);
  return facts;
}

function userSubject(id: string): Subject {
  return { type: 'user', id: accountId(id) };
}

function baseOf(event: Event): BaseObservation {
  return {
    eventId: identityText(event.id),
    source: identityText(event.source),
    time: event.time,
    ingest: event.timeQuality !== 'event',
  };
}

/** The user an event is about, or null when there is none. */
export function userOf(event: Event): Subject | null {
  return factsOf(event).user;
}

/** The key of a user's states. The last one is kept: the rules ask one after the other for the user of one event. */
export function userKey(id: string): string {
  if (id !== lastUser.id) lastUser = { id, key: `user:${id}` };
  return lastUser.key;
}

let lastUser = { id: '', key: 'user:' };

/**
 * The members that each observation has, or null for a time that no window can hold (not a safe integer, or
 * negative): such an event is stored and shown, but counts in no window.
 */
export function baseObservation(event: Event): BaseObservation | null {
  return factsOf(event).base;
}

/** The address of an event as observations keep it, or null. */
export function addressOf(event: Event): string | null {
  return factsOf(event).ip;
}

/** The one order of observations: time, then event id, then source, by UTF-16 code unit. */
export function compareObservations(a: BaseObservation, b: BaseObservation): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  if (a.eventId !== b.eventId) return a.eventId < b.eventId ? -1 : 1;
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  return 0;
}

/** A string that two observations share exactly when they are of the same event. */
export function observationId(observation: EventRef): string {
  return `${observation.source.length}:${observation.source}${observation.eventId}`;
}

export function refOf(observation: EventRef): EventRef {
  return { source: observation.source, eventId: observation.eventId };
}

/** The name of what a finding stands on: one event, or the two of a pair. It says nothing about arrival. */
export function anchorOf(...observations: readonly EventRef[]): string {
  return derivedId('anc', ...observations.flatMap((observation) => [observation.source, observation.eventId]));
}

/** `12 minutes`, `1 minute`, `40 seconds`: whole units, rounded down. */
export function spanText(ms: number): string {
  if (ms < 60_000) return unitText(Math.floor(ms / 1000), 'second');
  if (ms < 3 * 3_600_000) return unitText(Math.floor(ms / 60_000), 'minute');
  return unitText(Math.floor(ms / 3_600_000), 'hour');
}

/** `1 account`, `3 accounts`. */
export function unitText(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
