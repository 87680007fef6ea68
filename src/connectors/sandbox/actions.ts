import type { ActionHandler } from '../../pipeline/actions/contract.ts';
import type { EvidenceDesk } from '../../pipeline/actions/desks.ts';
import { deviceDeregister, fullSessionKill, selectiveTokenRevoke } from './access.ts';
import { sandboxClient, type SandboxOptions } from './client.ts';
import { collectionHandlers } from './collect.ts';
import { ipListHandlers } from './ip-list.ts';
import { analystEscalation, forcePasswordReset, stepUpChallenge, userNotification } from './messages.ts';
import { isolateHost, isolateNetworkSegment, restoreNetworkSegment } from './network.ts';
import { accountSuspend, actionBlock, disableCredentials, enhancedLogging, geoLock } from './user-states.ts';

/**
 * All actions of the sandbox company. The outcome of each carries `changed` (false: it was already so, an undo does
 * nothing). What collects evidence is there when there is a desk to bring it to.
 *
 * @throws TypeError when `baseUrl` is no URL
 */
export function sandboxHandlers(options: SandboxOptions, evidence?: EvidenceDesk): ActionHandler[] {
  const client = sandboxClient(options);
  return [
    stepUpChallenge(client),
    selectiveTokenRevoke(client),
    fullSessionKill(client),
    forcePasswordReset(client),
    userNotification(client),
    analystEscalation(client),
    accountSuspend(client),
    deviceDeregister(client),
    ...ipListHandlers(client),
    geoLock(client),
    enhancedLogging(client),
    actionBlock(client),
    disableCredentials(client),
    isolateHost(client),
    isolateNetworkSegment(client),
    restoreNetworkSegment(client),
    ...(evidence === undefined ? [] : collectionHandlers(client, evidence)),
  ];
}
