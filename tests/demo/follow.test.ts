import { describe, expect, it } from 'vitest';
import { RefusedError, type Client } from '../../src/demo/api-client.ts';
import { createFollower, isContained, type Pace, type Progress } from '../../src/demo/follow.ts';
import type { Labels } from '../../src/demo/scenario.ts';
import type { Staff } from '../../src/demo/staff.ts';

const VICTIM = 'anna@x.example';
const LABELS: Labels = {
  seed: 1,
  scenarios: [
    {
      id: '2fa-bypass',
      type: 'REPEATED_2FA_BYPASS',
      accounts: [VICTIM],
      sourceIp: '31.16.1.1',
      from: 0,
      to: 1,
      expected: [],
    },
  ],
  harmless: { users: [], addresses: [] },
  nearMisses: [],
};

interface Asked {
  readonly id: string;
  readonly executionId: string;
  readonly purpose: string;
}

/** A server with one round of answers after the other; the last one stays. */
function fakeServer(rounds: readonly { status?: string; approvals?: readonly Asked[]; rows?: readonly object[] }[]) {
  const votes: string[] = [];
  const voters = new Map<string, Set<string>>();
  let round = -1;
  const row = {
    executionId: 'exe_1',
    playbookType: 'REPEATED_2FA_BYPASS',
    incidentId: 'inc_1',
    userId: VICTIM,
    parentExecutionId: null,
  };
  const answer = (path: string): unknown => {
    const { status = 'RUNNING', approvals = [], rows = [] } = rounds[Math.min(round, rounds.length - 1)] ?? {};
    if (path.includes('/executions?')) {
      round += 1;
      const next = rounds[Math.min(round, rounds.length - 1)];
      return [...(next?.status === undefined ? [] : [{ ...row, status: next.status }]), ...(next?.rows ?? rows)];
    }
    if (path.includes('/executions/')) {
      const over = status === 'COMPLETED';
      return {
        status,
        records: 5,
        startedAt: at(0),
        endedAt: over ? at(900) : null,
        containedAt: over ? at(900) : null,
        stages: [],
        timeline: [],
      };
    }
    if (path.includes('/incidents/')) return { firstReceivedAt: at(0) };
    return approvals.map((approval) => ({
      ...approval,
      actionType: 'ACCOUNT_SUSPEND',
      intentHash: 'a'.repeat(64),
      votes: [...(voters.get(approval.id) ?? [])].map((userId) => ({ userId })),
    }));
  };
  const clientOf = (name: string): Client => ({
    get: async (path, shape) => shape.parse(answer(path)),
    post: async (path, _body, shape) => {
      const [id = '', verb = ''] = path.split('/').slice(-2);
      if (id === 'apr_gone') throw new RefusedError(409, 'it was decided');
      votes.push(`${name} ${verb} ${id}`);
      voters.set(id, (voters.get(id) ?? new Set()).add(name));
      return shape.parse({});
    },
    postLines: async (_path, _lines, shape) => shape.parse({}),
  });
  const voter = (name: string) => ({ userId: name, name, role: '', client: clientOf(name) });
  const staff: Staff = {
    admin: clientOf('sam'),
    adminKey: '',
    approvers: [voter('ada'), voter('ben')],
    analyst: voter('cleo'),
    sources: new Map(),
  };
  return { staff, votes };
}

function at(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** Time passes only by waiting. */
function steadyPace(): Pace {
  let now = 0;
  return {
    now: () => now,
    pause: async (ms) => {
      now += ms;
      await Promise.resolve();
    },
  };
}

async function follow(
  server: ReturnType<typeof fakeServer>,
  replayed = Promise.resolve(),
): Promise<readonly Progress[]> {
  const follower = createFollower(server.staff, LABELS, steadyPace());
  follower.attackSent('2fa-bypass');
  return follower.run(replayed, () => undefined);
}

const GATE: Asked = { id: 'apr_1', executionId: 'exe_1', purpose: 'gate' };

describe('following the executions', () => {
  it('lets two different people approve a gate, one in each round', async () => {
    const server = fakeServer([
      { status: 'RUNNING' },
      { status: 'AWAITING_APPROVAL', approvals: [GATE] },
      { status: 'AWAITING_APPROVAL', approvals: [GATE] },
      { status: 'AWAITING_APPROVAL', approvals: [GATE] },
      { status: 'COMPLETED' },
    ]);
    const [progress] = await follow(server);
    expect(server.votes).toEqual(['ada approve apr_1', 'ben approve apr_1']);
    expect(progress?.votes).toEqual(['ada approved', 'ben approved']);
    expect(progress).toMatchObject({ businessMs: 900_000, executionId: 'exe_1', realMs: 1_000 });
    expect(progress === undefined ? false : isContained(progress)).toBe(true);
  });

  it('denies the question, a condition that failed, and a response to what was no attack', async () => {
    const other = {
      executionId: 'exe_9',
      playbookType: 'MULTI_ACCOUNT_CAMPAIGN',
      incidentId: 'inc_9',
      userId: 'ben@x',
      parentExecutionId: null,
    };
    const approvals = [
      { ...GATE, id: 'apr_q', purpose: 'question' },
      { ...GATE, id: 'apr_e', purpose: 'condition_error' },
      { ...GATE, id: 'apr_o', executionId: 'exe_9' },
    ];
    const rows = [{ ...other, status: 'COMPLETED' }];
    const server = fakeServer([
      { status: 'AWAITING_APPROVAL', approvals, rows },
      { status: 'COMPLETED', rows },
    ]);
    await follow(server);
    expect(server.votes).toEqual(['cleo deny apr_q', 'ada deny apr_e', 'ada deny apr_o']);
  });

  it('waits with an approval whose execution it has not seen yet, and lives with one that was decided', async () => {
    const approvals = [
      { ...GATE, executionId: 'exe_new' },
      { ...GATE, id: 'apr_gone' },
    ];
    const server = fakeServer([{ status: 'AWAITING_APPROVAL', approvals }, { status: 'COMPLETED' }]);
    expect((await follow(server))[0]?.votes).toEqual([]);
    expect(server.votes).toEqual([]);
  });

  it('ends when nothing goes on any more, and says that nothing was contained', async () => {
    const [progress] = await follow(fakeServer([{}]));
    expect(progress).toMatchObject({ executionId: null, businessMs: null, realMs: null });
    expect(progress === undefined ? true : isContained(progress)).toBe(false);
  });

  it('gives up after two minutes and names what is open', async () => {
    await expect(follow(fakeServer([{ status: 'RUNNING' }]))).rejects.toThrow('2fa-bypass is RUNNING');
  });

  it('fails when the events cannot be sent', async () => {
    await expect(follow(fakeServer([{}]), Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  });
});
