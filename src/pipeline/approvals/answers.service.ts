import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { accountsOf, type User } from '../access/access.ts';
import { loadUser } from '../access/access.store.ts';
import { canonicalAccount } from '../access/identities.ts';
import { requireOperation, type AnonymousContext, type CallContext, type Principal } from '../access/principal.ts';
import type { Answer } from '../service.ts';
import { isProven, readAnswerToken } from './answer-token.ts';
import type { ApprovalService } from './approvals.service.ts';

/** An answer that comes in by another door than the API: by a link in a mail, by a button in a chat. */
export interface OutsideAnswer {
  readonly decision: 'approve' | 'deny';
  readonly comment: string | null;
}

export interface AnswersService {
  /** What a link asks, as it is now. Changes nothing. @throws FirebreakError `unauthenticated` for a link that proves nothing. */
  asked(ctx: AnonymousContext, token: string): Promise<Answer>;
  /**
   * Votes as the person whom the link was sent to, with the roles that they have now. Once: a person has one vote.
   * @throws FirebreakError `unauthenticated`, and whatever a vote is refused with.
   */
  byLink(ctx: AnonymousContext, token: string, answer: OutsideAnswer): Promise<Answer>;
  /**
   * A call as the person to whom this account in Slack is linked; that it comes from there is proven already. Good for looking at
   * requests and answering them. @throws FirebreakError `forbidden` where it is linked to nobody, or to several.
   */
  asSlackUser(ctx: AnonymousContext, account: string): Promise<CallContext>;
}

export interface AnswerPorts {
  readonly journal: Pick<JournalReader, 'view'>;
  readonly approvals: Pick<ApprovalService, 'get' | 'approve' | 'deny'>;
  /** Secret of this journal's links, the same in all of its processes. */
  readonly key: Uint8Array;
  /** All people who are enabled. */
  people(): Promise<readonly User[]>;
}

const ASKED = z.looseObject({ intentHash: z.string() });

/** Answers that come in by other doors. Who may vote on what is decided where all votes are counted. */
export function createAnswersService({ journal, approvals, key, people }: AnswerPorts): AnswersService {
  /** The person whom a link was sent to, and what it asks. One sentence for all that is wrong with it: it tells a forger nothing. */
  async function opened(ctx: AnonymousContext, text: string) {
    const token = readAnswerToken(text);
    const view = token === null ? null : await journal.view('approval', token.approvalId);
    const asked = view === null ? null : ASKED.parse(view.body);
    const proven = token !== null && asked !== null && isProven(key, token, asked.intentHash);
    if (!proven || token.expiresAt <= ctx.now)
      throw new FirebreakError('unauthenticated', 'This link is not valid, or its time is over');
    const user = (await loadUser(journal, token.userId))?.item;
    if (user === undefined || user.disabled)
      throw new FirebreakError('unauthenticated', 'This link is not valid, or its time is over');
    return { approvalId: token.approvalId, intentHash: asked.intentHash, ctx: contextOf(ctx, user, 'MAIL_LINK') };
  }

  return {
    async asked(ctx, token) {
      const link = await opened(ctx, token);
      return approvals.get(link.ctx, { id: link.approvalId });
    },
    async byLink(ctx, token, { decision, comment }) {
      const { approvalId, intentHash, ctx: as } = await opened(ctx, token);
      requireOperation(as.principal, 'approval.vote');
      return approvals[decision](as, { id: approvalId, comment, intentHash });
    },
    async asSlackUser(ctx, account) {
      const wanted = canonicalAccount(account);
      const [user, another] = (await people()).filter(({ linkedAccounts }) => linkedAccounts.includes(wanted));
      if (user === undefined || another !== undefined) {
        const who = user === undefined ? 'nobody' : 'more than one person';
        throw new FirebreakError(
          'forbidden',
          `${account} is linked to ${who} in Firebreak: ask an administrator to link it to you`,
        );
      }
      return contextOf(ctx, user, 'SLACK');
    },
  };
}

/** A call as this person, for votes only. */
function contextOf(ctx: AnonymousContext, user: User, via: NonNullable<Principal['via']>): CallContext {
  const { id: userId, kind, name, roles } = user;
  const principal: Principal = {
    userId,
    kind,
    name,
    roles,
    linkedAccounts: accountsOf(user),
    via,
    keyId: via,
    // Nobody else has seen what proves this.
    keyIssuedBy: userId,
    scopes: ['approval.read', 'approval.vote'],
    source: null,
  };
  return { ...ctx, principal };
}
