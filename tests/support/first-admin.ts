import { createAccessService, type AccessService } from '../../src/pipeline/access/access.service.ts';
import { countingBytes, FakeJournal } from '../../src/pipeline/access/fake-journal.ts';
import type { CallContext } from '../../src/pipeline/access/principal.ts';
import { createSetupService } from '../../src/pipeline/access/setup.service.ts';

/** Access on a FAKE journal, as it is once its first administrator has a key. Business time stands at 0. */
export interface FirstAdmin {
  readonly journal: FakeJournal;
  readonly access: AccessService;
  /** The administrator's calls. */
  readonly root: CallContext;
}

export async function firstAdmin(): Promise<FirstAdmin> {
  const call = { traceId: '1'.repeat(32), correlationId: 'test', now: 0, idempotencyKey: null };
  const journal = new FakeJournal();
  const randomBytes = countingBytes();
  const access = createAccessService(journal, randomBytes);
  const setup = createSetupService(journal, randomBytes);
  const token = (await setup.issueToken(call)) ?? '';
  const { secret } = await setup.redeem(call, { token, name: 'Root', email: 'root@soc.example' });
  const principal = await access.authenticate(secret, call.now);
  if (principal === null) throw new Error('the key is not known');
  return { journal, access, root: { ...call, principal } };
}
