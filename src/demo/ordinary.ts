import { workplaceOf, type Company, type Origin, type Person, type Provider } from './company.ts';
import { okta, signInEvent, useEvent, type ProviderEvent, type SignIn } from './lines.ts';
import type { Random } from './random.ts';

/** What harmless people do: sign in, open applications, mistype, change places at an ordinary speed. */

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** An event on its way into its provider's file. */
export interface Entry {
  readonly time: number;
  readonly provider: Provider;
  readonly event: ProviderEvent;
  readonly attack: string | null;
}

const APPLICATIONS = ['Mail', 'Calendar', 'Wiki', 'Tickets', 'Payroll', 'Design board', 'Source code', 'Video calls'];

/** A sign-in of this person from this place with the own device, in a session of its own. */
export function signInOf(random: Random, person: Person, time: number, from: Origin, ok = true): SignIn {
  return { person, time, from, deviceId: person.deviceId, userAgent: person.userAgent, session: random.hex(24), ok };
}

/** The event of a sign-in; where the provider tells them apart, the push and its answer come with it. */
export function signInEntries(random: Random, signIn: SignIn, withPush = false): Entry[] {
  const { provider } = signIn.person;
  const entries: Entry[] = [{ time: signIn.time, provider, event: signInEvent(random, signIn), attack: null }];
  if (provider !== 'okta' || !withPush || !signIn.ok) return entries;
  const asked = signIn.time + random.integer(1, 4) * 1000;
  const answered = asked + random.integer(4, 40) * 1000;
  const factor = 'OKTA_VERIFY_PUSH';
  const push = okta(random, { ...signIn, time: asked }, 'system.push.send_factor_verify_push', 'SUCCESS', { factor });
  const answer = okta(random, { ...signIn, time: answered }, 'user.authentication.auth_via_mfa', 'SUCCESS', { factor });
  return [
    ...entries,
    { time: asked, provider, event: push, attack: null },
    { time: answered, provider, event: answer, attack: null },
  ];
}

/**
 * A working day at one place, from `start` to `end`: a sign-in in the first half hour, then applications. Nothing
 * happens at or after `end`.
 */
export function workingDay(random: Random, person: Person, from: Origin, start: number, end: number): Entry[] {
  const arrives = start + random.integer(0, 30 * 60) * 1000;
  if (arrives >= end - MINUTE) return [];
  const signIn = signInOf(random, person, arrives, from);
  const entries = signInEntries(random, signIn, true);
  const uses = Math.max(1, Math.round((end - arrives) / (17 * MINUTE)));
  for (let use = 0; use < uses; use += 1) {
    const time = random.integer(arrives + MINUTE, end - 1000);
    const event = useEvent(random, { ...signIn, time }, random.pick(APPLICATIONS));
    entries.push({ time, provider: person.provider, event, attack: null });
  }
  return entries;
}

/** A password typed wrongly once or twice, and then right. */
export function mistype(random: Random, person: Person, from: Origin, time: number): Entry[] {
  const wrong = random.integer(1, 2);
  const entries: Entry[] = [];
  for (let index = 0; index <= wrong; index += 1) {
    const at = time + index * random.integer(8, 30) * 1000;
    entries.push(...signInEntries(random, signInOf(random, person, at, from, index === wrong)));
  }
  return entries;
}

/**
 * Three weeks before the day: sign-ins from the usual place on most days, so that places, devices and shared
 * addresses are known. The first two days are always there: learning counts from them.
 */
export function signInHistory(random: Random, company: Company, dayStart: number, days: number): Entry[] {
  const entries: Entry[] = [];
  for (let ago = days; ago >= 1; ago -= 1) {
    for (const person of company.people) {
      if (ago < days - 1 && !random.chance(55)) continue;
      const time = dayStart - ago * DAY + random.integer(0, 3 * 3600) * 1000;
      entries.push(...signInEntries(random, signInOf(random, person, time, workplaceOf(company, person))));
    }
  }
  return entries;
}
