import { organisationHandlers } from '../connectors/organisation/actions.ts';
import { sandboxHandlers } from '../connectors/sandbox/actions.ts';
import { webhookHandlers } from '../connectors/webhook/actions.ts';
import type { ActionHandler } from '../pipeline/actions/contract.ts';
import { actionRegistry, type ActionRegistry } from '../pipeline/actions/registry.ts';
import type { Config } from '../platform/config.ts';
import type { Hosts } from '../connectors/ssh/open.ts';
import { safeHttp, type SafeHttp } from '../platform/safe-http.ts';
import type { Rooms } from './desks.ts';

/** A sandbox company to act in: its address and its bearer token. */
export interface SandboxAccess {
  readonly url: string;
  readonly token: string;
}

/** What belongs to this installation: the rooms that actions ask, and the hosts that are reached over SSH; null: none. */
export interface OwnParts {
  readonly desks: Rooms;
  readonly hosts: Hosts | null;
}

/** What is done in outside systems, and through which clients. */
export interface OutsideSystems {
  readonly registry: ActionRegistry;
  /** The client of the sandbox company. */
  readonly http: SafeHttp;
  /** The handler of an action type at a connector, or null when it is not installed (any more). */
  handlerFor(type: string, connector: string): ActionHandler | null;
  close(): Promise<void>;
}

/**
 * What can be done, and where.
 *
 * Webhooks go out through a client of their own: they may not reach what only the sandbox connector may. Of an action type that several
 * offer, the first one does it where a playbook names none: hosts and segments are real ones where there are any, and accounts are
 * those of an identity system before those of a single host.
 */
export function outsideSystems(
  config: Config,
  sandbox: SandboxAccess | null,
  { desks, hosts }: OwnParts,
): OutsideSystems {
  const http = safeHttp({ allow: sandbox === null ? [] : [new URL(sandbox.url).host] });
  const webhookHttp = safeHttp({ allow: config.webhookAllow });
  const webhooks = webhookHandlers({ http: webhookHttp });
  const company =
    sandbox === null ? [] : sandboxHandlers({ baseUrl: sandbox.url, token: sandbox.token, http }, desks.evidence);
  const onHosts = hosts?.handlers ?? [];
  const registry = actionRegistry([
    ...onHosts.filter(({ declaration }) => declaration.targetType !== 'user'),
    ...company,
    ...onHosts.filter(({ declaration }) => declaration.targetType === 'user'),
    ...webhooks,
    ...organisationHandlers(desks),
  ]);
  return {
    registry,
    http,
    handlerFor: (type, connector) => registry.offered(type, connector),
    async close() {
      hosts?.close();
      await Promise.all([http.close(), webhookHttp.close()]);
    },
  };
}
