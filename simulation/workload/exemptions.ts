import type { GateExemption } from '../../src/pipeline/playbooks/plan.ts';
import type { Random } from '../world/random.ts';
import { START } from '../world/start.ts';

/** Exemptions of random gates: some end, some are revoked, some are for others or were made by somebody who is concerned. */

/** Last moment, after the start of the world, at which an exemption ends or is revoked, in s. */
const LAST_S = 120;
const REVOKED = '@';

/** @param conditions what a condition may say; @param users whom an exemption may be for */
export function randomExemptions(
  random: Random,
  conditions: readonly string[],
  users: readonly string[],
): { readonly exemptions?: readonly GateExemption[] } {
  if (!random.chance(300)) return {};
  const exemptions = Array.from({ length: random.between(1, 3) }, (_, index): GateExemption => {
    const proposedBy = random.pick(['usr_1', 'usr_7', 'usr_8']);
    const named = users.filter(() => random.chance(700));
    return {
      id: `exm_${index}${random.chance(300) ? `${REVOKED}${moment(random)}` : ''}`,
      proposedBy,
      confirmedBy: 'usr_9',
      accounts: [...new Set([proposedBy, 'usr_9', ...(random.chance(150) ? ['bob@example.test'] : [])])],
      expiresAt: random.chance(500) ? moment(random) : START + 86_400_000,
      ...(named.length > 0 && random.chance(400) ? { userIds: named } : {}),
      ...(random.chance(400) ? { condition: random.pick(conditions) } : {}),
    };
  });
  return { exemptions };
}

/** Whether somebody has revoked it by then: business time, ms since 1970. */
export function isRevoked({ id }: Pick<GateExemption, 'id'>, at: number): boolean {
  const [, from] = id.split(REVOKED);
  return from !== undefined && Number(from) <= at;
}

function moment(random: Random): number {
  return START + random.between(0, LAST_S) * 1_000;
}
