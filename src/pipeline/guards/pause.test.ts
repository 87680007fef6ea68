import { describe, expect, it } from 'vitest';
import { NEVER_PAUSED, pausedBy, proposedBy, RESUME_PROPOSAL_MS, standingProposal, type Said } from './pause.ts';

const said = (by: string, at: number): Said => ({ by, issuedBy: by, reason: `${by} says so`, at });

describe('the pause', () => {
  it('keeps its beginning when it is said again, and the newest word', () => {
    const first = pausedBy(NEVER_PAUSED, said('anna', 1));
    expect(first).toEqual({ paused: { by: 'anna', reason: 'anna says so', since: 1 }, proposal: null });
    expect(pausedBy(first, said('bela', 5)).paused).toEqual({ by: 'bela', reason: 'bela says so', since: 1 });
  });

  it('said again takes a word to resume for objected to', () => {
    const proposed = proposedBy(pausedBy(NEVER_PAUSED, said('anna', 1)), said('bela', 2));
    expect(standingProposal(proposed, 2)).toMatchObject({ by: 'bela' });
    expect(standingProposal(pausedBy(proposed, said('carla', 3)), 3)).toBe(null);
  });

  it('lets one word to resume stand for a quarter of an hour, and no longer', () => {
    const proposed = proposedBy(pausedBy(NEVER_PAUSED, said('anna', 0)), said('bela', 1_000));
    expect(standingProposal(proposed, 1_000 + RESUME_PROPOSAL_MS - 1)).toMatchObject({ by: 'bela', issuedBy: 'bela' });
    expect(standingProposal(proposed, 1_000 + RESUME_PROPOSAL_MS)).toBe(null);
    expect(proposed.paused).not.toBe(null);
  });
});
