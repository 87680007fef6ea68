import type { PresentVoter } from '../../src/pipeline/access/present-voter.ts';
import type { UserInForce } from '../../src/pipeline/access/user-in-force.ts';
import { newsName } from '../../src/pipeline/executions/change.ts';
import type { IncidentInput, NewInput, StartInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { NewExecution } from '../../src/pipeline/executions/runner.ts';
import type { ActionDeclaration } from '../../src/pipeline/actions/contract.ts';
import type { Engine } from '../world/engine.ts';
import type { Random } from '../world/random.ts';
import type { Store } from '../world/store.ts';
import { NO_EXTRAS, randomPlan, SHARED_ACCOUNTS, type Extras } from './plans.ts';
import { randomSeats } from './seats.ts';

/** What was handed in from outside, and whether it was acknowledged. */
export interface HandedIn {
  readonly executionId: string;
  /** Stands in the input itself, and nowhere else. */
  readonly marker: string;
  acknowledged: boolean;
}

/** People and detections: they start, vote, cancel, retry and bring news, in any order and at any process. */
export interface People {
  readonly handedIn: readonly HandedIn[];
  readonly started: readonly string[];
  start(engine: Engine): void;
  vote(engine: Engine): void;
  meddle(engine: Engine): void;
}

const ACCOUNTS = [...SHARED_ACCOUNTS, 'dave@example.test'];

export function createPeople(
  random: Random,
  store: Store,
  offered: readonly ActionDeclaration[],
  onBug: (thrown: unknown) => void,
  extras: Extras = NO_EXTRAS,
): People {
  const { quiet } = extras;
  const handedIn: HandedIn[] = [];
  const started: string[] = [];
  let count = 0;

  function hand(executionId: string, marker: string, work: () => Promise<unknown>): void {
    const entry: HandedIn = { executionId, marker, acknowledged: false };
    handedIn.push(entry);
    work().then(
      () => {
        entry.acknowledged = true;
      },
      // Refused, overloaded, or the store is away: the caller was told so. What only a bug explains is not expected.
      (thrown: unknown) => {
        if (thrown instanceof Error && !EXPECTED.has(thrown.name)) onBug(thrown);
      },
    );
  }

  const marker = (what: string): string => {
    count += 1;
    return `${what} ${count}`;
  };

  function submit(engine: Engine, executionId: string, mark: string, input: NewInput): void {
    hand(executionId, mark, () => engine.runner.submit(executionId, input));
  }

  const people: People = {
    handedIn,
    started,
    start(engine) {
      const executionId = `exe${started.length + 1}`;
      started.push(executionId);
      const execution: NewExecution = {
        plan: randomPlan(random, executionId, offered, extras),
        trace: undefined,
        start: startOf(random, executionId, store.id),
      };
      hand(executionId, `"executionId":"${executionId}"`, () => engine.runner.start(execution));
    },
    vote(engine) {
      const pending = [...(store.views.get('approval')?.values() ?? [])].filter(({ status }) => status === 'PENDING');
      const asked = pending.length > 0 ? pending : [...(store.views.get('approval')?.values() ?? [])];
      if (asked.length === 0) return;
      const body = JSON.parse(random.pick(asked).body) as {
        readonly approvalId: string;
        readonly executionId: string;
        readonly intentHash: string;
        readonly votes: readonly { readonly userId: string }[];
      }; // the view's own shape
      const comment = marker('vote');
      const { approvalId, executionId } = body;
      const ballot = {
        type: 'vote' as const,
        approvalId,
        decision: random.chance(150) ? ('DENY' as const) : ('APPROVE' as const),
        intentHash: random.chance(40) ? '0'.repeat(64) : body.intentHash,
        comment,
        voter: voterOf(random),
      };
      // Drawn apart: what people do besides does not move what the world is otherwise.
      const besides = random.fork(comment);
      if (besides.chance(150)) {
        const voted = besides.chance(700) ? body.votes.map(({ userId }) => userId) : [];
        const userId = voted.length === 0 ? ballot.voter.userId : besides.pick(voted);
        const voter = { ...ballot.voter, userId, issuedBy: userId };
        return submit(engine, executionId, comment, { type: 'withdraw', approvalId, voter, reason: comment });
      }
      const voter = { ...ballot.voter, ...randomSeats(besides, ballot.voter.userId) };
      const seat = besides.chance(150) ? voter.lentSeats?.[0] : undefined;
      const speaking = seat === undefined ? {} : { onBehalfOf: seat.delegationId };
      submit(engine, executionId, comment, { ...ballot, voter, ...speaking });
    },
    meddle(engine) {
      const ids = [...(store.views.get('execution')?.keys() ?? [])];
      if (ids.length === 0) return;
      const executionId = random.pick(ids);
      const by = { type: 'person', id: 'usr_9' } as const;
      const reason = marker('reason');
      if (quiet?.chance(400) === true) {
        const actionId = `a${quiet.between(1, 4)}`;
        const until = Number(store.views.get('execution')?.get(executionId)?.at ?? 0) + quiet.between(1, 60) * 1_000;
        if (quiet.chance(500))
          return submit(engine, executionId, reason, { type: 'extend', actionId, by, reason, until });
        return submit(engine, executionId, reason, { type: 'release', actionId, by, reason });
      }
      switch (random.below(5)) {
        case 0:
          return submit(engine, executionId, reason, { type: 'cancel', by, reason, compensate: random.chance(600) });
        case 1:
        case 2:
          return submit(engine, executionId, reason, { type: 'retry', by, reason });
        case 3:
          return submit(engine, executionId, reason, { type: 'compensate', by, reason });
        default:
          return news(engine, executionId);
      }
    },
  };

  /** News of an incident are queued in the commit that brings them, and then handed in. */
  function news(engine: Engine, executionId: string): void {
    count += 1;
    const revision = count;
    const accounts = [...ACCOUNTS].slice(0, random.between(1, ACCOUNTS.length)).sort();
    const input: Omit<IncidentInput, 'at'> = {
      type: 'incident',
      incident: { ...incidentOf('inc', accounts), ...(quiet?.chance(300) === true ? { severity: 'CRITICAL' } : {}) },
      accounts,
      revision,
    };
    const body = input as unknown as StartInput['snapshot']['event']; // plain JSON by its type
    const effect = { execution: executionId, name: newsName(revision), body };
    hand(executionId, `"revision":${revision}`, async () => {
      const result = await engine.committer.submit({ appends: [], effects: [effect] });
      if (result.status === 'applied') await engine.tell(effect);
    });
  }
  return people;
}

const EXPECTED = new Set(['StoreUnavailableError', 'Error']);

function incidentOf(id: string, accounts: readonly string[]): IncidentInput['incident'] {
  const subject = { type: 'user', id: 'alice@example.test' };
  return { id, type: 'CUSTOM', severity: 'HIGH', confidence: 90, subject, accounts, sourceIps: [], details: {} };
}

function startOf(random: Random, executionId: string, journalId: string): NewExecution['start'] {
  const accounts = ACCOUNTS.slice(0, random.between(0, 3));
  return {
    executionId,
    journalId,
    riskLevel: 'HIGH',
    requester: random.chance(700) ? { type: 'engine', id: 'engine' } : { type: 'person', id: 'usr_1' },
    authorIds: random.chance(300) ? ['usr_2'] : [],
    parent: null,
    snapshot: {
      incident: incidentOf(`inc ${executionId}`, accounts),
      event: {},
      context: {},
      user: { id: 'alice@example.test' },
      accounts,
    },
  };
}

/** The people whom a world knows, so that they can be told. Who votes may be others: roles change. */
export const STAFF: readonly UserInForce[] = (
  [
    ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'],
    ['SECURITY_ADMIN'],
    ['SECURITY_ADMIN'],
    ['INCIDENT_COMMANDER'],
    ['AUDITOR'],
    ['INCIDENT_COMMANDER', 'CISO'],
  ] as const
).map((roles, index) => ({
  id: `usr_${index + 1}`,
  kind: 'person',
  name: `Person ${index + 1}`,
  email: null,
  roles: [...roles],
  disabled: false,
  linkedAccounts: [],
  ownRoles: roles,
  groups: [],
  grants: [],
  createdAt: 0,
}));

function voterOf(random: Random): PresentVoter {
  const userId = `usr_${random.between(1, 6)}`;
  return {
    userId,
    kind: random.chance(950) ? 'person' : 'service',
    roles: random.pick([['SECURITY_ADMIN'], ['SECURITY_ADMIN'], ['INCIDENT_COMMANDER'], ['AUDITOR']]),
    disabled: random.chance(40),
    linkedAccounts: random.chance(100) ? [random.pick(['usr_1', 'usr_3', 'alice@example.test'])] : [],
    issuedBy: userId,
  };
}
