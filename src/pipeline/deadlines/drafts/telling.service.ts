import { derivedId } from '../../../platform/hash.ts';
import { recordedTrace, type CallContext } from '../../access/principal.ts';
import type { Answer } from '../../service.ts';
import type { DraftService } from './drafts.service.ts';
import type { TellContacts } from './tell-contacts.ts';

export interface ContactTellingService {
  /** Tells contacts of a draft because a person asks for it. @throws FirebreakError `not_found`, `conflict`. */
  tell(ctx: CallContext, input: { readonly id: string; readonly channels: readonly string[] }): Promise<Answer>;
}

export interface ContactTellingPorts {
  readonly drafts: Pick<DraftService, 'get'>;
  readonly tellContacts: TellContacts;
}

/** What a clock does by itself, for people: each call tells anew, unless it repeats an idempotency key. */
export function createTellingService({ drafts, tellContacts }: ContactTellingPorts): ContactTellingService {
  return {
    async tell(ctx, { id, channels }) {
      const { data } = await drafts.get(ctx, { id });
      const { incidentId, deadlineId } = data;
      const key = derivedId('tel', id, ctx.principal.userId, ctx.idempotencyKey ?? ctx.traceId);
      const asked = await tellContacts({
        key,
        incidentId: typeof incidentId === 'string' ? incidentId : '',
        deadlineIds: typeof deadlineId === 'string' ? [deadlineId] : [],
        draftId: id,
        channels,
        at: ctx.now,
        trace: recordedTrace(ctx),
      });
      const warnings = asked.told.length === 0 ? ['No contact could be told: see refused.'] : [];
      const { noticeId, told, refused } = asked;
      return {
        data: { id: noticeId, told: told.map((each) => ({ ...each })), refused: refused.map((each) => ({ ...each })) },
        warnings,
      };
    },
  };
}
