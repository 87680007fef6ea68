import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { Change, ChangeResult, JournalReader, StoredView, View } from '../../journal/journal.ts';
import { allCustomRoles, allUsersInForce } from '../access/access-in-force.ts';
import { canonicalAccount } from '../access/identities.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { Reversibility } from '../actions/contract.ts';
import type { ExemptionInForce } from '../exemptions/exemption.ts';
import { keptRead } from '../kept-read.ts';
import { NO_SCHEDULES, type OnCallBook } from '../oncall/book.ts';
import {
  given,
  recordable,
  requireVersion,
  shownTime,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
  type Listing,
  type ListQuery,
} from '../service.ts';
import type { ActionType, RoleName } from '../vocabulary.ts';
import type { GateQuery } from '../playbooks/bind.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import { customRolesIn, type KnownPeople } from './check-people.ts';
import { checkPolicy } from './check-policy.ts';
import { evaluatePolicies } from './evaluate-policies.ts';
import type { Enforce, Proposing } from '../guards/proposed-changes.service.ts';
import { weakenings, type PolicyVersion } from './weaker-policy.ts';
import { toPolicy, type Policy, type PolicyInForce } from './policy.ts';

/** No row has it. */
const NO_VERSION = -1;
/** Policies read at once; more than these nobody can oversee. */
const MAX_POLICIES = 1_000;

export interface PolicyPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'shared'>;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly approvalTimeoutMs: number;
  readonly reversibilityOf: (type: ActionType) => Reversibility | null;
  /** Channels with a way out of this installation. */
  readonly channels: readonly string[];
  /** Names of the services outside that can be asked. Absent: none. */
  readonly approvers?: readonly string[];
  /** What conditions would read if an execution started for the incident now; null when there is no such incident. */
  readonly valuesOf: (incidentId: string) => Promise<ExpressionValues | null>;
  readonly exemptions: () => Promise<readonly ExemptionInForce[]>;
  /** Whether people can have passkeys here. */
  readonly hasPasskeys: boolean;
  /** The schedules that gates may name. Absent: there are none. */
  readonly onCall?: () => Promise<OnCallBook>;
  /** Where a change that takes a safeguard away waits for a second person. Null or absent: it is in force at once. */
  readonly twoPeople?: Proposing | null;
}

export interface EvaluateInput extends GateQuery {
  /** Null: conditions cannot be decided, so their gates apply. */
  readonly incidentId: string | null;
  /** Users to whom it would be done; empty: not known. */
  readonly targetIds: readonly string[];
}

export interface PolicyUpdate {
  readonly id: string;
  readonly changes: Definition;
  readonly ifMatch: IfMatch;
}

export interface PolicyService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  create(ctx: CallContext, input: { readonly definition: Definition }): Promise<Answer>;
  /** The given members replace those of the present version; `enabled: false` puts the policy out of force. */
  update(ctx: CallContext, input: PolicyUpdate): Promise<Answer>;
  /** What would be asked before an action, and why: see `evaluatePolicies`. Nothing is stored. */
  evaluate(ctx: CallContext, input: EvaluateInput): Promise<Answer>;
  /** What a confirmed proposal writes. */
  readonly enforce: Enforce;
  /** Ids of the policies that name a role of the organisation, in force or not. */
  naming(role: RoleName): Promise<readonly string[]>;
  /** Every policy in force, in the order of ids. Kept in memory until one is added, where nobody else can add one. */
  inForce(): Promise<readonly PolicyInForce[]>;
  /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
  refresh(): void;
}

interface StoredPolicy {
  readonly document: Json;
  readonly version: number;
  readonly createdAt: number;
  /** Absent in rows of the first release that could not change a policy. */
  readonly updatedAt?: number;
  readonly savedBy: string;
  /** Roles of the organisation that it means. Absent: none. */
  readonly customRoles?: readonly RoleName[];
}

/** Builds the service. Every policy is a record in its own stream, with the whole document. */
export function createPolicyService({
  journal,
  committer,
  ids,
  approvalTimeoutMs,
  reversibilityOf,
  channels,
  approvers = [],
  valuesOf,
  exemptions,
  hasPasskeys,
  onCall = async () => NO_SCHEDULES,
  twoPeople = null,
}: PolicyPorts): PolicyService {
  let latest: { readonly versions: string; readonly inForce: readonly PolicyInForce[] } | null = null;

  function checked(definition: Definition, known: KnownPeople): Checked {
    const read = toPolicy(definition, approvalTimeoutMs);
    if ('faults' in read) throw new FirebreakError('invalid_policy', 'The policy is not valid', read.faults);
    const { faults, warnings } = checkPolicy(read.value, {
      reversibilityOf,
      channels,
      hasPasskeys,
      ...known,
      approvers,
    });
    if (faults.length > 0) throw new FirebreakError('invalid_policy', 'The policy is not valid', faults);
    const named = new Set(read.value.policyGates.flatMap((gate) => customRolesIn(gate, known)));
    const customRoles = [...named].sort();
    return {
      policy: read.value,
      customRoles,
      warnings: warnings.map(({ pointer, detail }) => `${pointer}: ${detail}`),
    };
  }

  /** Which roles and schedules there are, and with which of them each known account could vote. */
  async function knownRoles(): Promise<KnownPeople> {
    const [users, customRoles, { schedules }] = await Promise.all([
      allUsersInForce(journal),
      allCustomRoles(journal),
      onCall(),
    ]);
    const roles = new Map(
      users.map(({ id, disabled, kind, ...user }) => [
        canonicalAccount(id),
        disabled || kind !== 'person' ? [] : user.roles,
      ]),
    );
    return {
      rolesOf: (id) => roles.get(canonicalAccount(id)) ?? null,
      isSchedule: (id) => schedules.get(id)?.enabled === true,
      customRoles,
    };
  }

  /** The rows of these roles as they are, written again: a change that names a role that is deleted meanwhile is stale. */
  async function rolesAgain(names: readonly RoleName[]): Promise<readonly View[]> {
    const rows = await Promise.all(names.map((name) => journal.view('role', name)));
    return names.map((id, index) => {
      const { at = 0, body = null, version = NO_VERSION } = rows[index] ?? {};
      return { kind: 'role', id, at, body, expectedVersion: version };
    });
  }

  async function existing(id: string): Promise<StoredView> {
    const view = await journal.view('policy', id);
    if (view === null) throw new FirebreakError('not_found', `There is no policy ${id}`);
    return view;
  }

  /** Writes the next version, or keeps it for a second person where it takes a safeguard away. */
  async function save(
    ctx: CallContext,
    id: string,
    given: Checked,
    before: StoredView | null,
  ): Promise<{ result: ChangeResult; answer: Answer }> {
    const lost = twoPeople === null ? [] : weakenings(versionOf(before), given);
    if (twoPeople !== null && lost.length > 0) {
      const document = recordable({ ...given.policy, policyId: id }, 'invalid_policy');
      const baseVersion = before === null ? 0 : storedOf(before).version;
      const terms = { kind: 'policy', target: id, baseVersion, document, weakens: lost } as const;
      return { result: NOTHING_WRITTEN, answer: await twoPeople.propose(ctx, terms) };
    }
    const { change, answer } = await saving(ctx, id, given, before);
    const result = await committer.submit(change);
    kept.forget();
    return { result, answer };
  }

  /** The next version as it is written. Every version stays as a record; executions keep the gates with which they were planned. */
  async function saving(
    ctx: CallContext,
    id: string,
    { policy, customRoles, warnings }: Checked,
    before: StoredView | null,
    { by, ...agreed }: Authors = { by: ctx.principal.userId },
  ): Promise<{ change: Change; answer: Answer }> {
    const earlier = before === null ? null : storedOf(before);
    const version = (earlier?.version ?? 0) + 1;
    const document = recordable({ ...policy, policyId: id }, 'invalid_policy');
    const times = { createdAt: earlier?.createdAt ?? ctx.now, updatedAt: ctx.now };
    const meant: { readonly [key: string]: Json } = customRoles.length === 0 ? {} : { customRoles };
    const stored: StoredPolicy = { document, version, ...times, savedBy: by, ...meant };
    const data = { version, by, document, ...meant, ...agreed };
    const records = [{ type: 'policy.saved', v: 1, at: ctx.now, trace: recordedTrace(ctx), data }];
    const status = policy.enabled ? 'ENABLED' : 'DISABLED';
    const body = stored as unknown as Json; // plain JSON by its type
    const row = { kind: 'policy', id, expectedVersion: before?.version ?? 0, status, type: policy.scope } as const;
    const change: Change = {
      appends: [{ stream: `policy/${id}`, expectedSeq: version - 1, records }],
      views: [{ ...row, at: ctx.now, body }, ...(await rolesAgain(customRoles))],
    };
    return { change, answer: { data: shown(id, stored), version, warnings } };
  }

  /** The same list as before when nothing has changed: plans that were bound to it are kept by it. */
  async function loadInForce(): Promise<readonly PolicyInForce[]> {
    const { items } = await journal.listViews({ kind: 'policy', status: 'ENABLED', limit: MAX_POLICIES, skip: 0 });
    const versions = items.map((view) => `${view.id}@${storedOf(view).version}`).join('\n');
    if (latest?.versions === versions) return latest.inForce;
    const inForce = items
      .map((view) => {
        const { version, document, customRoles } = storedOf(view);
        const policy = document as unknown as Policy; // checked by `create`
        return { policyId: view.id, version, policy, ...(customRoles === undefined ? {} : { customRoles }) };
      })
      .sort((left, right) => (left.policyId < right.policyId ? -1 : 1));
    latest = { versions, inForce };
    return inForce;
  }

  const kept = keptRead(journal, loadInForce);
  return {
    async list(_ctx, { limit, skip, type, enabled }) {
      const status = enabled === undefined ? undefined : enabled ? 'ENABLED' : 'DISABLED';
      const { items, total } = await journal.listViews({ kind: 'policy', limit, skip, ...given({ status, type }) });
      return { items: items.map((view) => shown(view.id, storedOf(view))), total };
    },
    async get(_ctx, { id }) {
      const stored = storedOf(await existing(id));
      return { data: shown(id, stored), version: stored.version };
    },
    create: (ctx, { definition }) =>
      untilApplied(async () => {
        const given = checked(definition, await knownRoles());
        const { policy } = given;
        const { idempotencyKey } = ctx;
        const ownId = idempotencyKey === null ? ids.next('pol') : derivedId('pol', idempotencyKey);
        const id = policy.policyId ?? ownId;
        if ((await journal.view('policy', id)) !== null)
          throw new FirebreakError('conflict', `There is a policy ${id} already`);
        return save(ctx, id, given, null);
      }),
    update: (ctx, { id, changes, ifMatch }) =>
      untilApplied(async () => {
        const before = await existing(id);
        const { document, version } = storedOf(before);
        requireVersion(ifMatch, version);
        const given = checked({ ...asDefinition(document), ...changes, policyId: id }, await knownRoles());
        return save(ctx, id, given, before);
      }),
    async evaluate({ now }, { incidentId, targetIds, ...query }) {
      const values = incidentId === null ? null : await valuesOf(incidentId);
      if (incidentId !== null && values === null)
        throw new FirebreakError('not_found', `There is no incident ${incidentId}`);
      const targets = targetIds.map((id) => ({ type: 'user', id }) as const);
      const question = { ...query, reversibility: reversibilityOf(query.actionType), targets, at: now };
      return { data: evaluatePolicies(await this.inForce(), question, values, await exemptions()) };
    },
    async enforce(ctx, { target, baseVersion, document, weakens }, by) {
      const before = await journal.view('policy', target);
      const given = checked(asDefinition(document), await knownRoles());
      const version = before === null ? 0 : storedOf(before).version;
      if (version !== baseVersion || weakenings(versionOf(before), given).join() !== weakens.join())
        throw new FirebreakError('conflict', 'What it would change was changed since: propose it anew');
      const authors = { by, confirmedBy: ctx.principal.userId };
      const { change } = await saving(ctx, target, given, before, authors);
      return { change, done: () => kept.forget() };
    },
    async naming(role) {
      const { items } = await journal.listViews({ kind: 'policy', limit: MAX_POLICIES, skip: 0 });
      return items.filter((view) => storedOf(view).customRoles?.includes(role) === true).map(({ id }) => id);
    },
    refresh: () => kept.forget(),
    inForce: () => kept.read(),
  };
}

/** Who wrote a version, and who agreed where somebody had to. */
type Authors = Readonly<{ by: string; confirmedBy?: string }>;

/** What was asked for waits elsewhere. */
const NOTHING_WRITTEN: ChangeResult = { status: 'applied', hashes: [] };

/** A policy that can be saved, and the organisation's roles that it means. */
interface Checked {
  readonly policy: Policy;
  readonly customRoles: readonly RoleName[];
  readonly warnings: readonly string[];
}

function shown(id: string, stored: StoredPolicy): Answer['data'] {
  const { document, version, createdAt, updatedAt = createdAt, savedBy } = stored;
  const times = { createdAt: shownTime(createdAt), updatedAt: shownTime(updatedAt), savedBy };
  return { ...(document as Answer['data']), id, version, ...times };
}

/** What is in force, or would be again; null where there is nothing. */
function versionOf(view: StoredView | null): PolicyVersion | null {
  if (view === null) return null;
  const { document, customRoles = [] } = storedOf(view);
  return { policy: document as unknown as Policy, customRoles }; // checked when it was saved
}

function asDefinition(document: Json): Definition {
  return document as unknown as Definition; // a stored policy is a JSON object
}

function storedOf(view: StoredView): StoredPolicy {
  // Only this file writes these bodies.
  return view.body as unknown as StoredPolicy;
}
