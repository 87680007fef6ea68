import type { z } from 'zod';
import {
  ConnectorError,
  type ActionContext,
  type ActionDeclaration,
  type ActionHandler,
  type ActionTarget,
  type CheckResult,
  type JsonObject,
  type UndoResult,
  type VerifyResult,
} from '../pipeline/actions/contract.ts';

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
  readonly check?: (call: Call<P>) => Promise<CheckResult>;
}

/** The handler of the contract: checks target and parameters before anything is sent. */
export function handler<P>(definition: Definition<P>): ActionHandler {
  const { declaration, parameters: schema, observe, undo, check } = definition;
  /** A call and its read-back are given the same parameters, which never change. */
  const checked = new WeakMap<object, P>();

  function checkedParameters(given: unknown): P {
    const known = typeof given === 'object' && given !== null ? checked.get(given) : undefined;
    if (known !== undefined) return known;
    const parsed = schema.safeParse(given);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const pointer = `/${issue?.path.map(String).join('/') ?? ''}`;
      throw refused('invalid_parameters', `${pointer} ${issue?.message ?? 'is wrong'}`);
    }
    if (typeof given === 'object' && given !== null) checked.set(given, parsed.data);
    return parsed.data;
  }

  function call(
    target: ActionTarget,
    parameters: unknown,
    prior: JsonObject | null,
    outcome: JsonObject | null,
    context: ActionContext,
  ): Call<P> {
    guardTarget(declaration, target);
    return { target, parameters: checkedParameters(parameters), prior, outcome, context };
  }
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
    ...(check && {
      check: async (target, given, outcome, context) => check(call(target, given, null, outcome, context)),
    }),
  };
}

function guardTarget(declaration: ActionDeclaration, target: ActionTarget): void {
  if (target.type !== declaration.targetType) {
    throw refused('invalid_target', `a target of type ${declaration.targetType} is needed, not ${target.type}`);
  }
  if (declaration.targetType !== 'none' && target.id === '') throw refused('invalid_target', 'the target id is empty');
}

/** Refused by us or by what the target showed, before anything was changed: a repeat gives the same. */
export function refused(code: string, message: string): ConnectorError {
  return new ConnectorError(code, message, { retryable: false, resultUnknown: false });
}

/** A member of recorded JSON as an object, or null. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  // Safe: any non-null, non-array object can be read through string keys, and every value is unknown again.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
