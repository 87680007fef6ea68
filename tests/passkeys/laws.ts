import fc from 'fast-check';
import type { VoteInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { Role } from '../../src/pipeline/vocabulary.ts';
import { challengeOf, FORMS, PasskeyPlay as Play, type Ballot } from './core-play.ts';

/** What holds of every request that needs a passkey, whatever is handed in; counted from the records alone. */

const PEOPLE = ['usr_ada', 'usr_ben', 'usr_cleo', 'usr_dan'];
const ROLES: Readonly<Record<string, Role>> = {
  usr_ada: 'SECURITY_ADMIN',
  usr_ben: 'SECURITY_ADMIN',
  usr_cleo: 'SECURITY_ADMIN',
  usr_dan: 'LEGAL',
};
const MINUTE_MS = 60_000;

const ballot: fc.Arbitrary<Ballot> = fc.record({
  who: fc.constantFrom(...PEOPLE),
  decision: fc.constantFrom<Ballot['decision'][]>('APPROVE', 'APPROVE', 'APPROVE', 'APPROVE', 'APPROVE', 'DENY'),
  form: fc.oneof(
    { weight: 3, arbitrary: fc.constant('right' as const) },
    { weight: 5, arbitrary: fc.constantFrom(...FORMS) },
  ),
});
const step = fc.oneof(
  { weight: 8, arbitrary: ballot },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
  { weight: 1, arbitrary: fc.constant('later' as const) },
  { weight: 1, arbitrary: fc.constantFrom('usr_ben:SECURITY_ADMIN', 'usr_ben:LEGAL', 'usr_dan:SECURITY_ADMIN') },
);
/** What chance alone rarely leads to: what was signed is refused for a missing role, which its voter then gets. */
const PROMOTED = [
  { who: 'usr_dan', decision: 'APPROVE', form: 'right' },
  'usr_dan:SECURITY_ADMIN',
  'restart',
  { who: 'usr_dan', decision: 'APPROVE', form: 'used before' },
] as const;
const steps = fc
  .array(
    fc.oneof({ weight: 9, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: fc.constant(PROMOTED) }),
    {
      maxLength: 14,
    },
  )
  .map((groups) => groups.flat());
const GATES = [[true], [true, false], [false, true], [false]];

type House = { readonly PasskeyPlay: typeof Play };

/** Plays requests by chance. @throws what was found, with the shortest play that shows it. */
export function playByChance({ PasskeyPlay }: House, reached: Map<string, number>, numRuns: number): void {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.constantFrom(...GATES), steps, (k, gates, taken) => {
      const play = new PasskeyPlay(k, gates, { ...ROLES });
      const isNeeded = gates.includes(true);
      for (const each of taken) {
        const note = takeStep(play, each, isNeeded);
        if (note !== null) reached.set(note, (reached.get(note) ?? 0) + 1);
        requireLaws(play, k, isNeeded);
      }
      requireSoundVerdicts(play, isNeeded);
      const { status } = play.approval;
      reached.set(status, (reached.get(status) ?? 0) + 1);
    }),
    { numRuns, seed: 24 },
  );
}

function takeStep(play: Play, each: Ballot | string, isNeeded: boolean): string | null {
  if (each === 'later') play.now += MINUTE_MS;
  if (each === 'restart') {
    const before = JSON.stringify(play.state);
    play.restart();
    if (JSON.stringify(play.state) !== before) throw new Error('a restart leads elsewhere');
  }
  if (typeof each === 'string') {
    const [who = '', role] = each.split(':');
    if (role === 'SECURITY_ADMIN' || role === 'LEGAL') play.roles[who] = role;
    return null;
  }
  const hadUsed = play.used.some(({ ballot: { who, decision } }) => who === each.who && decision === each.decision);
  const answer = play.vote(each);
  // Nothing was used before: what is handed in then is right.
  const form = each.form === 'used before' && !hadUsed ? 'right' : each.form;
  const expected = expectedFor(form, each.decision, isNeeded);
  const others = ['already_decided', 'already_voted', 'role_missing'];
  if (answer !== expected && !others.includes(answer))
    throw new Error(`${JSON.stringify(each)}: ${answer}, not ${expected}`);
  return answer === 'counted' || answer.startsWith('passkey') ? `${answer} ${form}` : answer;
}

function expectedFor(form: Ballot['form'], decision: Ballot['decision'], isNeeded: boolean): string {
  if (form === 'right') return 'counted';
  if (form === 'none') return isNeeded && decision === 'APPROVE' ? 'passkey_needed' : 'counted';
  return 'passkey_refused';
}

function requireLaws(play: Play, k: number, isNeeded: boolean): void {
  const { status, intentHash, id: approvalId } = play.approval;
  const counted = play.records.flatMap(({ input, facts }) =>
    input.type === 'vote' && facts.some(({ type }) => type === 'vote.cast') ? [input] : [],
  );
  const isSigned = ({ assertion, decision, voter: { userId } }: VoteInput): boolean => {
    if (assertion === undefined) return false;
    const { nonce, clientDataJSON } = assertion;
    const client = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()) as { challenge?: string }; // made by the play
    return client.challenge === challengeOf({ approvalId, decision, intentHash, nonce, userId });
  };
  const approvals = counted.filter(({ decision }) => decision === 'APPROVE');
  if (isNeeded && !approvals.every(isSigned)) throw new Error('an approval counts that no passkey signed');
  requireUsedOnce(play);
  if (status === 'APPROVED' && new Set(approvals.map(({ voter }) => voter.userId)).size < k)
    throw new Error('too few people');
  if (counted.some(({ decision }) => decision === 'DENY') && status !== 'DENIED')
    throw new Error('a denial did not stop it');
}

/** Also where whoever takes votes in had let everything through. */
function requireSoundVerdicts(play: Play, isNeeded: boolean): void {
  const people = ['usr_ada', 'usr_ben', 'usr_cleo'];
  for (const form of FORMS) {
    if (form === 'used before') continue;
    const expected = form === 'right' || !isNeeded ? 'approved' : 'pending';
    const verdict = play.verdictOn(people, form);
    if (verdict !== expected) throw new Error(`votes of the form "${form}" are counted as ${verdict}`);
  }
}

function requireUsedOnce({ records }: Play): void {
  const seen = new Set<string>();
  for (const { input, facts } of records) {
    if (input.type !== 'vote' || input.assertion === undefined) continue;
    const { nonce } = input.assertion;
    if (seen.has(nonce) && facts.some(({ type }) => type === 'vote.cast'))
      throw new Error('what was signed once was used twice');
    seen.add(nonce);
  }
}
