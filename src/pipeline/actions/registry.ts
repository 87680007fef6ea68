import type { z } from 'zod';
import { FirebreakError, invariant, type Fault } from '../../platform/errors.ts';
import { ACTION_TYPES, type ActionType } from '../vocabulary.ts';
import type { ActionDeclaration, ActionHandler } from './contract.ts';

/** Which connector offers which action, and whether parameters fit, as far as that can be known before an incident. */
export interface ActionRegistry {
  /**
   * What is fixed about an action: at the named connector, or at the first one registered for the type.
   * @throws FirebreakError `not_found` when nobody offers it
   */
  declarationOf(type: ActionType, connector?: string): ActionDeclaration;
  /** The handler, for an attempt. @throws FirebreakError `not_found` */
  handlerFor(type: ActionType, connector: string): ActionHandler;
  /** The handler of what a plan names, or null when nobody offers it (any more). */
  offered(type: string, connector: string): ActionHandler | null;
  /** All declarations, in the order of registration. */
  declarations(): readonly ActionDeclaration[];
  /**
   * Faults of parameters at save time; `pointer` is where they stand in the playbook (`/actions/0/parameters`).
   *
   * What a template will deliver is not known yet: a value that is a text holding `{{` may be of any type and
   * format, so faults of exactly that value are left out.
   * Member names, missing members and everything that holds no template are judged in full. The handler judges
   * all of it again when templates are resolved, before anything is sent.
   */
  checkParameters(type: ActionType, parameters: unknown, pointer?: string, connector?: string): readonly Fault[];
  /**
   * Parameters after templates were resolved, with defaults filled in: what is recorded, shown and handed to the
   * handler. @throws FirebreakError `invalid_request` naming each wrong member
   */
  parseParameters(handler: ActionHandler, parameters: unknown): unknown;
}

/**
 * The stored name of an action type. Both spellings are accepted: the upper-case names of the API and the
 * lower-case ones of runbooks, with their aliases. Null when there is no such type.
 */
export function actionTypeOf(name: string): ActionType | null {
  return NAMES.get(name) ?? null;
}

/** Runbook words that mean an action of another name. */
const ALIASES: readonly (readonly [string, ActionType])[] = [['revoke_active_sessions', 'FULL_SESSION_KILL']];

const NAMES: ReadonlyMap<string, ActionType> = new Map<string, ActionType>([
  ...ACTION_TYPES.flatMap((type) => [[type, type] as const, [type.toLowerCase(), type] as const]),
  ...ALIASES.flatMap(([alias, type]) => [[alias, type] as const, [alias.toUpperCase(), type] as const]),
]);

/** Faults that one check reports; a parameters object of hostile size must not fill memory. */
const MAX_FAULTS = 50;

/**
 * A registry of these handlers. For a type offered by several connectors the first is the default.
 *
 * @throws Error when a handler breaks the contract or two offer the same type at the same connector: that is a
 *   mistake in the program, found at its start
 */
export function actionRegistry(handlers: readonly ActionHandler[]): ActionRegistry {
  const byType = new Map<ActionType, Map<string, ActionHandler>>();
  for (const handler of handlers) {
    assertContract(handler);
    const { type, connector } = handler.declaration;
    const offers = byType.get(type) ?? new Map<string, ActionHandler>();
    invariant(!offers.has(connector), `${type} is registered twice for ${connector}`);
    byType.set(type, offers.set(connector, handler));
  }

  function find(type: ActionType, connector: string | undefined): ActionHandler {
    const offers = byType.get(type);
    const handler = connector === undefined ? offers?.values().next().value : offers?.get(connector);
    if (handler !== undefined) return handler;
    const where = connector === undefined ? 'no connector' : `the connector ${JSON.stringify(connector)} does not`;
    throw new FirebreakError('not_found', `${where} offer${connector === undefined ? 's' : ''} ${type}`);
  }

  return {
    declarationOf: (type, connector) => find(type, connector).declaration,
    handlerFor: (type, connector) => find(type, connector),
    offered(name, connector) {
      const type = actionTypeOf(name);
      return (type === null ? undefined : byType.get(type)?.get(connector)) ?? null;
    },
    declarations: () => handlers.map((handler) => handler.declaration),
    checkParameters(type, parameters, pointer = '', connector) {
      const result = find(type, connector).parameters.safeParse(parameters);
      if (result.success) return [];
      return result.error.issues
        .filter((issue) => !isTemplate(valueAt(parameters, issue.path)))
        .slice(0, MAX_FAULTS)
        .map((issue) => faultOf(issue, pointer));
    },
    parseParameters(handler, parameters) {
      const result = handler.parameters.safeParse(parameters);
      if (result.success) return result.data;
      const faults = result.error.issues.slice(0, MAX_FAULTS).map((issue) => faultOf(issue, ''));
      throw new FirebreakError(
        'invalid_request',
        `the parameters of ${handler.declaration.type} are not valid`,
        faults,
      );
    },
  };
}

/** What `contract.ts` promises in words: an optional member is there exactly when the declaration says so. */
function assertContract(handler: ActionHandler): void {
  const { declaration } = handler;
  const name = `${declaration.connector}/${declaration.type}`;
  invariant(declaration.readBack === (handler.verify !== undefined), `${name}: verify exactly when readBack`);
  invariant(
    (declaration.reversibility === 'undo') === (handler.undo !== undefined),
    `${name}: undo exactly when reversible`,
  );
  const stays = declaration.holds !== null || declaration.reversibility === 'undo';
  invariant(!stays || declaration.readBack, `${name}: what stays or can be taken back can be read back`);
  invariant(declaration.waits === (handler.check !== undefined), `${name}: check exactly when it waits`);
  invariant(Number.isSafeInteger(declaration.settleMs) && declaration.settleMs >= 0, `${name}: settleMs`);
  invariant(declaration.connector !== '', 'a connector has a name');
}

function faultOf(issue: z.core.$ZodIssue, pointer: string): Fault {
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    return {
      pointer: pointerTo(pointer, [...issue.path, key]),
      detail: 'is not a parameter of this action; remove it',
    };
  }
  return { pointer: pointerTo(pointer, issue.path), detail: issue.message };
}

function pointerTo(base: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (pointer, part) => `${pointer}/${String(part).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`,
    base,
  );
}

function isTemplate(value: unknown): boolean {
  return typeof value === 'string' && value.includes('{{');
}

/** The value at a path, through own members only. */
function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Object.getOwnPropertyDescriptor(value, part)?.value;
  }
  return value;
}
