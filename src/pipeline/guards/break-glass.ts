import { z } from 'zod';
import { invariant, type Fault } from '../../platform/errors.ts';
import { contentHash, derivedId } from '../../platform/hash.ts';
import type { Word } from '../access/another-person.ts';
import { ACTION_TYPES, SEVERITIES, type ActionType, type Severity } from '../vocabulary.ts';

/** Break-glass as it is declared beforehand: who may decide alone, about what at most, how often a day, and until when. */

const HOUR_MS = 3_600_000;
/** Furthest end of a declaration, in ms from its proposal: a quarter. Who still needs it then has to say so again. */
export const MAX_DECLARATION_MS = 90 * 24 * HOUR_MS;
/** How long a declaration waits for the second person, in ms: 72 hours, a weekend and a day. */
export const DECLARATION_LAPSES_MS = 72 * HOUR_MS;
/** Uses are counted over so long, in ms: any day, not the calendar's. */
export const DAY_MS = 24 * HOUR_MS;
/** Most people who may use it: what everybody may is no exception. */
const MAX_PEOPLE = 20;
/** Most uses a day. More than these are a gate that is wrong. */
const MAX_USES = 10;
/** Longest reason, in UTF-16 units: a paragraph for the auditor. */
const MAX_REASON = 2_000;

const TERMS = z.strictObject({
  people: z
    .array(z.string().trim().min(1).max(200))
    .min(1)
    .max(MAX_PEOPLE)
    .transform((ids) => [...new Set(ids)].sort()),
  actionTypes: z
    .array(z.enum(ACTION_TYPES))
    .min(1)
    .max(ACTION_TYPES.length)
    .transform((types) => [...new Set(types)].sort()),
  maxRiskLevel: z.enum(SEVERITIES),
  usesPerDay: z.int().min(1).max(MAX_USES),
  irreversible: z.boolean().default(false),
  reason: z.string().trim().min(1).max(MAX_REASON),
  expiresAt: z.iso
    .datetime({ offset: true, error: 'is a time as RFC 3339 writes it, for example 2026-12-01T08:00:00Z' })
    .transform((time) => Date.parse(time)),
});

/** What two people agree on. It never changes: whoever wants something else declares that. */
export type GlassTerms = Readonly<z.output<typeof TERMS>>;

/** The terms from a JSON value; or all faults, each with a pointer. @param now business time, ms since 1970. */
export function readGlassTerms(value: unknown, now: number): GlassTerms | { readonly faults: readonly Fault[] } {
  const parsed = TERMS.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({
      pointer: `/${path.map(String).join('/')}`,
      detail: message,
    }));
    return { faults };
  }
  const pointer = '/expiresAt';
  if (parsed.data.expiresAt <= now) return { faults: [{ pointer, detail: 'This time is over.' }] };
  if (parsed.data.expiresAt - now <= MAX_DECLARATION_MS) return parsed.data;
  const latest = new Date(now + MAX_DECLARATION_MS).toISOString();
  return { faults: [{ pointer, detail: `A declaration ends within 90 days, so at ${latest} at the latest.` }] };
}

/** Somebody's word on a declaration, and when. */
export interface GlassWord extends Word {
  readonly at: number;
}

export interface GlassProposal {
  readonly id: string;
  readonly terms: GlassTerms;
  /** What is confirmed. */
  readonly hash: string;
  readonly proposed: GlassWord;
  /** From here on nobody can confirm it any more. */
  readonly lapsesAt: number;
}

export interface GlassDeclaration extends Omit<GlassProposal, 'lapsesAt'> {
  /** Number of the guard's record that put it in force. */
  readonly version: number;
  readonly confirmed: GlassWord;
}

/** The guard as a whole; every record of it holds all of it. */
export interface GlassState {
  readonly declared: GlassDeclaration | null;
  readonly proposal: GlassProposal | null;
  /** Uses of the last day, the oldest first: so that two at the same moment are counted one after the other. */
  readonly uses: readonly { readonly id: string; readonly at: number }[];
}

export const NOTHING_DECLARED: GlassState = { declared: null, proposal: null, uses: [] };

export function proposedGlass(state: GlassState, terms: GlassTerms, word: GlassWord): GlassState {
  const id = derivedId('bgl', word.by, String(word.at), contentHash(terms));
  const hash = contentHash({ by: word.by, id, terms });
  const lapsesAt = Math.min(terms.expiresAt, word.at + DECLARATION_LAPSES_MS);
  return { ...state, proposal: { id, terms, hash, proposed: word, lapsesAt } };
}

export function confirmedGlass(state: GlassState, word: GlassWord, version: number): GlassState {
  invariant(state.proposal !== null, 'what is confirmed was proposed');
  const { lapsesAt: _lapsesAt, ...proposal } = state.proposal;
  return { ...state, declared: { ...proposal, confirmed: word, version }, proposal: null };
}

/** Nothing is in force or proposed any more; how often it was used stays known. */
export function revokedGlass({ uses }: GlassState): GlassState {
  return { ...NOTHING_DECLARED, uses };
}

/** How often it was used in the day before `now`. */
export function usesOfDay({ uses }: GlassState, now: number): GlassState['uses'] {
  return uses.filter(({ at }) => now - at < DAY_MS);
}

export function usedGlass(state: GlassState, use: { readonly id: string; readonly at: number }): GlassState {
  return { ...state, uses: [...usesOfDay(state, use.at), use] };
}

/** The declaration as an execution is told of it: what its record has to hold to be decided again. */
export interface GlassInForce {
  readonly id: string;
  readonly version: number;
  readonly people: readonly string[];
  readonly actionTypes: readonly ActionType[];
  readonly maxRiskLevel: Severity;
  readonly usesPerDay: number;
  readonly irreversible: boolean;
  readonly expiresAt: number;
}

export function glassInForce({ declared }: GlassState): GlassInForce | null {
  if (declared === null) return null;
  const { people, actionTypes, maxRiskLevel, usesPerDay, irreversible, expiresAt } = declared.terms;
  const { id, version } = declared;
  return { id, version, people, actionTypes, maxRiskLevel, usesPerDay, irreversible, expiresAt };
}
