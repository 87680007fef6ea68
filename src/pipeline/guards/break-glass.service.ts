import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { User } from '../access/access.ts';
import { presentActor } from '../access/actor.ts';
import { allUsers, loadUser } from '../access/access.store.ts';
import { requireAnother } from '../access/another-person.ts';
import { everyAccountOf } from '../access/every-account.ts';
import { identitiesOf, overlaps } from '../access/identities.ts';
import { rolesMay } from '../access/operations.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { recordable, shownTime, untilApplied, type Answer, type Definition } from '../service.ts';
import {
  confirmedGlass,
  proposedGlass,
  readGlassTerms,
  revokedGlass,
  usesOfDay,
  type GlassProposal,
  type GlassState,
  type GlassTerms,
} from './break-glass.ts';
import { GLASS_ID, glassChange, readGlass, type GlassTurn, type StoredGlass } from './break-glass-row.ts';

export interface GlassPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews'>;
  readonly committer: GroupCommitter;
}

/** Who may decide alone when nobody who may approve can be reached. Off unless two people have declared it. */
export interface GlassService {
  /** What is in force, what waits for the second person, and how often it was used within a day. */
  getGlass(ctx: CallContext): Promise<Answer>;
  /**
   * Proposes a declaration; what is in force stays so until it is confirmed.
   * @throws FirebreakError `invalid_guard` with each fault; `conflict` when it names whoever asks.
   */
  declare(ctx: CallContext, input: { readonly definition: Definition }): Promise<Answer>;
  /** Puts it in force, in place of what was. `hash` is that of the proposal as it was shown. @throws FirebreakError `conflict`. */
  confirm(ctx: CallContext, input: { readonly hash: string }): Promise<Answer>;
  /** Ends what is in force, and what was proposed. @throws FirebreakError `conflict` when there is neither. */
  revoke(ctx: CallContext, input: { readonly reason: string }): Promise<Answer>;
}

type Step = Pick<GlassTurn, 'type' | 'document' | 'reason'>;

/** Builds the service. Every word is a record with the whole state after it. */
export function createGlassService({ journal, committer }: GlassPorts): GlassService {
  /** @param stepOf decides from the state as it stands; asked again when somebody else came first. */
  function say(ctx: CallContext, stepOf: (stored: StoredGlass) => Promise<Step>): Promise<Answer> {
    return untilApplied(async () => {
      await presentActor(journal, ctx.principal, 'break-glass.declare');
      const before = await readGlass(journal);
      const { userId: by, keyIssuedBy: issuedBy } = ctx.principal;
      const word = { by, issuedBy, at: ctx.now, trace: recordedTrace(ctx) };
      const { next, ...change } = glassChange(before, { ...word, ...(await stepOf(before)) });
      return { result: await committer.submit(change), answer: shown(next, ctx.now) };
    });
  }

  const wordOf = ({ principal, now }: CallContext) => ({
    by: principal.userId,
    issuedBy: principal.keyIssuedBy,
    at: now,
  });

  /** Neither of the two may be one of those who may use it, under any login. @throws FirebreakError `conflict`. */
  function requireUninvolved(users: readonly User[], { people }: GlassTerms, { principal }: CallContext): void {
    const isKnown = overlaps(everyAccountOf(users, people), everyAccountOf(users, [...identitiesOf(principal)]));
    if (isKnown)
      throw new FirebreakError('conflict', 'It names you: two people who may not use it have to agree on it');
  }

  async function requireConfirmable(ctx: CallContext, proposal: GlassProposal, hash: string): Promise<void> {
    const { terms, proposed, lapsesAt } = proposal;
    if (ctx.now >= lapsesAt)
      throw new FirebreakError('conflict', 'There is nothing to confirm: the proposal has lapsed');
    if (hash !== proposal.hash) throw new FirebreakError('conflict', 'This is not what is proposed: look at it again');
    await requireAnother(journal, [proposed], ctx.principal);
    const proposer = (await loadUser(journal, proposed.by))?.item;
    if (proposer === undefined || proposer.disabled || !rolesMay(proposer.roles, proposer.kind, 'break-glass.declare'))
      throw new FirebreakError('conflict', 'Who proposed it may not propose it any more: somebody else has to');
    const users = await allUsers(journal);
    requireUninvolved(users, terms, ctx);
    if (overlaps(everyAccountOf(users, [proposed.by]), everyAccountOf(users, terms.people)))
      throw new FirebreakError('conflict', 'It names whoever proposed it: somebody else has to');
  }

  return {
    getGlass: async (ctx) => shown(await readGlass(journal), ctx.now),
    async declare(ctx, { definition }) {
      const terms = readGlassTerms(definition, ctx.now);
      if ('faults' in terms) throw new FirebreakError('invalid_guard', 'The declaration is not valid', terms.faults);
      recordable(terms, 'invalid_guard');
      const users = await allUsers(journal);
      requirePeople(users, terms);
      requireUninvolved(users, terms, ctx);
      return say(ctx, async ({ document }) => ({
        type: 'guard.glass_proposed',
        document: proposedGlass(document, terms, wordOf(ctx)),
      }));
    },
    confirm: (ctx, { hash }) =>
      say(ctx, async ({ document, version }) => {
        if (document.proposal === null) throw new FirebreakError('conflict', 'There is nothing to confirm');
        await requireConfirmable(ctx, document.proposal, hash);
        return { type: 'guard.glass_declared', document: confirmedGlass(document, wordOf(ctx), version + 1) };
      }),
    async revoke(ctx, { reason }) {
      recordable({ reason }, 'invalid_request');
      return say(ctx, async ({ document }) => {
        if (document.declared === null && document.proposal === null)
          throw new FirebreakError('conflict', 'There is nothing to revoke');
        return { type: 'guard.glass_revoked', document: revokedGlass(document), reason };
      });
    },
  };
}

/** @throws FirebreakError `invalid_guard` naming each who could not use it: it would be found out at three in the morning. */
function requirePeople(users: readonly User[], { people }: GlassTerms): void {
  const faults = people.flatMap((id, index) => {
    const user = users.find((each) => each.id === id);
    const pointer = `/people/${index}`;
    if (user === undefined) return [{ pointer, detail: `There is no user ${id}.` }];
    if (user.disabled) return [{ pointer, detail: `${id} is disabled.` }];
    if (rolesMay(user.roles, user.kind, 'break-glass.use')) return [];
    return [{ pointer, detail: `${id} is no person with a role that may vote.` }];
  });
  if (faults.length > 0) throw new FirebreakError('invalid_guard', 'The declaration is not valid', faults);
}

function shown({ document, version, updatedAt, savedBy }: StoredGlass, now: number): Answer {
  const data = {
    id: GLASS_ID,
    status: statusOf(document, now),
    declaration: document.declared === null ? null : shownDeclaration(document.declared),
    proposal:
      document.proposal === null || now >= document.proposal.lapsesAt
        ? null
        : {
            ...shownDeclaration(document.proposal),
            confirmBefore: shownTime(document.proposal.lapsesAt),
          },
    usedWithinADay: usesOfDay(document, now).length,
    version,
    updatedAt: shownTime(updatedAt),
    savedBy,
  };
  return { data, version };
}

function statusOf({ declared }: GlassState, now: number): 'OFF' | 'DECLARED' | 'ENDED' {
  if (declared === null) return 'OFF';
  return now < declared.terms.expiresAt ? 'DECLARED' : 'ENDED';
}

interface Declared extends Omit<GlassProposal, 'lapsesAt'> {
  readonly version?: number;
  readonly confirmed?: GlassProposal['proposed'];
}

function shownDeclaration({ id, terms, hash, proposed, version, confirmed }: Declared) {
  const { expiresAt, ...rest } = terms;
  return {
    declarationId: id,
    ...rest,
    expiresAt: shownTime(expiresAt),
    hash,
    proposedBy: proposed.by,
    proposedAt: shownTime(proposed.at),
    confirmedBy: confirmed?.by ?? null,
    confirmedAt: shownTime(confirmed?.at),
    version: version ?? null,
  };
}
