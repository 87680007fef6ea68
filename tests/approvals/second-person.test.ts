import { beforeEach, describe, expect, it } from 'vitest';
import { groupCommitter } from '../../src/journal/group-commit.ts';
import type { CallContext } from '../../src/pipeline/access/principal.ts';
import { createExemptionService } from '../../src/pipeline/exemptions/exemptions.service.ts';
import { createGlassService } from '../../src/pipeline/guards/break-glass.service.ts';
import { realMachine } from '../../src/platform/machine.ts';
import { firstAdmin, type FirstAdmin } from '../support/first-admin.ts';

/** Whoever agrees with somebody else may do so at that moment: how long a request takes to arrive, its sender chooses. */

const TOMORROW = '1970-01-02T00:00:00Z';

let journal: FirstAdmin['journal'];
let access: FirstAdmin['access'];
let root: FirstAdmin['root'];
beforeEach(async () => {
  ({ journal, access, root } = await firstAdmin());
});

/** A call of somebody who was let in, with a key that they made themself. */
async function letIn(name: string): Promise<CallContext> {
  const given = { kind: 'person', name, email: `${name}@soc.example`, roles: ['CISO'], linkedAccounts: [] } as const;
  const { id } = await access.createUser(root, given);
  return {
    ...root,
    principal: { ...root.principal, userId: id, roles: ['CISO'], linkedAccounts: [], keyIssuedBy: id },
  };
}

/** Proposes something; gives how another person agrees to it, and whether it is in force. */
type Proposed = Promise<{
  readonly agree: (ctx: CallContext) => Promise<unknown>;
  readonly isInForce: () => Promise<boolean>;
}>;

async function declaration(): Proposed {
  const glass = createGlassService({ journal, committer: groupCommitter(journal, realMachine) });
  const people = [(await letIn('ida')).principal.userId];
  const terms = { people, actionTypes: ['ACCOUNT_SUSPEND'], maxRiskLevel: 'HIGH', usesPerDay: 1, reason: 'at night' };
  const { data } = await glass.declare(root, { definition: { ...terms, expiresAt: TOMORROW } });
  const { hash } = data['proposal'] as { readonly hash: string }; // shown by the service
  return {
    agree: (ctx) => glass.confirm(ctx, { hash }),
    isInForce: async () => (await glass.getGlass(root)).data['status'] === 'DECLARED',
  };
}

async function exemption(): Proposed {
  const exemptions = createExemptionService({
    journal: { ...reads(), shared: true, longReads: reads() },
    committer: groupCommitter(journal, realMachine),
    ids: { next: (kind) => `${kind}_1` },
    clock: { now: () => root.now, monotonic: () => 0, accelerated: false },
    reversibilityOf: () => 'undo',
    gatesOf: async () => ({ version: 1, gates: [{ gateId: null, gateName: 'people', gateHash: 'h' }] }),
  });
  const terms = { policyId: 'pol_1', gateName: 'people', appliesTo: { userIds: ['anna'] }, reason: 'a test account' };
  const { data } = await exemptions.propose(root, { definition: { ...terms, expiresAt: TOMORROW } });
  const { id, hash } = data as { readonly id: string; readonly hash: string }; // shown by the service
  return {
    agree: (ctx) => exemptions.confirm(ctx, { id, hash }),
    isInForce: async () => (await exemptions.inForce()).length > 0,
  };
}

function reads() {
  return {
    view: journal.view.bind(journal),
    listViews: journal.listViews.bind(journal),
    leafHashes: async () => [],
  };
}

describe.each([
  ['a declaration of break-glass', declaration],
  ['an exemption', exemption],
])('%s', (_, propose) => {
  it('is agreed on by another person', async () => {
    const { agree, isInForce } = await propose();
    expect(await isInForce()).toBe(false);
    await agree(await letIn('ben'));
    expect(await isInForce()).toBe(true);
  });

  it.each([
    ['was disabled', { disabled: true }],
    ['has lost the role', { roles: ['LEGAL'] as const }],
  ])('is not by somebody who %s after the call was let in', async (_why, change) => {
    const { agree, isInForce } = await propose();
    const ben = await letIn('ben');
    await access.changeUser(root, ben.principal.userId, change);
    await expect(agree(ben)).rejects.toThrow();
    expect(await isInForce()).toBe(false);
  });
});
