import type { Json, JsonObject } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import { placeBelow, type Place } from './places.ts';
import { ACTION_TYPES, CHANNELS, PLAYBOOK_TYPES, ROLES, SEVERITIES } from '../vocabulary.ts';

/**
 * Takes personal texts out of the data of a record and puts them back in. In the place of each stands where it went, behind a
 * character that no text of the record begins with: who reads the data needs no catalogue to find them again.
 */

/** A private-use character. Texts that begin with it are given another one in front. */
const MARK = '\u{e000}';
/** The member of the data that says whose texts were taken out. No record has one of this name. */
export const TAKEN = '$encrypted';
/** What is read in the place of a text whose person was erased. */
export const ERASED = '[erased]';
/** What is read in the place of somebody else's text, where only one person's are asked for. */
export const OTHERS = '[somebody else]';

/** What of some data is personal, and whose it is. */
export interface OwnedPlaces {
  /** Each label is the number of an owner; of two patterns that match, the more exact one says whose it is. */
  readonly place: Place;
  readonly owners: readonly string[];
  /** Who a text names by itself, wherever in a personal place it stands. */
  readonly named: ReadonlyMap<string, string>;
}

/** The texts of each owner, in the order in which they were found. */
export type TakenTexts = ReadonlyMap<string, readonly string[]>;

/** The data without their personal texts, and these; null when there are none. */
export function takeTexts(
  data: JsonObject,
  { place, owners, named }: OwnedPlaces,
): { readonly data: JsonObject; readonly texts: TakenTexts } | null {
  invariant(!(TAKEN in data), `no record has a member ${TAKEN} of its own`);
  const texts = new Map<string, string[]>();
  const boxes = new Map<string, number>();

  function take(text: string, owner: string): string {
    if (isPublicWord(text)) return escaped(text);
    const whose = named.get(text) ?? owner;
    const own = texts.get(whose) ?? [];
    if (own.length === 0) {
      texts.set(whose, own);
      boxes.set(whose, boxes.size);
    }
    const known = own.indexOf(text);
    const index = known === -1 ? own.push(text) - 1 : known;
    return `${MARK}${boxes.get(whose)}.${index}`;
  }

  const taken = walk(data, place, (text, label) => {
    const owner = label === undefined ? undefined : owners[label];
    return owner === undefined ? escaped(text) : take(text, owner);
  });
  // An object stays an object.
  return texts.size === 0 ? null : { data: taken as JsonObject, texts };
}

/** Puts the texts back. @param boxes of each person, in the order of their first text; or what stands for all of them. */
export function putTexts(data: JsonObject, boxes: readonly (readonly string[] | string)[]): JsonObject {
  return walk(data, null, (text) => {
    if (!text.startsWith(MARK)) return text;
    if (text.startsWith(MARK + MARK)) return text.slice(MARK.length);
    const [box = '', index = ''] = text.slice(MARK.length).split('.');
    const texts = boxes[Number(box)];
    if (typeof texts === 'string') return texts;
    return texts?.[Number(index)] ?? ERASED;
  }) as JsonObject; // an object stays an object
}

function escaped(text: string): string {
  return text.startsWith(MARK) ? MARK + text : text;
}

type Visit = (text: string, label: number | undefined) => string;

/** Copies what it changes only. The label is undefined outside of what is personal. */
function walk(value: Json, place: Place | null, visit: Visit, outer?: number): Json {
  const label = place?.label ?? outer;
  if (typeof value === 'string') return visit(value, label);
  if (typeof value !== 'object' || value === null) return value;
  if (isArray(value)) {
    let copy: Json[] | null = null;
    for (let index = 0; index < value.length; index += 1) {
      const item = value[index] ?? null;
      const walked = walk(item, placeBelow(place, index), visit, label);
      if (walked === item) continue;
      copy ??= [...value];
      copy[index] = walked;
    }
    return copy ?? value;
  }
  let copy: Record<string, Json> | null = null;
  for (const key of Object.keys(value)) {
    const member = value[key] ?? null;
    const walked = walk(member, placeBelow(place, key), visit, label);
    if (walked === member) continue;
    copy ??= { ...value };
    // Not by assignment: `__proto__` is a name like any other here.
    if (key === '__proto__')
      Object.defineProperty(copy, key, { value: walked, enumerable: true, configurable: true, writable: true });
    else copy[key] = walked;
  }
  return copy ?? value;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Ids and digests that Firebreak made, and words of its own vocabulary: they tell nothing about anybody, and folding needs them. */
function isPublicWord(text: string): boolean {
  return text === '' || WORDS.has(text) || OWN_ID.test(text) || DIGEST.test(text);
}

const OWN_ID = /^[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const INCIDENT_WORDS = ['OPEN', 'CONTAINED', 'RESOLVED', 'FALSE_POSITIVE', 'DETECTION', 'ALERT', 'MANUAL'] as const;
const TARGET_TYPES = ['user', 'host', 'segment', 'ip', 'vendor', 'none'] as const;
const WORDS: ReadonlySet<string> = new Set([
  ...ACTION_TYPES,
  ...CHANNELS,
  ...PLAYBOOK_TYPES,
  ...ROLES,
  ...SEVERITIES,
  ...INCIDENT_WORDS,
  ...TARGET_TYPES,
]);
