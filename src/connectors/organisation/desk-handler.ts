import type { z } from 'zod';
import { messageOf } from '../../platform/errors.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { canonicalJson } from '../../platform/canonical-json.ts';
import {
  ConnectorError,
  type ActionContext,
  type ActionDeclaration,
  type ActionHandler,
  type JsonObject,
} from '../../pipeline/actions/contract.ts';
import { refused } from '../define-handler.ts';

/** Name of the connector: the organisation itself, through its own desks. */
export const CONNECTOR = 'organisation';

export interface DeskAction<P> {
  readonly type: ActionDeclaration['type'];
  readonly parameters: z.ZodType<P>;
  /** Asks the desk. What it answers is recorded. */
  ask(parameters: P, context: ActionContext): Promise<JsonObject>;
  /** What the desk has of this key, or null. */
  find(key: string): Promise<JsonObject | null>;
}

/**
 * An action that asks a desk of this organisation. The desk does what is asked under one key once and says whether it was;
 * so a repeat is dropped there, and read-back asks there. None of them harms anybody, and none can be taken back: what
 * people were told they know.
 */
export function deskHandler<P>({ type, parameters, ask, find }: DeskAction<P>): ActionHandler {
  return {
    declaration: {
      type,
      connector: CONNECTOR,
      targetType: 'none',
      idempotency: 'native-key',
      reversibility: 'irreversible',
      readBack: true,
      settleMs: 0,
      waits: false,
      holds: null,
      contains: false,
    },
    parameters,
    async perform(target, given, _prior, context) {
      if (target.type !== 'none') throw refused('invalid_target', 'this is done to nobody');
      const parsed = parameters.safeParse(given);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const pointer = `/${issue?.path.map(String).join('/') ?? ''}`;
        throw refused('invalid_parameters', `${pointer} ${issue?.message ?? 'is wrong'}`);
      }
      // The journal of this process is what is asked, so who may not send must not ask either.
      if (!context.maySend()) {
        throw new ConnectorError('taken_back', 'it was not to be asked any more', {
          retryable: true,
          resultUnknown: false,
        });
      }
      try {
        return { changed: true, ...(await ask(parsed.data, context)) };
      } catch (thrown) {
        throw deskError(thrown);
      }
    },
    async verify(_target, _parameters, _prior, _outcome, context) {
      const found = await find(context.effectKey);
      return { says: found === null ? 'absent' : 'holds', digest: sha256Hex(canonicalJson(found)) };
    },
  };
}

/** The desk drops repeats and can be asked, so trying again is safe; what it said is passed on. */
function deskError(thrown: unknown): ConnectorError {
  if (thrown instanceof ConnectorError) return thrown;
  const options = { retryable: true, resultUnknown: true, cause: thrown };
  return new ConnectorError('desk_failed', messageOf(thrown), options);
}
