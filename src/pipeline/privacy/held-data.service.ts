import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { canonicalIdentity } from '../events/text.ts';
import { untilApplied } from '../service.ts';
import { heldOn, type HeldDataPorts, type HeldLine } from './held-data.ts';

/** Says to whom what is held on people was handed out. */
export const DISCLOSURES = 'disclosures';

export interface HeldDataService {
  /**
   * Puts it on record that it is handed out, and then everything that is held on an account, line by line.
   * @throws FirebreakError `invalid_request` for no account; StoreUnavailableError before the first line.
   */
  export(
    ctx: CallContext,
    input: { readonly account: string; readonly reason: string },
  ): Promise<AsyncIterable<HeldLine>>;
}

export interface HeldDataServicePorts extends HeldDataPorts {
  readonly journal: HeldDataPorts['journal'] & Pick<JournalReader, 'streamHead'>;
  readonly committer: Pick<GroupCommitter, 'submit'>;
}

export function createHeldDataService(ports: HeldDataServicePorts): HeldDataService {
  const { journal, committer } = ports;
  return {
    async export(ctx, { account: given, reason }) {
      const account = canonicalIdentity(given);
      if (account === null) {
        const fault = { pointer: '/account', detail: 'Name the account as events do.' };
        throw new FirebreakError('invalid_request', 'There is no account', [fault]);
      }
      const data = { by: ctx.principal.userId, account, reason };
      await untilApplied(async () => {
        const expectedSeq = (await journal.streamHead(DISCLOSURES))?.seq ?? 0;
        const records = [{ type: 'person.exported', v: 1, at: ctx.now, trace: recordedTrace(ctx), data }];
        const result = await committer.submit({ appends: [{ stream: DISCLOSURES, expectedSeq, records }] });
        return { result, answer: null };
      });
      return heldOn(account, ctx.now, ports);
    },
  };
}
