import { FirebreakError } from '../../platform/errors.ts';
import type { PeopleDesk } from '../actions/desks.ts';
import type { Notices } from './notices.ts';
import { toldNoticeId, type PeopleTeller } from './teller.ts';

/**
 * People as actions reach them: a notice for everybody who has the role, in-app always. It is raised once for a key, whoever
 * asks and however often, and the journal says whether it was. @throws FirebreakError `conflict` when there is nobody at
 * all who could be told: an action that tells nobody has failed.
 */
export function createPeopleDesk(teller: Pick<PeopleTeller, 'tellRoles'>, notices: Pick<Notices, 'load'>): PeopleDesk {
  return {
    async tell(message) {
      const { id, deliveries } = await teller.tellRoles(message);
      if (deliveries.length === 0) {
        throw new FirebreakError(
          'conflict',
          `Nobody has one of the roles ${message.roles.join(', ')}, and nobody runs this`,
        );
      }
      return { noticeId: id };
    },
    async find(key) {
      try {
        const { id, deliveries } = await notices.load(toldNoticeId(key));
        return deliveries.length === 0 ? null : { noticeId: id };
      } catch (thrown) {
        if (thrown instanceof FirebreakError && thrown.code === 'not_found') return null;
        throw thrown;
      }
    },
  };
}
