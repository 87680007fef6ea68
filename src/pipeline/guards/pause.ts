import type { Word } from '../access/another-person.ts';

/**
 * How long one person's word to resume waits for another's, in ms of business time: both look at the same situation. Whoever
 * comes later looks anew.
 */
export const RESUME_PROPOSAL_MS = 15 * 60_000;

/** Who has paused everything: the newest word, and since when nothing is done. */
export interface Paused {
  readonly by: string;
  readonly reason: string;
  readonly since: number;
}

/** One of two people who have to say that everything goes on. */
export interface ResumeProposal extends Word {
  readonly reason: string;
  readonly at: number;
  readonly expiresAt: number;
}

/** The pause over everything that changes something outside. */
export interface PauseState {
  readonly paused: Paused | null;
  readonly proposal: ResumeProposal | null;
}

export const NEVER_PAUSED: PauseState = { paused: null, proposal: null };

/** Who says something, why and when. */
export interface Said extends Word {
  readonly reason: string;
  readonly at: number;
}

/** Paused from now on. Said again, it objects to whoever has proposed to resume. */
export function pausedBy({ paused }: PauseState, { by, reason, at }: Said): PauseState {
  return { paused: { by, reason, since: paused?.since ?? at }, proposal: null };
}

/** The proposal that the next person may join, or null: it has lapsed, or nobody has proposed. */
export function standingProposal({ proposal }: PauseState, at: number): ResumeProposal | null {
  return proposal !== null && at < proposal.expiresAt ? proposal : null;
}

/** The first of two words. */
export function proposedBy(state: PauseState, { by, issuedBy, reason, at }: Said): PauseState {
  return { ...state, proposal: { by, issuedBy, reason, at, expiresAt: at + RESUME_PROPOSAL_MS } };
}
