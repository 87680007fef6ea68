import type { LentSeat } from '../../src/pipeline/access/present-voter.ts';
import type { OnCallBook } from '../../src/pipeline/oncall/book.ts';
import { readSchedule } from '../../src/pipeline/oncall/schedule.ts';
import { START } from '../world/start.ts';
import type { Random } from '../world/random.ts';

/** Seats that people lend to each other, and who is on call. */

/** Furthest time, after the start of the world, at which a delegation begins or ends, in s. */
const LAST_S = 120;
const PEOPLE = ['usr_1', 'usr_2', 'usr_3', 'usr_4', 'usr_5', 'usr_6'];

/** Some seats for some voters: in force or not, of people who may vote or not, of some roles or all. */
export function randomSeats(random: Random, voter: string): { readonly lentSeats?: readonly LentSeat[] } {
  if (!random.chance(350)) return {};
  const lentSeats = Array.from({ length: random.between(1, 2) }, (_, index): LentSeat => {
    const from = START + random.between(0, LAST_S) * 1_000;
    const lasts = random.chance(300) ? { from, until: from + random.between(1, 60) * 1_000 } : null;
    return {
      delegationId: `dlg_${voter}_${index}`,
      userId: random.pick(PEOPLE.filter((each) => each !== voter)),
      roles: random.pick([['SECURITY_ADMIN'], ['SECURITY_ADMIN'], ['INCIDENT_COMMANDER'], []]),
      linkedAccounts: random.chance(150) ? [random.pick(['usr_1', 'usr_3', 'alice@example.test'])] : [],
      mayVote: random.chance(900),
      ...(random.chance(300) ? { byRoleOnly: true } : {}),
      ...(random.chance(100) ? { playbookIds: ['playbook exe1'] } : {}),
      ...(lasts ?? { from: START, until: START + 86_400_000 }),
    };
  });
  return { lentSeats };
}

/** The schedule by which somebody is on call in every world; by any other nobody is. */
export const SCHEDULE = 'oncall:primary';
export const EMPTY_SCHEDULE = 'oncall:nobody';

/** Who is on call in every world: two people who take turns of an hour. */
export function onCallBook(): OnCallBook {
  const layers = [{ people: ['usr_2', 'usr_5'], startsAt: '2026-11-01T00:00:00', rotationHours: 1 }];
  const read = readSchedule({ name: 'Primary', layers });
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return { schedules: new Map([['primary', read.value]]), able: new Set(PEOPLE) };
}
