import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import type { CallContext, Principal } from '../../src/pipeline/access/principal.ts';
import type { Voters } from '../../src/pipeline/access/voters.ts';
import { castVote } from '../../src/pipeline/executions/cast-vote.ts';
import { incidentOf } from '../../src/pipeline/incidents/incident-change.ts';
import { BUILTIN_PLAYBOOKS } from '../../src/pipeline/playbooks/builtin/builtins.ts';
import type { Role } from '../../src/pipeline/vocabulary.ts';
import { TWO_PEOPLE } from '../../src/demo/staff.ts';
import { steeredClock } from '../../src/platform/clock.ts';
import { LIMITS } from '../../src/sandbox-company/company.ts';
import { startSandboxCompany } from '../../src/sandbox-company/server.ts';
import { crashProcess, type CrashProcess, type Outside } from './crash-process.ts';
import { STORY_START, type Deed, type Story } from './crash-stories.ts';
import type { Mortal } from './mortal.ts';
import { executionsOf, expectIntact, expectQuiet, expectReplays } from './records.ts';

/**
 * A company, its people and its attackers, who live through the ends of processes. What was acknowledged to them is
 * kept here, outside of the journal.
 */
export interface CrashWorld {
  readonly outside: Outside;
  /** Begins a process on this journal; it does nothing yet. */
  join(journal: Journal, life: Mortal): Promise<Actor>;
  /** Checks all that must hold of the journal and the company, and answers with what must be equal wherever a process was stopped. */
  end(journal: Journal): Promise<object>;
  stop(): Promise<void>;
}

export interface Actor {
  /** Takes over what others left, and goes on with the story until it is over or this process is stopped. */
  goOn(): Promise<'over' | 'stopped'>;
  /** Ends it without a goodbye. */
  abandon(): Promise<void>;
}

const TOKEN = 'a token for tests only';
/** Far beyond what a recovery waits for until a call can no longer land, and far below what people are given. */
const RECOVERY_MS = 3 * 60_000;

/** Far above what a slow machine needs for one life of a process, in ms. */
const LIFE_MS = 30_000;

const KEY = generateKeyPairSync('ed25519');

function person(userId: string, role: Role): Principal {
  const kind = 'person' as const;
  const key = { provenBy: 'key' as const, keyId: `key_${userId}`, keyIssuedBy: userId, scopes: null, source: null };
  return { userId, kind, name: userId, roles: [role], linkedAccounts: [], ...key };
}

const BOSS = person('usr_boss', 'SECURITY_ADMIN');
const APPROVERS = [person('usr_admin', 'SECURITY_ADMIN'), person('usr_commander', 'INCIDENT_COMMANDER')];
const ANALYST = person('usr_analyst', 'SECURITY_ANALYST');

function contextOf(principal: Principal, now: number): CallContext {
  return { principal, traceId: '1'.repeat(32), correlationId: 'test', now, idempotencyKey: null };
}

/** Installs what is in force in every story: the four playbooks, and the policy that asks two people. */
export async function install(process: CrashProcess): Promise<void> {
  const ctx = contextOf(BOSS, STORY_START);
  for (const definition of BUILTIN_PLAYBOOKS) await process.playbooks.create(ctx, { definition: { ...definition } });
  await process.policies.create(ctx, { definition: TWO_PEOPLE });
}

/** Of two executions that share a block, whoever's time is over last takes it off. */
const SHARED_END = 'ip.deny.remove';

interface LedgerPage {
  readonly effects: readonly { readonly effect: string; readonly target: string; readonly key: string | null }[];
  readonly next: number | null;
  /** How often a key was sent again. */
  readonly byKey: Readonly<Record<string, { readonly repeats: number }>>;
}

export async function crashWorld(story: Story): Promise<CrashWorld> {
  const clock = steeredClock(STORY_START);
  const company = await startSandboxCompany({ port: 0, token: TOKEN, empty: true, clock });
  const published: string[] = [];
  const outside: Outside = {
    sandbox: { url: company.url, token: TOKEN },
    clock,
    key: KEY,
    publish: (note) => void published.push(note),
  };
  /** Who was stopped. */
  const gone: Mortal[] = [];
  const acknowledged = { deeds: 0, votes: new Set<string>(), events: new Set<string>() };

  async function ask<Reply>(method: string, path: string, body?: object): Promise<Reply> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const reply = await fetch(`${company.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`the sandbox answered ${reply.status}: ${await reply.text()}`);
    return (await reply.json()) as Reply; // the sandbox's own shapes
  }

  /** People here stand in no journal: they are as their credentials say. */
  const asTheyWere: Voters = {
    present: async ({ userId, kind, roles, linkedAccounts, keyIssuedBy }) => ({
      userId,
      kind,
      roles,
      linkedAccounts,
      disabled: false,
      issuedBy: keyIssuedBy,
    }),
  };
  await ask('POST', '/seed', { users: story.users });

  /** Asks everybody once; answers whether anybody was asked. */
  async function vote({ journal, runner }: CrashProcess): Promise<boolean> {
    const { items } = await journal.listViews({ kind: 'approval', status: 'PENDING', limit: 50, skip: 0 });
    for (const { id, body } of items) {
      const { executionId = '', intentHash = '', purpose } = body as unknown as Record<string, string>; // the view's own shape
      const voters = purpose === 'question' ? [ANALYST] : APPROVERS;
      for (const voter of voters) {
        const decision = purpose === 'question' ? 'DENY' : 'APPROVE';
        const cast = { executionId, approvalId: id, decision, intentHash, comment: null } as const;
        const { admitted } = await castVote({ runner, voters: asTheyWere }, contextOf(voter, clock.now()), cast);
        if (admitted) acknowledged.votes.add(`${id} ${voter.userId} ${decision}`);
      }
    }
    return items.length > 0;
  }

  /** Says that the process lives. One that the machine kept from saying so in time holds nothing of what it held before. */
  async function isReborn({ shared, members }: Journal): Promise<boolean> {
    if (!shared) return false;
    const before = members.processId;
    await members.beat();
    return members.processId !== before;
  }

  /** As a server does all the time: who has not said lately that it lives takes nothing over. */
  async function lookRound(process: CrashProcess): Promise<void> {
    const { shared, members } = process.journal;
    if (shared) await members.beat();
    await process.takeOver();
  }

  /**
   * Lets everything come to rest, timers included that come within a few minutes; with `far` also those that come later, as
   * long as nobody is asked.
   */
  async function rest(process: CrashProcess, far: boolean): Promise<void> {
    const { journal, runner, keeper } = process;
    const { members } = journal;
    const until = clock.now() + RECOVERY_MS;
    for (;;) {
      await process.settle();
      expect(process.faults).toEqual([]);
      if (await isReborn(journal)) {
        await process.takeOver();
        continue;
      }
      const due = await journal.nextTimerDue();
      if (due === null || (due > until && (!far || (await isAsked(process))))) break;
      clock.advanceTo(due);
      expect(await members.leads('timers')).toBe(true);
      await runner.tick();
    }
    expect(await members.leads('log')).toBe(true);
    await keeper.keep();
  }

  async function act(process: CrashProcess, deed: Deed): Promise<void> {
    switch (deed.do) {
      case 'send': {
        await process.intake.take(deed.events, undefined);
        for (const { event } of deed.events) acknowledged.events.add(event.id);
        return;
      }
      case 'vote':
        while (await vote(process)) await rest(process, false);
        return;
      case 'wait':
        do await rest(process, true);
        while (await vote(process));
        return;
      case 'fail':
        return failChallenge(process);
      case 'undo':
        return undo(process);
      default:
        return deed;
    }
  }

  /** Guesses until the challenge that stands has failed. */
  async function failChallenge({ journal }: CrashProcess): Promise<void> {
    const states = [...(await executionsOf(journal)).values()];
    const keys = states.flatMap(({ actions }) => actions['action_challenge']?.key ?? []);
    expect(keys).toHaveLength(1);
    const found = await ask<{ challenges: readonly { id: string; status: string }[] }>(
      'GET',
      `/users/anna/challenges?reference=${keys.join()}`,
    );
    expect(found.challenges).toHaveLength(1);
    for (const { id, status } of found.challenges) {
      if (status !== 'pending') return;
      for (let left = LIMITS.challengeTries; left > 0; left -= 1) {
        await ask('POST', `/challenges/${id}/answer`, { code: 'no' });
      }
    }
  }

  async function isAsked({ journal }: CrashProcess): Promise<boolean> {
    return (await journal.listViews({ kind: 'approval', status: 'PENDING', limit: 1, skip: 0 })).total > 0;
  }

  async function undo({ journal, runner }: CrashProcess): Promise<void> {
    const by = { type: 'person', id: BOSS.userId } as const;
    for (const [id, { parent }] of await executionsOf(journal)) {
      if (parent === null) await runner.submit(id, { type: 'compensate', by, reason: 'it was a mistake' });
    }
  }

  async function drive(process: CrashProcess): Promise<void> {
    await lookRound(process);
    // What others had asked for may land after that; it is nobody's, and a server looks for such a thing for as long as it lives.
    await Promise.all(gone.map((life) => life.landed()));
    await lookRound(process);
    await rest(process, false);
    for (const deed of story.deeds.slice(acknowledged.deeds)) {
      await act(process, deed);
      acknowledged.deeds += 1;
      await rest(process, false);
    }
    await process.keeper.keep(true);
  }

  return {
    outside,
    async join(journal, life) {
      const process = await crashProcess(journal, outside, life);
      return {
        goOn: () =>
          Promise.race([
            drive(process).then(() => 'over' as const),
            life.stopped.then(() => 'stopped' as const),
            pause(LIFE_MS, undefined, { ref: false }).then(() => Promise.reject(new Error('it never comes to rest'))),
          ]),
        async abandon() {
          gone.push(life);
          await process.abandon();
        },
      };
    },
    async end(journal) {
      await expectQuiet(journal);
      await expectReplays(journal);
      await expectIntact(journal, KEY);
      const { effects, next, byKey } = await ask<LedgerPage>('GET', '/ledger');
      // What a call that was cut off has done is read, not asked for again: not even under a key that makes that harmless.
      const again = Object.entries(byKey).filter(([, { repeats }]) => repeats > 0);
      expect(again, 'what had taken effect was asked for again').toEqual([]);
      expect(next).toBeNull();
      // What came without a key was done by people of the company, not by us.
      const ours = effects.filter(({ key }) => key !== null);
      // Who lets go of a shared block last takes it off, under its own key; which one that is, is chance where both are due.
      const done = ours
        .map(({ effect, target, key }) => `${effect} ${target} ${effect === SHARED_END ? '' : key}`)
        .sort();
      expect(new Set(done).size, 'an effect took place twice').toBe(done.length);
      const stored = new Set((await journal.log.checkpoints()).map(({ note }) => note));
      expect(
        published.every((note) => stored.has(note)),
        'a published checkpoint is lost',
      ).toBe(true);
      for (const id of acknowledged.events) expect(await journal.event('test:1', id), `event ${id}`).not.toBeNull();
      const states = [...(await executionsOf(journal)).values()];
      const approvals = states.flatMap((state) => Object.values(state.approvals));
      const votes = approvals.flatMap(({ id, votes: cast }) =>
        cast.map(({ userId, decision }) => `${id} ${userId} ${decision}`),
      );
      expect(new Set(votes).size, 'a vote counts twice').toBe(votes.length);
      for (const cast of acknowledged.votes) expect(votes).toContain(cast);
      const incidents = (await journal.listViews({ kind: 'incident', limit: 100, skip: 0 })).items;
      return {
        effects: done,
        executions: states
          .map(({ id, ended, actions }) => [
            id,
            ended?.status,
            Object.values(actions).map(({ actionId, status, outcome }) => `${actionId} ${status} ${outcome}`),
          ])
          .sort(),
        approvals: approvals.map(({ id, status }) => `${id} ${status}`).sort(),
        votes: votes.sort(),
        events: await journal.eventCount(),
        incidents: incidents.map((view) => {
          const { incident } = incidentOf(view);
          const { id, status, severity, accounts, executions, findings } = incident;
          return { id, status, severity, accounts, executions, findings: findings.map((finding) => finding.id) };
        }),
      };
    },
    stop: () => company.stop(),
  };
}
