import { bug, type PlantedBug } from './planted-bug.ts';

const VOICES = 'src/pipeline/approvals/voices.ts';
const APPROVAL = 'src/pipeline/approvals/approval.ts';
const WITHDRAW = 'src/pipeline/approvals/withdraw.ts';
const EVOLVE = 'src/pipeline/executions/core/evolve-approval.ts';
const TIMERS = 'src/pipeline/executions/core/timers.ts';

/** Bugs in who speaks for whom, what is taken back, and who is on call. */
export const SEAT_BUGS: readonly PlantedBug[] = [
  bug('delegations', 'seat-lent-for-ever', VOICES, 'return from <= at && at < until;', 'return from <= at;'),
  bug(
    'delegations',
    'delegate-and-owner-count-twice',
    VOICES,
    'return voice.onBehalfOf === undefined ? own : new Set([...own, ...identitiesOfPerson(voice.onBehalfOf)]);',
    'return own;',
  ),
  bug('delegations', 'seat-of-the-barred', APPROVAL, 'if (!seat.mayVote)', 'if (seat.until < 0)'),
  bug('delegations', 'roles-of-the-delegate-count', VOICES, 'return voice.onBehalfOf ?? voice;', 'return voice;'),
  bug(
    'withdrawals',
    'withdrawn-vote-counts',
    EVOLVE,
    'votes: approval.votes.filter((vote) => !isMeant(vote)),',
    'votes: approval.votes,',
  ),
  bug('withdrawals', 'withdrawn-after-the-decision', WITHDRAW, "if (approval.status !== 'PENDING')", 'if (at < 0)'),
  bug(
    'withdrawals',
    'vote-of-others-withdrawn',
    WITHDRAW,
    'approval.votes.filter((vote) => overlaps(identitiesOf(vote), own))',
    'approval.votes.filter(() => own.size > 0)',
  ),
  bug(
    'on call',
    'nobody-on-call-is-waited-for',
    TIMERS,
    'isInVain = schedule !== null && onCall?.[schedule]?.length === 0;',
    'isInVain = schedule !== null && onCall?.[schedule]?.length === -1;',
  ),
  bug(
    'on call',
    'people-on-call-may-not-answer',
    EVOLVE,
    'requirements: withStandInsOnCall(approval.requirements, delayMs, onCall)',
    'requirements: withStandInsOnCall(approval.requirements, delayMs, {})',
  ),
];
