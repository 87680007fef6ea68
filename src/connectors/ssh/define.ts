import type { z } from 'zod';
import type {
  ActionContext,
  ActionDeclaration,
  ActionHandler,
  ActionTarget,
  JsonObject,
  UndoResult,
  VerifyResult,
} from '../../pipeline/actions/contract.ts';
import { refused } from './failure.ts';

/** One call of a handler, with checked parameters. */
export interface Call<P> {
  readonly target: ActionTarget;
  readonly parameters: P;
  readonly prior: JsonObject | null;
  readonly outcome: JsonObject | null;
  readonly context: ActionContext;
}

/** A handler as it is written here: one argument, parameters of a known type. */
export interface Definition<P> {
  readonly declaration: ActionDeclaration;
  readonly parameters: z.ZodType<P>;
  readonly observe?: (call: Call<P>) => Promise<JsonObject>;
  readonly perform: (call: Call<P>) => Promise<JsonObject>;
  readonly verify: (call: Call<P>) => Promise<VerifyResult>;
  readonly undo?: (call: Call<P>) => Promise<UndoResult>;
}

export const CONNECTOR = 'ssh';
/** How long a host may take to show a change, in ms: the kernel and the account files show it at once. */
const SETTLE_MS = 1_000;

export function declare(
  type: ActionDeclaration['type'],
  rest: Pick<ActionDeclaration, 'targetType' | 'idempotency' | 'reversibility' | 'holds' | 'contains'>,
): ActionDeclaration {
  return { type, connector: CONNECTOR, readBack: true, settleMs: SETTLE_MS, waits: false, ...rest };
}

/** The handler of the contract: checks target and parameters before anything is sent. */
export function handler<P>(definition: Definition<P>): ActionHandler {
  const { declaration, parameters: schema, observe, undo } = definition;
  const call = (
    target: ActionTarget,
    given: unknown,
    prior: JsonObject | null,
    outcome: JsonObject | null,
    context: ActionContext,
  ): Call<P> => {
    if (target.type !== declaration.targetType || target.id === '')
      throw refused('invalid_target', `a target of type ${declaration.targetType} with an id is needed`);
    const parsed = schema.safeParse(given);
    if (parsed.success) return { target, parameters: parsed.data, prior, outcome, context };
    const [issue] = parsed.error.issues;
    throw refused('invalid_parameters', `/${issue?.path.map(String).join('/') ?? ''} ${issue?.message ?? 'is wrong'}`);
  };
  // Members are async so that a refusal is always a rejected promise, never a thrown one.
  return {
    declaration,
    parameters: schema,
    ...(observe && { observe: async (target, given, context) => observe(call(target, given, null, null, context)) }),
    perform: async (target, given, prior, context) => definition.perform(call(target, given, prior, null, context)),
    verify: async (target, given, prior, outcome, context) =>
      definition.verify(call(target, given, prior, outcome, context)),
    ...(undo && {
      undo: async (target, given, prior, outcome, context) => undo(call(target, given, prior, outcome, context)),
    }),
  };
}

/** A member of recorded JSON as an object, or null. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  // Safe: any non-null, non-array object can be read through string keys, and every value is unknown again.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
