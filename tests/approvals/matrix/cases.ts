import type { Ballot, Case, Event, Login } from './case.ts';
import { covering } from './covering.ts';
import { BOTH, humanOf, MAKER, namedLogin, secondLogin, serviceOf, STAFF, VOTER_ROLES } from './staff.ts';

/** All cases of the matrix, from axes. Imports nothing of the product. */

/** Where a vote can be cast. Whatever surface is added stands here and in `served-doors.ts`. */
export const SURFACES = ['api', 'cli', 'link', 'slack', 'page'] as const;
/** Those that all lead to what the API leads to: their cases are a covering choice. */
const OTHER_DOORS: readonly string[] = ['link', 'slack', 'page'];

const ADMIN = 'SECURITY_ADMIN';
const COMMANDER = 'INCIDENT_COMMANDER';
type Gate = Case['gate'];
const gate = (roles: readonly string[], k: number, more: Partial<Gate> = {}): Gate => ({
  roles,
  k,
  named: null,
  standIn: null,
  ...more,
});

/** What a gate may ask for of people of `role` among others. */
const THRESHOLDS = {
  'one of the role': (role) => gate([role], 1),
  'two of the role': (role) => gate([role], 2),
  'one of each': (_role: string) => gate([ADMIN, COMMANDER], 2),
  'any of both': (_role: string) => gate([ADMIN, COMMANDER], 1),
  'one of each and one more': (_role: string) => gate([ADMIN, COMMANDER], 3),
  // The places say less than the number of people.
  'one of the role and one more': (role: string) => gate([role], 1, { total: 2 }),
} satisfies Readonly<Record<string, (role: string) => Gate>>;

/** How the voter stands to somebody: with which account they vote, and who that somebody is. */
const RELATIONS = ['unrelated', 'self', 'second login', 'named login', 'key made by them'] as const;
const DUTIES = ['requester', 'subject', 'author'] as const;
const DECISIONS = ['APPROVE', 'DENY'] as const;

function ballot(login: string, more: Partial<Ballot> = {}): Ballot {
  return { login, decision: 'APPROVE', shown: 'this', maker: STAFF[login]?.human ?? login, ...more };
}
const vote = (login: string, more: Partial<Ballot> = {}): Event => ({ do: 'vote', ballot: ballot(login, more) });
const plant = (login: string, more: Partial<Ballot> = {}): Event => ({ do: 'plant', ballot: ballot(login, more) });

/** The account with which somebody of `role` votes who stands so to somebody else. */
function voterOf(role: string, relation: string): Ballot {
  const a = humanOf(role, 'a');
  if (relation === 'second login') return ballot(secondLogin(a));
  if (relation === 'named login') return ballot(namedLogin(a));
  return ballot(a, relation === 'key made by them' ? { maker: MAKER } : {});
}

/** Unrelated people who together would do: whoever was counted wrongly before tips the scale. */
function others({ roles }: Gate): Event[][] {
  return roles.flatMap((role) => [[vote(humanOf(role, 'b'))], [vote(humanOf(role, 'c'))]]);
}

interface Draft extends Omit<Case, 'requester' | 'subject' | 'author' | 'logins'> {
  readonly duties?: Partial<Record<(typeof DUTIES)[number], string>>;
  readonly logins?: Readonly<Record<string, Login>>;
}

function complete({ duties = {}, logins = STAFF, ...draft }: Draft): Case {
  const { requester = null, subject = null, author = null } = duties;
  return { ...draft, requester, subject, author, logins };
}

/** Role × relation to requester, subject and author × threshold × decision. */
function* relations(surface: string): Generator<Draft> {
  for (const role of VOTER_ROLES)
    for (const duty of DUTIES)
      for (const relation of duty === 'requester' ? RELATIONS : RELATIONS.slice(1))
        for (const [threshold, ask] of Object.entries<(role: string) => Gate>(THRESHOLDS))
          for (const decision of DECISIONS) {
            const who = { ...voterOf(role, relation), decision };
            const human = relation === 'key made by them' ? MAKER : humanOf(role, 'a');
            const asked = ask(role);
            yield {
              name: `${role}, ${relation} of the ${duty}, ${threshold}, ${decision}`,
              surface,
              duties: relation === 'unrelated' ? {} : { [duty]: human },
              gate: asked,
              steps: [[{ do: 'vote', ballot: who }], ...others(asked)],
            };
          }
}

/** Two votes that could be one person's: accounts, keys, two roles; in either order and at the same moment. */
function* pairs(surface: string): Generator<Draft> {
  const a = humanOf(ADMIN, 'a');
  const commander = humanOf(COMMANDER, 'a');
  const made = { maker: MAKER };
  const two: Readonly<Record<string, readonly [Ballot, Ballot]>> = {
    'the same account': [ballot(a), ballot(a)],
    'a second login': [ballot(a), ballot(secondLogin(a))],
    'a named login': [ballot(a), ballot(namedLogin(a))],
    'two logins of a third': [ballot(secondLogin(a)), ballot(namedLogin(a))],
    'one person with two roles': [ballot(BOTH), ballot(BOTH)],
    'two roles with two logins': [ballot(secondLogin(BOTH)), ballot(namedLogin(BOTH))],
    'a key that the other made': [ballot(MAKER), ballot(commander, made)],
    'two keys of one maker': [ballot(a, made), ballot(commander, made)],
    'a chain of keys': [ballot(a, made), ballot(commander, { maker: a })],
    'two people': [ballot(a), ballot(commander)],
    'two roles and one of them': [ballot(BOTH), ballot(a)],
    'two roles and the other': [ballot(BOTH), ballot(commander)],
    'two of one role': [ballot(a), ballot(humanOf(ADMIN, 'b'))],
  };
  const asks = { ...THRESHOLDS, 'two of the other role': (_role: string) => gate([COMMANDER], 2) };
  for (const [relation, [left, right]] of Object.entries(two))
    for (const [threshold, ask] of Object.entries(asks))
      for (const first of DECISIONS)
        for (const second of DECISIONS)
          for (const order of ['one after the other', 'the other way round', 'at once'] as const) {
            const asked = ask(ADMIN);
            const cast: [Event, Event] = [
              { do: 'vote', ballot: { ...left, decision: first } },
              { do: 'vote', ballot: { ...right, decision: second } },
            ];
            const [one, other] = order === 'the other way round' ? cast.toReversed() : cast;
            const steps = order === 'at once' || other === undefined || one === undefined ? [cast] : [[one], [other]];
            const name = `${relation}, ${threshold}, ${first} and ${second}, ${order}`;
            yield { name, surface, gate: asked, steps: [...steps, ...others(asked)] };
          }
}

/** What the voter was shown × what is sent again. */
function* repeats(surface: string): Generator<Draft> {
  const again = ['nothing', 'the vote', 'the other answer', 'after the decision', 'at once'];
  const same = ['api', 'slack'].includes(surface) ? ['the request', 'the request at once'] : [];
  const sent = [...again, ...same, ...(surface === 'api' ? ['the request of another'] : [])];
  for (const role of VOTER_ROLES)
    for (const shown of ['this', 'older', 'nothing'] as const)
      for (const repeated of surface === 'slack' && role === 'AUDITOR' ? again : sent)
        for (const threshold of ['one of the role', 'two of the role', 'any of both'] as const) {
          const asked = THRESHOLDS[threshold](role);
          const a = humanOf(role, 'a');
          const who = vote(a, { shown, ...(repeated.startsWith('the request') ? { repeatable: 'once' } : {}) });
          const steps: Event[][] = {
            nothing: [[who]],
            'the vote': [[who], [who]],
            'the other answer': [[who], [vote(a, { shown, decision: 'DENY' })]],
            'after the decision': [[who], ...others(asked), [who]],
            'at once': [[who, who]],
            'the request': [[who], [who]],
            'the request at once': [[who, who]],
            'the request of another': [[who], [vote(humanOf(role, 'b'), { shown, repeatable: 'once' })]],
          }[repeated] ?? [[who]];
          const name = `${role}, shown ${shown}, again: ${repeated}, ${threshold}`;
          yield { name, surface, gate: asked, steps: [...steps, ...others(asked)] };
        }
}

/** Votes around the end of the time, and around an escalation. */
function* times(surface: string): Generator<Draft> {
  const end: Event = { do: 'clock', to: 'end' };
  const timer: Event = { do: 'timers', due: 'end' };
  const escalation: Event = { do: 'clock', to: 'escalation' };
  const escalated: Event = { do: 'timers', due: 'escalation' };
  for (const role of VOTER_ROLES)
    for (const relation of ['unrelated', 'self', 'second login', 'named login', 'key made by them'] as const)
      for (const decision of DECISIONS)
        for (const [when, stepsOf] of Object.entries({
          'at the last moment': (who: Event) => [[{ do: 'clock', to: 'last moment' } as const], [who]],
          'when it is over': (who: Event) => [[end], [timer], [who]],
          'while it ends': (who: Event) => [[end], [timer, who]],
          'at the end, before the timer': (who: Event) => [[end], [who], [timer]],
          'before the escalation': (who: Event) => [[who], [escalation], [escalated]],
          'after the escalation': (who: Event) => [[escalation], [escalated], [who]],
          'while it is escalated': (who: Event) => [[escalation], [escalated, who]],
        })) {
          const human = relation === 'key made by them' ? MAKER : humanOf(role, 'a');
          const isEscalated = when.includes('escalat');
          const asked = isEscalated
            ? gate([role === 'CISO' ? 'LEGAL' : 'CISO'], 2, { standIn: role })
            : gate([role], 2);
          const who: Event = { do: 'vote', ballot: { ...voterOf(role, relation), decision } };
          const name = `${role}, ${relation} of the requester, ${decision}, ${when}`;
          const duties = relation === 'unrelated' ? {} : { requester: human };
          yield { name, surface, duties, gate: asked, steps: [...stepsOf(who), ...others(asked)] };
        }
}

/** A seat for each of three roles, and people who have one of them, two, or the same as another. */
function* seats(surface: string): Generator<Draft> {
  const people = [
    BOTH,
    secondLogin(BOTH),
    namedLogin(BOTH),
    humanOf(ADMIN, 'a'),
    humanOf(COMMANDER, 'a'),
    humanOf('LEGAL', 'a'),
    humanOf('LEGAL', 'b'),
  ];
  for (const first of people)
    for (const second of people)
      for (const third of people) {
        const steps = [first, second, third].map((login) => [vote(login)]);
        yield { name: `${first}, ${second} and ${third}`, surface, gate: gate([ADMIN, COMMANDER, 'LEGAL'], 3), steps };
      }
}

/** Only those who are named, and stand-ins who are named by their account. */
function* names(surface: string): Generator<Draft> {
  const escalation: Event[][] = [[{ do: 'clock', to: 'escalation' }], [{ do: 'timers', due: 'escalation' }]];
  for (const role of VOTER_ROLES) {
    const [a, b] = [humanOf(role, 'a'), humanOf(role, 'b')];
    const stranger = humanOf(role === 'LEGAL' ? 'CISO' : 'LEGAL', 'a');
    for (const k of [1, 2])
      for (const login of [a, secondLogin(a), namedLogin(a), b, stranger, secondLogin(stranger)])
        for (const standIn of [null, stranger, login, role === 'IR_LEAD' ? 'COMPLIANCE_OFFICER' : 'IR_LEAD']) {
          const asked = gate([role], k, { named: [a], standIn });
          const steps = [...(standIn === null ? [] : escalation), [vote(login)], ...others(asked)];
          yield { name: `${a} named for ${k}, ${standIn} stands in, ${login} votes`, surface, gate: asked, steps };
        }
  }
}

/** Somebody loses what made them eligible: before the vote, at the same moment, after it, or while it is on its way. */
function* changes(surface: string): Generator<Draft> {
  const to: Readonly<Record<string, Partial<Login>>> = {
    'loses the role': { roles: ['LEGAL'] },
    'becomes an auditor': { roles: ['AUDITOR'] },
    'is disabled': { disabled: true },
  };
  for (const role of [ADMIN, COMMANDER, 'CISO'])
    for (const [what, lost] of Object.entries(to))
      for (const decision of DECISIONS)
        for (const threshold of ['one of the role', 'two of the role', 'any of both'] as const)
          for (const when of ['before', 'at once', 'after', ...(surface === 'api' ? ['on its way'] : [])]) {
            const asked = THRESHOLDS[threshold](role);
            const who = vote('leaver', { decision });
            const change: Event = { do: 'change', login: 'leaver', to: lost };
            const onItsWay = vote('leaver', { decision, letInEarlier: true });
            const steps: Event[][] = {
              before: [[change], [who]],
              'at once': [[change, who]],
              after: [[who], [change], [who]],
              'on its way': [[change], [onItsWay]],
            }[when] ?? [[who]];
            const leaver: Login = { human: 'leaver', roles: [role], kind: 'person', disabled: false };
            const name = `${role} ${what} ${when}, ${decision}, ${threshold}`;
            const logins = { ...STAFF, leaver };
            yield { name, surface, gate: asked, logins, steps: [...steps, ...others(asked)] };
          }
}

/** Nobody is above the gate: services, and administrators who are not asked. */
function* nobodyAbove(surface: string): Generator<Draft> {
  for (const role of VOTER_ROLES)
    for (const asked of VOTER_ROLES.flatMap((each) => [gate([each], 1), gate([each], 2)]))
      for (const login of [serviceOf(role), humanOf(role, 'a')]) {
        const name = `${login} where ${asked.k} of ${asked.roles.join()} are asked`;
        yield { name, surface, gate: asked, steps: [[vote(login)], ...others(asked)] };
      }
}

/** What somebody may hold at a door that does not show who they are, or not that they answer this. */
const FALSE_PROOFS: Readonly<Record<string, readonly string[]>> = {
  link: [
    'forged',
    'of another person',
    'for another request',
    'for the older version',
    'made longer',
    'over',
    'of another house',
  ],
  slack: ['signed by another', 'not signed', 'altered', 'too old', 'from tomorrow', 'unmapped', 'mapped twice'],
  page: [
    'signed out',
    'signed out on its way',
    'unused too long',
    'too long ago',
    'no session',
    'no form token',
    'form token of another',
    'from another site',
    'from nowhere',
  ],
};
/** With these one may look: only a form has to come from our own page. */
const GOOD_TO_LOOK = ['no form token', 'form token of another', 'from another site', 'from nowhere'];

/** Proofs that are none, and a look at the request before, which is no vote. */
function* proofs(surface: string): Generator<Draft> {
  if (!OTHER_DOORS.includes(surface)) return;
  // Who may not vote at all is turned away before or after the proof is looked at; both are right.
  for (const role of VOTER_ROLES.filter((each) => each !== 'AUDITOR'))
    for (const proof of ['none', ...(FALSE_PROOFS[surface] ?? [])])
      for (const decision of DECISIONS)
        for (const threshold of ['one of the role', 'two of the role', 'any of both'] as const) {
          const asked = THRESHOLDS[threshold](role);
          const held = proof === 'none' ? {} : { proof };
          const onItsWay = proof.endsWith('on its way') ? { letInEarlier: true } : {};
          const shown = ballot(humanOf(role, 'a'), GOOD_TO_LOOK.includes(proof) ? {} : held);
          const looks: Event[][] =
            surface === 'slack' || proof.endsWith('on its way') ? [] : [[{ do: 'look', ballot: shown }]];
          const name = `${role}, proof: ${proof}, ${decision}, ${threshold}`;
          const who = vote(humanOf(role, 'a'), { decision, ...held, ...onItsWay });
          yield { name, surface, gate: asked, steps: [...looks, [who], ...others(asked), ...looks] };
        }
}

/** One person, or two, over two doors: one after the other and at the same moment. */
function* twoDoors(surface: string): Generator<Draft> {
  const a = humanOf(ADMIN, 'a');
  const two = {
    'the same account': [a, a],
    'a second login': [a, secondLogin(a)],
    'one person with two roles': [secondLogin(BOTH), namedLogin(BOTH)],
    'two people': [a, humanOf(COMMANDER, 'a')],
    'two of one role': [a, humanOf(ADMIN, 'b')],
  } as const;
  for (const [relation, [left, right]] of Object.entries(two))
    for (const other of SURFACES)
      for (const threshold of ['two of the role', 'one of each', 'any of both', 'one of each and one more'] as const)
        for (const [first, second] of [DECISIONS, DECISIONS.toReversed(), ['APPROVE', 'APPROVE']] as const)
          for (const order of ['one after the other', 'at once']) {
            const asked = THRESHOLDS[threshold](ADMIN);
            const cast = [vote(left, { decision: first }), vote(right, { decision: second, door: other })] as const;
            const steps = order === 'at once' ? [cast] : cast.map((each) => [each]);
            const name = `${relation}, then by ${other}, ${threshold}, ${first} and ${second}, ${order}`;
            yield { name, surface, gate: asked, steps: [...steps, ...others(asked)] };
          }
}

/** A key is what somebody else may have made, and what goes without saying what was shown. */
function fitsTheDoor({ surface, steps, name }: Draft): boolean {
  if (!OTHER_DOORS.includes(surface)) return true;
  const ballots = steps.flat().flatMap((event) => ('ballot' in event ? event.ballot : []));
  const isOwn = ({ login, maker, shown }: Ballot): boolean =>
    maker === (STAFF[login]?.human ?? login) && shown !== 'nothing';
  return ballots.every(isOwn) || name.includes('proof:');
}

/** Votes that got past the first check by a fault elsewhere: they must not count all the same. */
function* planted(): Generator<Draft> {
  const surface = 'core';
  for (const role of VOTER_ROLES)
    for (const [threshold, ask] of Object.entries<(role: string) => Gate>(THRESHOLDS)) {
      const a = humanOf(role, 'a');
      const stranger = humanOf(role === 'LEGAL' ? 'CISO' : 'LEGAL', 'a');
      const faults: Readonly<Record<string, [Event[], Draft['duties']?]>> = {
        'a good vote': [[plant(a)]],
        'a denial': [[plant(a, { decision: 'DENY' })]],
        'of a service': [[plant(serviceOf(role))]],
        'for an older version': [[plant(a, { shown: 'older' })]],
        'after the time': [[plant(a, { late: true })]],
        'of the requester': [[plant(a)], { requester: a }],
        'of the subject': [[plant(secondLogin(a))], { subject: a }],
        'of the author': [[plant(namedLogin(a))], { author: a }],
        'of a stranger': [[plant(stranger)]],
        'twice by one': [[plant(a), plant(a)]],
        'of two logins': [[plant(a), plant(secondLogin(a))]],
        'of three logins': [[plant(namedLogin(a)), plant(secondLogin(a)), plant(a)]],
        'of two roles with two logins': [[plant(secondLogin(BOTH)), plant(namedLogin(BOTH))]],
        'of two roles': [[plant(BOTH)]],
      };
      for (const [what, [cast, duties = {}]] of Object.entries(faults)) {
        const asked = ask(role);
        const steps = [...cast.map((each) => [each]), ...others(asked), [vote(humanOf('CISO', 'b'))]];
        yield { name: `planted: ${what}, ${role}, ${threshold}`, surface, duties, gate: asked, steps };
      }
    }
}

/** Why a declaration is worth nothing, or not for this. */
const FLAWS = [
  'ended',
  'another action',
  'lower risk',
  'used up',
  'paused',
  'irreversible',
  'protected',
  'a link',
  'a chat',
];

/** One person decides alone: whom two others named, and everybody else who might try. */
function* alone(): Generator<Draft> {
  const surface = 'core';
  for (const role of VOTER_ROLES)
    for (const relation of RELATIONS)
      for (const duty of relation === 'unrelated' ? (['requester'] as const) : DUTIES)
        for (const named of ['named', 'not named', 'nothing declared', 'service', ...FLAWS])
          for (const when of [
            'first',
            'shown older',
            'after a denial',
            'after one approval',
            'at once',
            'too late',
            'after the decision',
            'after a planted denial',
          ]) {
            const who =
              relation === 'key made by them' || named !== 'service'
                ? voterOf(role, relation)
                : ballot(serviceOf(role));
            const people = named === 'not named' ? [humanOf(role, 'b')] : [who.login];
            const glass =
              named === 'nothing declared'
                ? {}
                : { glass: { people, ...(FLAWS.includes(named) ? { flaw: named } : {}) } };
            const breaking: Event = { do: 'break', ballot: when === 'shown older' ? { ...who, shown: 'older' } : who };
            const other = humanOf(role, 'c');
            const asked = gate([role], 2);
            const steps: Event[][] =
              {
                first: [[breaking]],
                'shown older': [[breaking]],
                'after a denial': [[vote(other, { decision: 'DENY' })], [breaking]],
                'after one approval': [[vote(other)], [breaking]],
                'at once': [[breaking, vote(other, { decision: 'DENY' })]],
                'too late': [[{ do: 'clock', to: 'end' } as const], [breaking]],
                'after the decision': [...others(asked), [breaking]],
                'after a planted denial': [[plant(other, { decision: 'DENY' })], [breaking]],
              }[when] ?? [];
            const moved: Event[][] =
              named === 'ended' && when !== 'too late' ? [[{ do: 'clock', to: 'escalation' }]] : [];
            const human = relation === 'key made by them' ? MAKER : humanOf(role, 'a');
            const duties = relation === 'unrelated' ? {} : { [duty]: human };
            const name = `alone, ${role}, ${relation} of the ${duty}, ${named}, ${when}`;
            yield { name, surface, duties, gate: asked, ...glass, steps: [...moved, ...steps, ...others(asked)] };
          }
}

function* drafts(): Generator<Draft> {
  for (const surface of SURFACES)
    for (const family of [relations, pairs, repeats, times, seats, names, changes, nobodyAbove, proofs, twoDoors]) {
      const all = [...family(surface)].filter(fitsTheDoor);
      yield* OTHER_DOORS.includes(surface) || family === twoDoors ? covering(all) : all;
    }
  yield* planted();
  // All of two roles, and a choice of the others: a rule about a declaration knows no roles.
  yield* [...alone()].filter(({ name }) => name.includes(ADMIN) || name.includes('LEGAL'));
  yield* covering([...alone()]);
}

const named = [...drafts()].map((draft): [string, Case] => {
  const name = `${draft.surface}: ${draft.name}`;
  return [name, complete({ ...draft, name })];
});
/** Each once, although axes meet. */
export const CASES: readonly Case[] = [...new Map(named).values()];
