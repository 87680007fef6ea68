import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { accountsOf } from '../access/access.ts';
import { loadUserInForce } from '../access/access-in-force.ts';
import { canonicalAccount } from '../access/identities.ts';
import type { AnonymousContext, CallContext, Principal } from '../access/principal.ts';
import type { UserInForce } from '../access/user-in-force.ts';
import { isProven, readAnswerToken } from './answer-token.ts';

/** People who answer by another door than with a key or a session: by a link in a mail, by a button in a chat. */
export interface AnswersService {
  /**
   * A call as the person whom a link was sent to, with the roles that they have now, and the request that it is for. The link is
   * worth one vote, as the person is. @throws FirebreakError `unauthenticated` for a link that proves nothing (any more).
   */
  byLink(ctx: AnonymousContext, token: string): Promise<{ readonly ctx: CallContext; readonly approvalId: string }>;
  /**
   * A call as the person to whom this account in Slack is linked; that it comes from there is proven already.
   * @throws FirebreakError `forbidden` where it is linked to nobody, or to several.
   */
  bySlackAccount(ctx: AnonymousContext, account: string): Promise<CallContext>;
}

export interface AnswerPorts {
  readonly journal: Pick<JournalReader, 'view'>;
  /** Secret of this journal's links, the same in all of its processes. */
  readonly key: Uint8Array;
  /** All people who are enabled. */
  people(): Promise<readonly UserInForce[]>;
}

const ASKED = z.looseObject({ intentHash: z.string() });

/** Says who answers. Who may vote on what is decided where all votes are counted. */
export function createAnswersService({ journal, key, people }: AnswerPorts): AnswersService {
  return {
    async byLink(ctx, text) {
      const token = readAnswerToken(text);
      const view = token === null ? null : await journal.view('approval', token.approvalId);
      const user = token === null ? null : await loadUserInForce(journal, token.userId);
      const intentHash = view === null ? null : ASKED.parse(view.body).intentHash;
      // One sentence for all that is wrong with it: it tells a forger nothing.
      if (token === null || intentHash === null || !isProven(key, token, intentHash)) throw notValid();
      if (token.expiresAt <= ctx.now || user === null || user.disabled) throw notValid();
      return { ctx: contextOf(ctx, user, 'mail_link'), approvalId: token.approvalId };
    },
    async bySlackAccount(ctx, account) {
      const wanted = canonicalAccount(account);
      const [user, another] = (await people()).filter(({ linkedAccounts }) => linkedAccounts.includes(wanted));
      if (user !== undefined && another === undefined) return contextOf(ctx, user, 'slack');
      const who = user === undefined ? 'nobody' : 'more than one person';
      throw new FirebreakError(
        'forbidden',
        `${account} is linked to ${who} in Firebreak: ask an administrator to link it to you`,
      );
    },
  };
}

function notValid(): FirebreakError {
  return new FirebreakError('unauthenticated', 'This link is not valid, or its time is over');
}

/** A call as this person, for a request and what it is about only. */
function contextOf(ctx: AnonymousContext, user: UserInForce, provenBy: Principal['provenBy']): CallContext {
  const { id: userId, kind, name, roles, grants } = user;
  const principal: Principal = {
    userId,
    kind,
    name,
    roles,
    grants,
    linkedAccounts: accountsOf(user),
    provenBy,
    keyId: provenBy,
    // Nobody else has seen what proves this.
    keyIssuedBy: userId,
    scopes: ['approval.read', 'approval.vote', 'incident.read', 'audit.read'],
    source: null,
  };
  return { ...ctx, principal };
}
