import { createAccessService } from '../pipeline/access/access.service.ts';
import { createCustomRoleService } from '../pipeline/access/custom-roles.service.ts';
import { createGroupService } from '../pipeline/access/groups.service.ts';
import { countingBytes, FakeJournal } from '../pipeline/access/fake-journal.ts';
import { createPasswordHasher } from '../pipeline/access/password-hasher.ts';
import type { CallContext } from '../pipeline/access/principal.ts';
import { createPasskeyService } from '../pipeline/access/passkeys.service.ts';
import { createPasswordService } from '../pipeline/access/passwords.service.ts';
import { createSessionService } from '../pipeline/access/sessions.service.ts';
import { createSetupService } from '../pipeline/access/setup.service.ts';
import { FirebreakError } from '../platform/errors.ts';
import { openInbox } from '../pipeline/notifications/inbox.ts';
import type { Role } from '../pipeline/vocabulary.ts';
import { steeredClock, type SteeredClock } from '../platform/clock.ts';
import { buildApp, type App, type AppOptions } from './app.ts';
import { fakeEvidence, type Call } from './fake-evidence.ts';
import { createIdempotencyStore, soleHolder } from './idempotency.ts';
import type { Answer, Listing } from '../pipeline/service.ts';
import { fakeTasks } from './fake-tasks.ts';
import type { Services } from './services.ts';

export const START = Date.UTC(2026, 0, 5, 8);

/** A call that a route made: what was asked of which service, in what context. */
/** A cost that no test waits for. */
const CHEAP = { n: 16, r: 8, p: 1 };

/** The server over FAKE services (canned answers, every call noted), with real access and idempotency. */
export interface Harness extends App {
  readonly calls: Call[];
  readonly journal: FakeJournal;
  readonly clock: SteeredClock;
  readonly services: Services;
  /** An API key of a fresh account with these roles. */
  readonly keyFor: (
    roles: readonly Role[],
    kind?: 'person' | 'service',
    extra?: { source?: string },
  ) => Promise<string>;
  /** The secret of the administrator who set everything up. */
  readonly adminKey: string;
}

export async function harness(
  replace: (services: Services) => Partial<Services> = () => ({}),
  options: Partial<AppOptions> = {},
): Promise<Harness> {
  const clock = steeredClock(START);
  const journal = new FakeJournal();
  const randomBytes = countingBytes();
  const calls: Call[] = [];
  const access = createAccessService(journal, randomBytes);
  const setup = createSetupService(journal, randomBytes);
  const canned: Services = {
    ...cannedServices(calls),
    access,
    groups: createGroupService(journal, randomBytes),
    roles: createCustomRoleService(journal, () => Promise.resolve([])),
    setup,
    sessions: createSessionService(journal),
    passkeys: createPasskeyService(journal, {
      randomBytes,
      key: randomBytes(32),
      site: { rpId: 'localhost', origin: 'http://localhost:3000' },
    }),
    passwords: createPasswordService(journal, {
      randomBytes,
      hasher: createPasswordHasher(CHEAP),
      onRecorded: () => undefined,
    }),
    singleSignOn: null,
    idempotency: createIdempotencyStore(journal, soleHolder('this process')),
  };
  const services = { ...canned, ...replace(canned) };
  const app = await buildApp(services, { clock, randomBytes, version: '0.0.0', ...options });

  const anonymous = { traceId: '1'.repeat(32), correlationId: 'test', now: START, idempotencyKey: null };
  const token = (await setup.issueToken(anonymous)) ?? '';
  const { secret } = await setup.redeem(anonymous, { token, name: 'Ada', email: 'ada@example.org' });
  let made = 0;
  const keyFor: Harness['keyFor'] = async (roles, kind = 'person', extra = {}) => {
    const principal = await access.authenticate(secret, START);
    if (principal === null) throw new Error('the administrator is gone');
    const ctx = { ...anonymous, principal };
    made += 1;
    const email = kind === 'person' ? `user${made}@example.org` : null;
    const user = await access.createUser(ctx, { kind, name: `User ${made}`, email, roles });
    if (kind === 'person' && extra.source === undefined) return ownKeyOf(user.id, ctx);
    const key = { userId: user.id, name: 'test', scopes: null, source: extra.source ?? null, lifetimeMs: 86_400_000 };
    return (await access.createKey(ctx, key)).secret;
  };
  /** As people get a key that nobody else has seen. */
  const ownKeyOf = async (id: string, ctx: CallContext): Promise<string> => {
    const { secret: invitation } = await canned.passwords.invite(ctx, { id });
    const password = 'four words of plain nonsense';
    const accepted = await canned.passwords.accept(anonymous, { invitation, password, keyName: 'own' });
    return accepted.key?.secret ?? '';
  };
  return { ...app, calls, journal, clock, services, keyFor, adminKey: secret };
}

/** What an approval looks like. */
const APPROVAL = {
  id: 'x1',
  name: 'first',
  actionId: 'suspend',
  actionType: 'ACCOUNT_SUSPEND',
  reversibility: 'undo',
  riskLevel: 'HIGH',
  purpose: 'gate',
  playbookId: 'p1',
  playbookVersion: 1,
  executionId: 'exe_1',
  incidentId: 'inc_1',
  target: null,
  accounts: [],
  parameters: null,
  question: null,
  intentHash: 'ab'.repeat(32),
  status: 'PENDING',
  requester: 'engine',
  requiredApprovers: 1,
  requirements: [],
  escalationPath: [],
  escalations: [],
  votes: [],
  requestedAt: '2026-01-05T08:00:00.000Z',
  expiresAt: '2026-01-05T09:00:00.000Z',
  decidedAt: null,
};

/** What a use of break-glass looks like. */
const GLASS_USE = {
  id: 'bgu_1',
  by: 'usr_1',
  approvalId: 'x1',
  actionType: 'ACCOUNT_SUSPEND',
  reason: 'nobody answers',
  at: '2026-01-05T08:00:00.000Z',
};

/** FAKE services: each verb notes its call and gives a small answer. */
function cannedServices(
  calls: Call[],
): Omit<
  Services,
  'access' | 'groups' | 'roles' | 'setup' | 'sessions' | 'passwords' | 'passkeys' | 'singleSignOn' | 'idempotency'
> {
  const one =
    (verb: string, data: Answer['data'] = { id: 'x1' }, version = 3) =>
    (ctx: unknown, input: unknown): Promise<Answer> => {
      calls.push({ verb, ctx, input });
      return Promise.resolve({ data, version });
    };
  const many =
    (verb: string, item: Answer['data'] = { id: 'x1', name: 'first' }) =>
    (ctx: unknown, input: unknown): Promise<Listing> => {
      calls.push({ verb, ctx, input });
      return Promise.resolve({ items: [item], total: 7 });
    };
  const models = {
    incidentPlaybook: true,
    playbookExecution: true,
    playbookApprovalsPolicy: true,
    playbookActionAudit: true,
  };
  return {
    runbooks: {
      list: many('runbooks.list'),
      get: one('runbooks.get'),
      put: one('runbooks.put'),
      remove: one('runbooks.remove'),
    },
    eventPlans: { plan: one('eventPlans.plan') },
    runbookSource: { get: (ctx) => one('source.get')(ctx, {}), sync: one('source.sync'), pull: one('source.pull') },
    playbooks: {
      list: many('playbooks.list'),
      get: one('playbooks.get'),
      create: one('playbooks.create'),
      update: one('playbooks.update'),
      remove: one('playbooks.remove'),
    },
    policies: {
      list: many('policies.list'),
      get: one('policies.get'),
      create: one('policies.create'),
      evaluate: one('policies.evaluate'),
      update: one('policies.update'),
    },
    guards: {
      getProtected: (ctx) => one('guards.getProtected')(ctx, {}),
      setProtected: one('guards.setProtected'),
      getBlastRadius: (ctx) => one('guards.getBlastRadius')(ctx, {}),
      setBlastRadius: one('guards.setBlastRadius'),
      getDecisionMatrix: (ctx) => one('guards.getDecisionMatrix')(ctx, {}),
      setDecisionMatrix: one('guards.setDecisionMatrix'),
      getQuietHours: (ctx) => one('guards.getQuietHours')(ctx, {}),
      setQuietHours: one('guards.setQuietHours'),
    },
    pause: {
      getPause: (ctx) => one('pause.getPause')(ctx, {}),
      pause: one('pause.pause'),
      resume: one('pause.resume'),
    },
    glass: {
      getGlass: (ctx) => one('glass.getGlass')(ctx, {}),
      declare: one('glass.declare'),
      confirm: one('glass.confirm'),
      revoke: one('glass.revoke'),
    },
    breakGlass: {
      use: one('breakGlass.use'),
      list: many('breakGlass.list', GLASS_USE),
      review: one('breakGlass.review'),
    },
    changes: {
      list: many('changes.list'),
      get: one('changes.get'),
      confirm: one('changes.confirm'),
      reject: one('changes.reject'),
    },
    exemptions: {
      list: many('exemptions.list'),
      get: one('exemptions.get'),
      propose: one('exemptions.propose'),
      confirm: one('exemptions.confirm'),
      revoke: one('exemptions.revoke'),
    },
    deadlines: {
      list: many('deadlines.list'),
      get: one('deadlines.get'),
      start: one('deadlines.start'),
      recordEvent: one('deadlines.recordEvent'),
      extend: one('deadlines.extend'),
      pause: one('deadlines.pause'),
      resume: one('deadlines.resume'),
      submit: one('deadlines.submit'),
      notApplicable: one('deadlines.notApplicable'),
    },
    deadlineRules: {
      listRules: many('deadlineRules.listRules'),
      getRule: one('deadlineRules.getRule'),
      confirmRule: one('deadlineRules.confirmRule'),
      getSettings: (ctx) => one('deadlineRules.getSettings')(ctx, {}),
      setSettings: one('deadlineRules.setSettings'),
      getApplicability: one('deadlineRules.getApplicability'),
      answer: one('deadlineRules.answer'),
    },
    breachRegister: {
      list: many('breachRegister.list'),
      get: one('breachRegister.get'),
      set: one('breachRegister.set'),
      exportCsv: (ctx) => {
        calls.push({ verb: 'breachRegister.exportCsv', ctx, input: {} });
        return Promise.resolve('a,b\r\n');
      },
    },
    executions: {
      list: many('executions.list'),
      get: one('executions.get'),
      trigger: one('executions.trigger'),
      retry: one('executions.retry'),
      cancel: one('executions.cancel'),
      release: one('executions.release'),
      extend: one('executions.extend'),
    },
    approvals: {
      list: many('approvals.list', APPROVAL),
      get: one('approvals.get', APPROVAL),
      approve: one('approvals.approve'),
      deny: one('approvals.deny'),
      passkeyOptions: (ctx, input) => {
        calls.push({ verb: 'approvals.passkeyOptions', ctx, input });
        return Promise.resolve({ nonce: 'n', publicKey: {} });
      },
    },
    withdrawals: { withdraw: one('approvals.withdraw') },
    delegations: {
      list: many('delegations.list'),
      get: one('delegations.get'),
      create: one('delegations.create'),
      revoke: one('delegations.revoke'),
    },
    vendors: {
      list: many('vendors.list'),
      get: one('vendors.get'),
      set: one('vendors.set'),
      affected: one('vendors.affected'),
    },
    tasks: fakeTasks(one, many),
    lawfulBasis: { get: (ctx) => one('lawfulBasis.get')(ctx, {}), set: one('lawfulBasis.set') },
    escalations: {
      list: many('escalations.list'),
      get: one('escalations.get'),
      start: one('escalations.start'),
      acknowledge: one('escalations.acknowledge'),
    },
    inventory: {
      status: (ctx) => one('inventory.status')(ctx, {}),
      put: one('inventory.put'),
      list: many('inventory.list'),
      find: one('inventory.find'),
    },
    onCall: {
      list: many('onCall.list'),
      get: one('onCall.get'),
      set: one('onCall.set'),
      who: one('onCall.who'),
    },
    ...fakeEvidence({ one, many, calls }),
    contacts: {
      list: many('contacts.list'),
      get: one('contacts.get'),
      set: one('contacts.set'),
      vouch: one('contacts.vouch'),
      revoke: one('contacts.revoke'),
    },
    drafts: {
      list: many('drafts.list'),
      get: one('drafts.get'),
      create: one('drafts.create'),
      edit: one('drafts.edit'),
      approve: one('drafts.approve'),
      submitted: one('drafts.submitted'),
      withdraw: one('drafts.withdraw'),
    },
    contactTelling: { tell: one('contactTelling.tell') },
    portal: {
      list: many('portal.list'),
      get: one('portal.get'),
      issueCode: one('portal.issueCode'),
      revoke: one('portal.revoke'),
      byLink: () => Promise.reject(new FirebreakError('unauthenticated', 'no link is valid here')),
      readByCode: () => Promise.reject(new FirebreakError('unauthenticated', 'no link is valid here')),
      readBySession: () => Promise.reject(new FirebreakError('not_found', 'nothing waits here')),
      requireOwn: () => Promise.reject(new FirebreakError('not_found', 'nothing waits here')),
    },
    answers: {
      byLink: () => Promise.reject(new FirebreakError('unauthenticated', 'no link is valid here')),
      bySlackAccount: () => Promise.reject(new FirebreakError('forbidden', 'nobody uses Slack here')),
    },
    notifications: {
      mine: many('notifications.mine'),
      read: one('notifications.read'),
      unread: (ctx) => one('notifications.unread')(ctx, {}),
      readAll: (ctx) => one('notifications.readAll')(ctx, {}),
      listen: async (ctx, input) => {
        calls.push({ verb: 'notifications.listen', ctx, input });
        const inbox = openInbox();
        inbox.close();
        return inbox;
      },
      endListening: () => undefined,
      deliveries: many('notifications.deliveries'),
      resend: one('notifications.resend'),
      test: one('notifications.test'),
      channels: (ctx) => many('notifications.channels')(ctx, {}),
      getPreferences: (ctx) => one('notifications.getPreferences')(ctx, {}),
      setPreferences: one('notifications.setPreferences'),
    },
    audits: { list: many('audits.list'), get: one('audits.get'), records: many('audits.records') },
    incidents: {
      list: many('incidents.list'),
      get: one('incidents.get'),
      setStatus: one('incidents.setStatus'),
    },
    ingest: { ingest: one('ingest', { accepted: 1 }) },
    metrics: { read: one('metrics.read', { totalExecutions: 0, successRate: null }) },
    recovery: { read: (ctx) => one('recovery.read')(ctx, {}), confirm: one('recovery.confirm') },
    health: {
      ready: () => Promise.resolve({ ready: true, failing: [] }),
      playbooks: () => Promise.resolve({ healthy: true, models, active: 5, pendingApprovals: 3 }),
    },
  };
}

/** Header of a bearer key. */
export function bearer(key: string): { authorization: string } {
  return { authorization: `Bearer ${key}` };
}
