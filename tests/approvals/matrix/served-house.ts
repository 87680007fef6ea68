import { randomBytes } from 'node:crypto';
import { buildApp, DEFAULT_RATE_LIMITS } from '../../../src/api/app.ts';
import { harness } from '../../../src/api/fake-services.ts';
import { createIdempotencyStore, soleHolder } from '../../../src/api/idempotency.ts';
import { createAccessService } from '../../../src/pipeline/access/access.service.ts';
import { enabledPeople } from '../../../src/pipeline/access/access-in-force.ts';
import { createPasswordHasher } from '../../../src/pipeline/access/password-hasher.ts';
import { createPasswordService } from '../../../src/pipeline/access/passwords.service.ts';
import { requireOperation, type CallContext } from '../../../src/pipeline/access/principal.ts';
import { createSessionService } from '../../../src/pipeline/access/sessions.service.ts';
import { createSetupService } from '../../../src/pipeline/access/setup.service.ts';
import { createVoters } from '../../../src/pipeline/access/voters.ts';
import { createAnswersService } from '../../../src/pipeline/approvals/answers.service.ts';
import { createApprovalService, type ApprovalService } from '../../../src/pipeline/approvals/approvals.service.ts';
import { castVote } from '../../../src/pipeline/executions/cast-vote.ts';
import { executionStream } from '../../../src/pipeline/executions/change.ts';
import { stepOf } from '../../../src/pipeline/executions/core/fold.ts';
import { replayRecords } from '../../../src/pipeline/executions/core/replay.ts';
import { ROLES } from '../../../src/pipeline/vocabulary.ts';
import { FirebreakError } from '../../../src/platform/errors.ts';
import { sha256Hex } from '../../../src/platform/hash.ts';
import { TEST_START, testEngine, type TestEngine } from '../../support/engine.ts';
import type { Ballot, Case, Course, Event, Login } from './case.ts';
import { LINK_KEY, linkTo } from './served-links.ts';
import { codeOf, DOORS, outcomeOf, SLACK_SECRET, type Outcome, type Proofs } from './served-doors.ts';
import { createSessions, type Sessions } from './served-sessions.ts';
import { addressOf, approvalOf, MOMENTS, olderIntent, planFor, startFor, statusOf } from './request.ts';
import { BOTH, humanOf, namedLogin, secondLogin, STAFF, VOTER_ROLES } from './staff.ts';

/**
 * Cases played on the real thing in one process: HTTP and commands, keys, the approval service, the runner, a journal on disk.
 * Only what has nothing to do with votes is canned, and the clock is set.
 */

/** Cases of one wave go on step by step together, so that one clock serves them all. */
const WAVE = 300;
/** No test here is about being slowed down. */
const UNLIMITED = { ...DEFAULT_RATE_LIMITS, requestsPerMinute: 10_000_000, failuresPerMinute: 10_000_000 };
/** A cost that no test waits for. */
const CHEAP = { n: 16, r: 8, p: 1 };
const CALL = { traceId: '1'.repeat(32), correlationId: 'matrix', idempotencyKey: null };

export interface ServedHouse {
  /** What became of each case, in their order. */
  play(cases: readonly Case[]): Promise<readonly Course[]>;
  /** Executions whose records do not replay to the same decisions. */
  unlikeReplayed(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openServedHouse(): Promise<ServedHouse> {
  const engine = testEngine();
  const { journal, committer, clock } = engine;
  const through = {
    ...journal,
    commit: (changes: Parameters<typeof journal.commit>[0]) =>
      Promise.all(changes.map((change) => committer.submit(change))),
  };
  const access = createAccessService(through, randomBytes);
  const setup = createSetupService(through, randomBytes);
  const voters = createVoters(journal);
  const approvals = createApprovalService({
    journal,
    cast: (ctx, vote) => castVote({ runner: engine.runner, voters }, ctx, vote),
  });
  const canned = (await harness()).services;
  const idempotency = createIdempotencyStore(through, soleHolder('matrix'));
  const sessions = createSessionService(through);
  const passwords = createPasswordService(through, {
    randomBytes,
    hasher: createPasswordHasher(CHEAP),
    onRecorded: () => undefined,
  });
  const answers = createAnswersService({ journal, key: LINK_KEY, people: () => enabledPeople(journal) });
  const services = { ...canned, access, setup, approvals, idempotency, sessions, passwords, answers };
  const now = (): number => clock.now();
  const slack = { signingSecret: SLACK_SECRET, now, respond: () => undefined };
  const { server } = await buildApp(services, { clock, randomBytes, version: 'test', rateLimits: UNLIMITED, slack });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const people = await hire({ access, setup, sessions: createSessions({ passwords, sessions, now, url }), now });
  let played = 0;
  return {
    async play(cases) {
      const courses = new Map<Case, Course>();
      for (const wave of wavesOf(cases)) {
        const plays = await Promise.all(
          wave.map(async (given) => openPlay({ engine, approvals, people, url }, given, `exe_${(played += 1)}`)),
        );
        await playWave(engine, plays);
        for (const play of plays) courses.set(play.given, await play.course());
      }
      return cases.map((given) => courses.get(given) ?? { answers: {}, status: 'not played' });
    },
    async unlikeReplayed() {
      const unlike: string[] = [];
      for (let index = 1; index <= played; index += 1) {
        const records = await journal.readStream(executionStream(`exe_${index}`));
        const { plan } = await engine.store.load(`exe_${index}`);
        if (!replayRecords(plan, records).identical) unlike.push(`exe_${index}`);
      }
      return unlike;
    },
    async close() {
      await server.close();
      await engine.close();
    },
  };
}

/** Cases whose clock stands still or moves at the same steps. */
function wavesOf(cases: readonly Case[]): readonly (readonly Case[])[] {
  const alike = new Map<string, Case[]>();
  for (const given of cases) {
    const times = given.steps.map((step) =>
      step.map((event) => (event.do === 'clock' ? event.to : event.do === 'timers' ? 'due' : '')).join(''),
    );
    const shape = times.join('|').replace(/\|+$/, '');
    alike.set(shape, [...(alike.get(shape) ?? []), given]);
  }
  return [...alike.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / WAVE) }, (_, index) => all.slice(index * WAVE, (index + 1) * WAVE)),
  );
}

async function playWave(engine: TestEngine, plays: readonly Play[]): Promise<void> {
  const requestedAt = engine.clock.now();
  const length = Math.max(...plays.map(({ given }) => given.steps.length));
  for (let index = 0; index < length; index += 1) {
    const events = plays.flatMap((play) =>
      (play.given.steps[index] ?? []).map((event, place) => ({ play, event, place })),
    );
    for (const { event } of events) if (event.do === 'clock') engine.clock.advanceTo(requestedAt + MOMENTS[event.to]);
    const due = events.some(({ event }) => event.do === 'timers');
    await Promise.all([
      due ? tickAll(engine) : null,
      ...events.map(({ play, event, place }) => play.take(event, `${index}.${place}`)),
    ]);
  }
  await engine.settle();
}

async function tickAll({ runner }: TestEngine): Promise<void> {
  while ((await runner.tick()) > 0);
}

interface Place {
  readonly engine: TestEngine;
  readonly approvals: ApprovalService;
  readonly people: People;
  readonly url: string;
}

interface Play {
  readonly given: Case;
  take(event: Event, at: string): Promise<void>;
  course(): Promise<Course>;
}

async function openPlay({ engine, approvals, people, url }: Place, given: Case, executionId: string): Promise<Play> {
  const names = await people.namesFor(given);
  const idOf = (login: string): string => people.idOf(names(login));
  const plan = planFor(given, idOf);
  const start = startFor(given, executionId, engine.journal.id, idOf);
  const older = olderIntent(given, start, engine.clock.now(), idOf);
  engine.know(plan);
  await engine.runner.start({ plan, start, trace: undefined });
  const { id: approvalId } = approvalOf((await engine.store.load(executionId)).state);
  const outcomes: {
    readonly at: string;
    readonly outcome: Outcome;
    readonly login: string;
    readonly comment: string;
  }[] = [];
  const letInEarlier = given.steps.flat().find((event) => event.do === 'vote' && event.ballot.letInEarlier === true);
  const letIn = letInEarlier?.do === 'vote' ? await people.letInEarlier(letInEarlier.ballot, names) : null;

  async function cast(ballot: Ballot, at: string, isLook: boolean): Promise<Outcome> {
    const { login, decision, shown, maker, repeatable, proof } = ballot;
    const comment = repeatable ?? at;
    const intentHash = {
      older,
      nothing: null,
      this: approvalOf((await engine.store.recall(executionId)).state).intentHash,
    }[shown];
    const directly = (ctx: CallContext): Promise<Outcome> =>
      approvals[decision === 'APPROVE' ? 'approve' : 'deny'](ctx, { id: approvalId, comment, intentHash }).then(
        () => 'counted',
        (thrown: unknown) => outcomeOf(codeOf(thrown)),
      );
    if (ballot.letInEarlier === true && letIn !== null) {
      await letIn.ended?.();
      return directly(letIn.ctx);
    }
    const key = () => people.keyOf(names(login), given.logins[maker] === undefined ? maker : names(maker));
    const door = DOORS[ballot.door ?? given.surface];
    if (door === undefined)
      return key()
        .then((secret) => people.letIn(secret))
        .then(directly, (thrown: unknown) => outcomeOf(codeOf(thrown)));
    const { intentHash: asked, expiresAt } = approvalOf((await engine.store.recall(executionId)).state);
    const ask = { approvalId, executionId, intentHash: asked, expiresAt };
    const proofs: Proofs = {
      key,
      link: () => linkTo({ ask, userId: idOf(login), proof, older, now: engine.clock.now() }),
      slackUser: () => people.slackUserOf(names(login), proof),
      session: () => people.sessionOf(names(login), proof),
    };
    const sent = { approvalId, executionId, ballot, proofs, intentHash, comment, now: engine.clock.now() };
    const going = isLook ? door.look?.(url, sent) : door.vote(url, sent);
    return going ?? 'shown';
  }

  return {
    given,
    async take(event, at) {
      if (event.do === 'change') return people.change(names(event.login), event.to);
      if (event.do !== 'vote' && event.do !== 'look') return;
      const outcome = await cast(event.ballot, at, event.do === 'look');
      outcomes.push({ at, outcome, login: idOf(event.ballot.login), comment: event.ballot.repeatable ?? at });
    },
    async course() {
      const recorded = await votesOf(engine, executionId);
      const answers: Record<string, string> = {};
      // A button has no comment: then whatever fits, in the order in which it was answered.
      const take = (login: string, comment: string, outcome: Outcome): string | undefined => {
        const isFit = (each: RecordedVote, said: string | null): boolean =>
          each.login === login && each.comment === said;
        const exact = recorded.findIndex((each) => isFit(each, comment));
        const alike = recorded.findIndex(
          (each) => isFit(each, null) && (each.said === 'counted') === (outcome === 'counted'),
        );
        const index = exact < 0 ? alike : exact;
        return index < 0 ? undefined : recorded.splice(index, 1)[0]?.said;
      };
      for (const { at, outcome, login, comment } of outcomes)
        answers[at] = isTurnedAway(outcome) ? outcome : told(outcome, take(login, comment, outcome));
      const left = recorded;
      const { state } = await engine.store.load(executionId);
      return {
        answers,
        status: left.length === 0 ? statusOf(state) : `${left.length} votes recorded that nobody cast`,
      };
    },
  };
}

const isTurnedAway = (outcome: Outcome): boolean => ['repeated', 'unknown', 'forbidden', 'shown'].includes(outcome);

/** What the record says, as long as the voter was told the same. */
function told(outcome: Outcome, recorded: string | undefined): string {
  if (recorded === undefined) return `${outcome}, but not recorded`;
  return (recorded === 'counted') === (outcome === 'counted') ? recorded : `${recorded}, but told ${outcome}`;
}

interface RecordedVote {
  readonly login: string;
  readonly comment: string | null;
  readonly said: string;
}

/** What was recorded of each vote. */
async function votesOf({ journal }: TestEngine, executionId: string): Promise<RecordedVote[]> {
  return (await journal.readStream(executionStream(executionId))).flatMap(({ record }) => {
    const { input, facts } = stepOf(record);
    if (input.type !== 'vote') return [];
    const refused = facts.find((fact) => fact.type === 'vote.refused');
    const said = refused?.code ?? (facts.some(({ type }) => type === 'vote.cast') ? 'counted' : 'ignored');
    return [{ login: input.voter.userId, comment: input.comment, said }];
  });
}

interface People {
  /** Names of accounts in this case: those who will be changed are somebody of their own in each. */
  namesFor(given: Case): Promise<(login: string) => string>;
  idOf(login: string): string;
  keyOf(login: string, maker: string): Promise<string>;
  /** What the server does before a vote: the key is known and may vote. @throws FirebreakError. */
  letIn(key: string): Promise<CallContext>;
  /** Who was let in before the step before a vote; `ended` happens between. */
  letInEarlier(ballot: Ballot, names: (login: string) => string): Promise<LetIn>;
  sessionOf(login: string, proof: string | undefined): ReturnType<Sessions['of']>;
  slackUserOf(login: string, proof: string | undefined): string;
  change(login: string, to: Partial<Login>): Promise<void>;
}

interface LetIn {
  readonly ctx: CallContext;
  readonly ended?: () => Promise<void>;
}

interface Offices {
  readonly sessions: Sessions;
  readonly access: ReturnType<typeof createAccessService>;
  readonly setup: ReturnType<typeof createSetupService>;
  now(): number;
}

/** Letters and digits only, as the chat writes them; one for each login. */
const slackUser = (login: string): string => `U${sha256Hex(login).toUpperCase().slice(0, 20)}`;
const slackAccount = (login: string): string => `slack:T1/${slackUser(login)}`;

/** Which account names which other one as linked. */
function linksOf(login: string): readonly string[] {
  const firsts = [...VOTER_ROLES.map((role) => humanOf(role, 'a')), BOTH];
  if (firsts.includes(login)) return [addressOf(namedLogin(login))];
  return firsts.filter((first) => login === secondLogin(first)).map(addressOf);
}

async function hire({ access, setup, sessions, now }: Offices): Promise<People> {
  const ids = new Map<string, string>();
  const keys = new Map<string, Promise<string>>();
  const token = (await setup.issueToken({ ...CALL, now: TEST_START })) ?? '';
  const root = await setup.redeem({ ...CALL, now: TEST_START }, { token, name: 'Ada', email: 'root@soc.example' });
  const contextOfKey = async (secret: string): Promise<CallContext> => {
    const principal = await access.authenticate(secret, now());
    if (principal === null) throw new Error('a key is not known');
    return { ...CALL, now: now(), principal };
  };
  const asRoot = (): Promise<CallContext> => contextOfKey(root.secret);
  const idOf = (login: string): string => {
    const id = ids.get(login);
    if (id === undefined) throw new Error(`nobody is ${login}`);
    return id;
  };
  const newKey = async (ctx: CallContext, login: string): Promise<string> =>
    (
      await access.createKey(ctx, {
        userId: idOf(login),
        name: 'k',
        scopes: null,
        source: null,
        lifetimeMs: 30 * 86_400_000,
      })
    ).secret;
  async function account(login: string, { kind, roles }: Login): Promise<void> {
    const email = kind === 'person' ? addressOf(login) : null;
    const given = { kind, name: login, email, roles: ROLES.filter((role) => roles.includes(role)) };
    const linkedAccounts = [...linksOf(login), ...(kind === 'person' ? [slackAccount(login)] : [])];
    const { id } = await access.createUser(await asRoot(), { ...given, linkedAccounts });
    ids.set(login, id);
    if (kind === 'person') await sessions.givePassword(await asRoot(), { login, id });
  }
  for (const [login, given] of Object.entries(STAFF)) await account(login, given);
  for (const twin of ['one', 'two']) {
    const given = { kind: 'person', name: twin, email: `${twin}@soc.example`, roles: ['SECURITY_ADMIN'] } as const;
    await access.createUser(await asRoot(), { ...given, linkedAccounts: ['slack:t1/utwice'] });
  }

  async function makeKey(login: string, maker: string): Promise<string> {
    if (STAFF[login]?.kind === 'service') return newKey(await asRoot(), login);
    if (maker !== login) return newKey(await contextOfKey(await keyOf(maker, maker)), login);
    const ctx = await contextOfKey(await newKey(await asRoot(), login));
    // As from a session: what is made with a lent key counts as made by its lender.
    return newKey({ ...ctx, principal: { ...ctx.principal, keyIssuedBy: ctx.principal.userId } }, login);
  }
  function keyOf(login: string, maker: string): Promise<string> {
    const made = STAFF[login]?.human === maker ? login : maker;
    const known = keys.get(`${login} ${made}`) ?? makeKey(login, made);
    keys.set(`${login} ${made}`, known);
    return known;
  }

  /** People and keys are changed one after the other: who changes them at once is told to try again. */
  let turn: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  }
  let leavers = 0;
  return {
    idOf,
    keyOf: (login, maker) => inTurn(() => keyOf(login, maker)),
    async letIn(key) {
      const principal = await access.authenticate(key, now());
      if (principal === null) throw new FirebreakError('unauthenticated', 'The API key is unknown, expired or revoked');
      requireOperation(principal, 'approval.vote');
      return { ...CALL, now: now(), principal };
    },
    async namesFor({ logins }) {
      const leaver = logins['leaver'];
      if (leaver === undefined) return (login) => login;
      const own = `leaver${(leavers += 1)}`;
      await inTurn(async () => {
        await account(own, leaver);
        await keyOf(own, own);
        await sessions.of(own, undefined);
      });
      return (login) => (login === 'leaver' ? own : login);
    },
    async letInEarlier({ login, proof }, names) {
      if (proof !== undefined) {
        const { ctx, ended } = await inTurn(() => sessions.endedOnItsWay(names(login)));
        return { ctx, ended: () => inTurn(ended) };
      }
      return { ctx: await contextOfKey(await inTurn(() => keyOf(names(login), names(login)))) };
    },
    sessionOf: (login, proof) => inTurn(() => sessions.of(login, proof)),
    slackUserOf(login, proof) {
      if (proof === 'unmapped') return 'U0NOBODY';
      return proof === 'mapped twice' ? 'UTWICE' : slackUser(login);
    },
    async change(login, { roles, disabled }) {
      const given = roles === undefined ? {} : { roles: ROLES.filter((role) => roles.includes(role)) };
      await inTurn(async () =>
        access.changeUser(await asRoot(), idOf(login), {
          ...given,
          ...(disabled === undefined ? {} : { disabled }),
        }),
      );
    },
  };
}
