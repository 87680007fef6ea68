import {
  ordersOf,
  type Ballot,
  type Case,
  type Cast,
  type Course,
  type Event,
  type Login,
  type State,
} from './case.ts';

/** What becomes of votes, told in people instead of accounts. Imports nothing of the product, on purpose: it judges it. */

const NOBODY: Login = { human: 'nobody', roles: [], kind: 'service', disabled: true };
const NOTHING_YET = { answers: {}, status: 'PENDING', votes: [], kept: [], escalated: false, over: false };

export function coursesOf(given: Case): readonly Course[] {
  const first: State = { ...NOTHING_YET, logins: given.logins };
  const places = given.steps.map((step, index) => step.map((event, place) => ({ event, at: `${index}.${place}` })));
  let states: readonly State[] = [first];
  for (const step of places)
    states = states.flatMap((state) =>
      ordersOf(step).map((order) => order.reduce((now, { event, at }) => after(given, now, event, at), state)),
    );
  return states;
}

function after(given: Case, state: State, event: Event, at: string): State {
  if (event.do === 'clock') return { ...state, over: state.over || event.to === 'end' };
  if (event.do === 'timers' && state.status !== 'PENDING') return state;
  if (event.do === 'timers')
    return event.due === 'end' ? { ...state, status: 'EXPIRED' } : { ...state, escalated: true };
  if (event.do === 'change')
    return { ...state, logins: { ...state.logins, [event.login]: { ...who(state, event.login), ...event.to } } };
  const cast = { ...who(state, event.ballot.login), door: given.surface, ...event.ballot };
  if (event.do === 'plant') return { ...state, votes: [...state.votes, cast] };
  const answer = event.do === 'look' ? (isKnown(state, cast) ? 'shown' : 'unknown') : answerTo(given, state, cast);
  const answers = { ...state.answers, [at]: answer };
  // A chat sends a request once, whatever became of it.
  const kept = answer === 'counted' || cast.door === 'slack' ? [...state.kept, keyOf(cast)] : state.kept;
  if (answer !== 'counted') return { ...state, answers, kept };
  const votes = [...state.votes, cast];
  return { ...state, answers, votes, status: verdict(given, state, votes), kept };
}

/** Whether it is shown who stands at the door: nobody is who cannot be there, and a link lasts as long as the request. */
function isKnown(state: State, { door, proof, disabled, kind }: Cast): boolean {
  const belongsThere = kind === 'person' || !['page', 'slack'].includes(door ?? '');
  return !disabled && proof === undefined && belongsThere && !(door === 'link' && state.over);
}

function answerTo(given: Case, state: State, cast: Cast): string {
  const { human, maker, disabled, kind } = cast;
  const mayVote = kind === 'person' && cast.roles.some((role) => role !== 'AUDITOR');
  const isAtTheDoor = given.surface !== 'core' && !cast.letInEarlier;
  if (cast.proof !== undefined || (isAtTheDoor && !isKnown(state, cast))) return 'unknown';
  if (isAtTheDoor && !mayVote) return 'forbidden';
  if (cast.repeatable !== undefined && state.kept.includes(keyOf(cast))) return 'repeated';
  if (state.status !== 'PENDING' || verdict(given, state, state.votes) !== 'PENDING') return 'already_decided';
  if (state.over) return 'expired';
  if (cast.shown === 'older') return 'intent_changed';
  if (disabled || kind !== 'person') return disabled ? 'account_disabled' : 'service_account';
  for (const excluded of ['requester', 'subject', 'author'] as const) if (given[excluded] === human) return excluded;
  if (state.votes.some((vote) => vote.human === human)) return 'already_voted';
  const behind = [...concernedBy(given), ...state.votes.flatMap((vote) => [vote.human, vote.maker])];
  const borrowed = state.votes.some((vote) => vote.maker === human) || (maker !== human && behind.includes(maker));
  if (borrowed) return 'borrowed_credential';
  if (isAsked(given, state, cast)) return 'counted';
  return cast.roles.some((role) => given.gate.roles.includes(role)) ? 'not_named' : 'role_missing';
}

function isAsked({ gate }: Case, state: State, cast: Cast, roles = gate.roles): boolean {
  const regular = roles.some((role) => cast.roles.includes(role)) && (gate.named?.includes(cast.login) ?? true);
  return regular || (state.escalated && gate.standIn !== null && [cast.login, ...cast.roles].includes(gate.standIn));
}

function verdict(given: Case, state: State, votes: readonly Cast[]): string {
  if (votes.some(({ decision }) => decision === 'DENY')) return 'DENIED';
  const { roles, k, total = k } = given.gate;
  const isGood = ({ kind, shown, late, human }: Cast): boolean =>
    kind === 'person' && shown !== 'older' && late !== true && !concernedBy(given).includes(human);
  const good = votes.filter(isGood);
  const people = new Set(good.filter((cast) => isAsked(given, state, cast)).map(({ human }) => human));
  if (people.size < total) return 'PENDING';
  const each = roles.map((role) => [role]);
  const places = k < roles.length ? Array(k).fill(roles) : [...each, ...Array(k - roles.length).fill(roles)];
  return canSeat(given, state, places as string[][], good) ? 'APPROVED' : 'PENDING';
}

function canSeat(given: Case, state: State, [place, ...others]: readonly string[][], votes: readonly Cast[]): boolean {
  if (place === undefined) return true;
  const rest = (human: string): Cast[] => votes.filter((vote) => vote.human !== human);
  return votes.some((vote) => isAsked(given, state, vote, place) && canSeat(given, state, others, rest(vote.human)));
}

const concernedBy = ({ requester, subject, author }: Case): readonly (string | null)[] => [requester, subject, author];
const who = ({ logins }: State, login: string): Login => logins[login] ?? NOBODY;
const keyOf = ({ login, repeatable }: Ballot): string => `${login} ${repeatable}`;
