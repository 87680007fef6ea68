import { randomBytes } from 'node:crypto';
import type { Journal } from '../journal/journal.ts';
import { createDelegationService, type DelegationService } from '../pipeline/access/delegations.service.ts';
import type { PasskeyProofs } from '../pipeline/access/passkeys.service.ts';
import type { Voters } from '../pipeline/access/voters.ts';
import { createApprovalService, type ApprovalService } from '../pipeline/approvals/approvals.service.ts';
import { createWithdrawalService, type WithdrawalService } from '../pipeline/approvals/withdrawals.service.ts';
import { castVote, takeBackVote } from '../pipeline/executions/cast-vote.ts';
import type { Runner } from '../pipeline/executions/runner.ts';

/** How people answer requests, take an answer back, and let others answer in their place. */
export interface Voting {
  readonly approvals: ApprovalService;
  readonly withdrawals: WithdrawalService;
  readonly delegations: DelegationService;
}

export interface VotingPorts {
  /** Commits through the committer, like everything else. */
  readonly journal: Journal;
  readonly runner: Pick<Runner, 'submit'>;
  readonly voters: Voters;
  readonly passkeys: PasskeyProofs;
}

export function openVoting({ journal, passkeys, ...ports }: VotingPorts): Voting {
  return {
    approvals: createApprovalService({ journal, passkeys, cast: (ctx, vote) => castVote(ports, ctx, vote) }),
    withdrawals: createWithdrawalService({ journal, takeBack: (ctx, vote) => takeBackVote(ports, ctx, vote) }),
    delegations: createDelegationService(journal, randomBytes),
  };
}
