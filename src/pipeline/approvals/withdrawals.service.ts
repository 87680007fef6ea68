import { z } from 'zod';
import type { JournalReader } from '../../journal/journal.ts';
import type { CallContext } from '../access/principal.ts';
import type { Answer } from '../service.ts';
import { existingApproval, refusal, shownApproval, type VoteResult } from './approvals.service.ts';

/** A vote that is to be taken back; whose it is, is what the credential says. */
export interface TakeBack {
  readonly executionId: string;
  readonly approvalId: string;
  readonly reason: string | null;
}

export interface WithdrawalPorts {
  readonly journal: Pick<JournalReader, 'view'>;
  /** Takes the vote back in the execution and answers when that is on disk. */
  takeBack(ctx: CallContext, withdrawal: TakeBack): Promise<VoteResult>;
}

export interface WithdrawalService {
  /**
   * Takes back what the caller, or somebody in their place, has said.
   * @throws FirebreakError `already_decided`; `conflict` where there is no such vote; `cannot_vote`.
   */
  withdraw(ctx: CallContext, input: { readonly id: string; readonly reason: string | null }): Promise<Answer>;
}

const DECIDED_IN = z.looseObject({ executionId: z.string() });

export function createWithdrawalService({ journal, takeBack }: WithdrawalPorts): WithdrawalService {
  return {
    async withdraw(ctx, { id, reason }) {
      const { executionId } = DECIDED_IN.parse((await existingApproval(journal, id)).body);
      const taken = await takeBack(ctx, { executionId, approvalId: id, reason });
      if (!taken.admitted) throw refusal(taken.code, taken.reason);
      return { data: shownApproval(await existingApproval(journal, id)) };
    },
  };
}
