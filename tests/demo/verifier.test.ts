import { describe, expect, it } from 'vitest';
import { judge, type Effect, type LabelFile, type State } from '../../src/demo/verifier.ts';

const ANNA = 'anna@x.example';
const BEN = 'ben@x.example';
const ATTACKER = '31.16.1.1';

type User = State['users'][number]['user'];

const quiet = (id: string): User => ({
  id,
  suspended: null,
  geoLock: null,
  actionBlock: null,
  passwordMustChange: null,
  privileges: [],
  sessions: [{}],
  tokens: [{ sessionId: 'ses_1' }],
});

function state(
  anna: Partial<User>,
  { ben = {}, denied = [] }: { ben?: Partial<User>; denied?: readonly string[] } = {},
): State {
  return {
    users: [{ user: { ...quiet(ANNA), ...anna } }, { user: { ...quiet(BEN), ...ben } }],
    ipList: { entries: denied.map((ip) => ({ ip, list: 'deny' })) },
  };
}

function labels(...expected: LabelFile['scenarios'][number]['expected']): LabelFile {
  return { scenarios: [{ id: 'attack', accounts: [ANNA], sourceIp: ATTACKER, expected }] };
}

const effect = (name: string, target: string, at = 0, key: string | null = 'key'): Effect => ({
  effect: name,
  target,
  key,
  at,
});

describe('what the verifier takes for contained', () => {
  const gone: Partial<User> = { sessions: [], tokens: [{ sessionId: null }] };
  const role = { name: 'super', effective: true };
  const block = { ip: ATTACKER, check: 'ip_denied' };
  const lock = { user: ANNA, check: 'geo_locked' };
  const cases: readonly [
    string,
    State,
    readonly Effect[],
    LabelFile['scenarios'][number]['expected'][number],
    boolean,
  ][] = [
    ['no session and no token of one', state(gone), [], { check: 'sessions_gone', user: ANNA }, true],
    ['a session', state({}), [], { check: 'sessions_gone', user: ANNA }, false],
    ['a token of a session', state({ sessions: [] }), [], { check: 'sessions_gone', user: ANNA }, false],
    [
      'the word of the ledger alone',
      state({}),
      [effect('session.kill', ANNA)],
      { check: 'sessions_gone', user: ANNA },
      false,
    ],
    ['a suspension', state({ suspended: {} }), [], { check: 'suspended', user: ANNA }, true],
    ['no suspension', state({}), [], { check: 'suspended', user: ANNA }, false],
    [
      'a suspension of somebody else',
      state({}, { ben: { suspended: {} } }),
      [],
      { check: 'suspended', user: ANNA },
      false,
    ],
    [
      'a block and no grant',
      state({ actionBlock: {} }),
      [],
      { check: 'privilege_reverted', user: ANNA, privilege: 'super' },
      true,
    ],
    [
      'a grant that is still listed',
      state({ actionBlock: {}, privileges: [{ ...role, effective: false }] }),
      [],
      { check: 'privilege_reverted', user: ANNA, privilege: 'super' },
      false,
    ],
    ['no block', state({}), [], { check: 'privilege_reverted', user: ANNA, privilege: 'super' }, false],
    ['a denied address', state({}, { denied: [ATTACKER] }), [], block, true],
    ['no denied address', state({}), [], block, false],
    ['a geo lock', state({ geoLock: {} }), [], lock, true],
    ['no geo lock', state({}), [], lock, false],
    ['an unknown user', state({}), [], { check: 'suspended', user: 'nobody' }, false],
    ['an unknown check', state({ suspended: {} }), [], { check: 'something', user: ANNA }, false],
  ];
  it.each(cases)('%s', (_name, seen, ledger, expected, verified) => {
    expect(judge(seen, ledger, labels(expected)).scenarios['attack']?.verifiedAtTarget).toBe(verified);
  });

  it('does not take a block and a lock that are over', () => {
    const ledger = [
      effect('ip.deny.add', ATTACKER, 5),
      effect('geo_lock.set', ANNA, 5),
      effect('ip.deny.remove', ATTACKER, 6),
      effect('geo_lock.remove', ANNA, 6),
    ];
    expect(judge(state({}), ledger, labels(block)).scenarios['attack']?.verifiedAtTarget).toBe(false);
    expect(judge(state({}), ledger, labels(lock)).scenarios['attack']?.verifiedAtTarget).toBe(false);
  });

  it('needs every expectation, and at least one', () => {
    const both = [{ check: 'suspended', user: ANNA }, block] as const;
    expect(judge(state({ suspended: {} }), [], labels(...both)).scenarios['attack']).toEqual({
      verifiedAtTarget: false,
      why: `not so: ip_denied ${ATTACKER}`,
    });
    expect(judge(state({ suspended: {} }), [], labels()).scenarios['attack']?.verifiedAtTarget).toBe(false);
  });
});

describe('what the verifier takes for a false alarm', () => {
  const nothing = labels({ check: 'suspended', user: ANNA });

  it('is not what was done about the attack', () => {
    const ledger = [
      effect('account.suspend', ANNA),
      effect('ip.deny.add', ATTACKER),
      effect('mail', 'soc@sandbox.test'),
    ];
    const seen = state({ suspended: {} }, { denied: [ATTACKER] });
    expect(judge(seen, ledger, nothing)).toMatchObject({ falseAlarms: 0, details: [] });
  });

  it('is not what people of the company do themselves', () => {
    expect(judge(state({}), [effect('session.create', BEN, 0, null)], nothing).falseAlarms).toBe(0);
  });

  it.each(['session.kill', 'token.revoke', 'challenge.issue', 'notification', 'logging.enhance'])(
    'is a %s of somebody who was not attacked',
    (name) => {
      expect(judge(state({}), [effect(name, BEN), effect(name, BEN)], nothing)).toMatchObject({
        falseAlarms: 1,
        details: [`${name} ${BEN}`],
      });
    },
  );

  it.each(['suspended', 'geoLock', 'actionBlock', 'passwordMustChange'])(
    'is a restriction (%s) that the ledger hides',
    (mark) => {
      expect(judge(state({}, { ben: { [mark]: {} } }), [], nothing).details).toEqual([`restricted ${BEN}`]);
    },
  );

  it('is an address on the deny list that attacked nobody, also when it was taken off again', () => {
    const ledger = [effect('ip.deny.add', '46.12.1.1'), effect('ip.deny.remove', '46.12.1.1')];
    expect(judge(state({}), ledger, nothing).details).toEqual(['ip.deny.add 46.12.1.1']);
    expect(judge(state({}, { denied: ['46.12.1.1'] }), [], nothing).falseAlarms).toBe(1);
  });
});
