import type { Json, JsonObject } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
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

/** JSON pointer patterns (`*`: any one member or item), each with whose the texts below it are. */
export interface OwnedPattern {
  readonly pattern: readonly string[];
  readonly owner: string;
}

/** The texts of each owner, in the order in which they were found. */
export type TakenTexts = ReadonlyMap<string, readonly string[]>;

/**
 * @param patterns what is personal; of two that match the more exact one says whose it is, and of two equal ones the first.
 * @param named who a text names by itself, wherever in a personal place it stands.
 * @returns the data without these texts, and the texts; null when there are none.
 */
export function takeTexts(
  data: JsonObject,
  patterns: readonly OwnedPattern[],
  named: ReadonlyMap<string, string>,
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

  const taken = walk(data, patterns, (text, owner) => (owner === undefined ? escaped(text) : take(text, owner)));
  // An object stays an object.
  return texts.size === 0 ? null : { data: taken as JsonObject, texts };
}

/** Puts the texts back. @param boxes of each person, in the order of their first text; or what stands for all of them. */
export function putTexts(data: JsonObject, boxes: readonly (readonly string[] | string)[]): JsonObject {
  return walk(data, [], (text) => {
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

type Visit = (text: string, owner: string | undefined) => string;

/** Copies what it changes only. `owner` is undefined outside of what is personal. */
function walk(value: Json, patterns: readonly OwnedPattern[], visit: Visit, outer?: string): Json {
  const owner = patterns.length === 0 ? outer : (patterns.find(({ pattern }) => pattern.length === 0)?.owner ?? outer);
  if (typeof value === 'string') return visit(value, owner);
  if (typeof value !== 'object' || value === null) return value;
  if (isArray(value)) {
    let copy: Json[] | null = null;
    value.forEach((item, index) => {
      const walked = walk(item, below(patterns, String(index)), visit, owner);
      if (walked === item) return;
      copy ??= [...value];
      copy[index] = walked;
    });
    return copy ?? value;
  }
  let copy: Record<string, Json> | null = null;
  for (const key of Object.keys(value)) {
    const member = value[key] ?? null;
    const walked = walk(member, below(patterns, key), visit, owner);
    if (walked === member) continue;
    copy ??= { ...value };
    // Not by assignment: `__proto__` is a name like any other here.
    Object.defineProperty(copy, key, { value: walked, enumerable: true, configurable: true, writable: true });
  }
  return copy ?? value;
}

/** Most places are nobody's: this is walked with every record. */
const NONE: readonly OwnedPattern[] = [];

function below(patterns: readonly OwnedPattern[], key: string): readonly OwnedPattern[] {
  if (patterns.length === 0) return patterns;
  let found: OwnedPattern[] | null = null;
  for (const { pattern, owner } of patterns) {
    const [first] = pattern;
    if (first === '*' || first === key) (found ??= []).push({ pattern: pattern.slice(1), owner });
  }
  return found ?? NONE;
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
