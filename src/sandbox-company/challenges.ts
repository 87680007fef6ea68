import { timingSafeEqual } from 'node:crypto';
import {
  applyEffect,
  applyToUser,
  LIMITS,
  Refusal,
  userToChange,
  type Challenge,
  type ChallengeStatus,
  type Change,
  type World,
} from './company.ts';
import { deliver, mail } from './messages.ts';

/** One-time codes. A code is single use, expires, and dies after a few wrong guesses. */

/** The status as of `now`: a pending challenge past its end has expired, without a timer. */
export function challengeStatus(challenge: Challenge, now: number): ChallengeStatus {
  return challenge.status === 'pending' && challenge.expiresAt <= now ? 'expired' : challenge.status;
}

export function challengeOf(world: World, id: string): Challenge {
  const challenge = world.challenges.get(id);
  if (challenge === undefined) throw new Refusal(404, 'challenge_not_found', 'there is no such challenge');
  return challenge;
}

/** Sends a code to the user. `code` comes from the caller's cryptographic source. */
export function issueChallenge(
  change: Change,
  userId: string,
  body: { type: Challenge['type']; expiresInMs: number },
  code: string,
): { challengeId: string; expiresAt: number } {
  const { world, now, key } = change;
  const user = userToChange(change, userId);
  if (world.challenges.size >= LIMITS.objects) throw new Refusal(507, 'full', 'no more challenges are kept');
  if (pendingOf(world, userId, now) >= LIMITS.pendingChallengesPerUser) {
    throw new Refusal(409, 'too_many_challenges', 'too many open challenges of this user');
  }
  const id = `chl_${world.challenges.size + 1}`;
  const expiresAt = now + body.expiresInMs;
  const text = `Your code is ${code}. It works once. If you did not sign in just now, tell your security team.`;
  const letter = { kind: 'code', subject: 'Confirm that it is you', text } as const;
  if (body.type === 'EMAIL_OTP') mail(change, user.mail, letter);
  else deliver(change, user.notifications, letter);
  applyToUser(change, user, 'challenge.issue');
  world.challenges.set(id, {
    id,
    userId,
    type: body.type,
    reference: key,
    code,
    createdAt: now,
    expiresAt,
    triesLeft: LIMITS.challengeTries,
    status: 'pending',
  });
  if (key !== null) world.challengeByReference.set(key, id);
  openChallenges(world, userId).add(id);
  return { challengeId: id, expiresAt };
}

/** POST /challenges/:id/answer. A settled challenge takes no answer any more, not even the right one. */
export function answerChallenge(
  change: Change,
  id: string,
  body: { code: string },
): { status: ChallengeStatus; triesLeft: number } {
  const challenge = challengeOf(change.world, id);
  const status = challengeStatus(challenge, change.now);
  if (status !== 'pending') throw new Refusal(409, 'already_settled', `the challenge has ${status}`);
  challenge.triesLeft -= 1;
  if (sameCode(challenge.code, body.code)) challenge.status = 'passed';
  else if (challenge.triesLeft <= 0) challenge.status = 'failed';
  applyEffect(change, 'challenge.answer', id);
  return { status: challenge.status, triesLeft: challenge.triesLeft };
}

function sameCode(expected: string, given: string): boolean {
  const a = Buffer.from(expected);
  const b = Buffer.from(given);
  return a.length === b.length && timingSafeEqual(a, b);
}

function openChallenges(world: World, userId: string): Set<string> {
  const known = world.openChallenges.get(userId);
  if (known !== undefined) return known;
  const open = new Set<string>();
  world.openChallenges.set(userId, open);
  return open;
}

/** Counts, and forgets on the way those that are settled. */
function pendingOf(world: World, userId: string, now: number): number {
  const open = openChallenges(world, userId);
  if (open.size < LIMITS.pendingChallengesPerUser) return open.size;
  for (const id of open) {
    const challenge = world.challenges.get(id);
    if (challenge === undefined || challengeStatus(challenge, now) !== 'pending') open.delete(id);
  }
  return open.size;
}
