import type { ActionHandler } from '../../pipeline/actions/contract.ts';
import { deviceDeregister, fullSessionKill, selectiveTokenRevoke } from './access.ts';
import { sandboxClient, type SandboxOptions } from './client.ts';
import { ipListHandlers } from './ip-list.ts';
import { analystEscalation, forcePasswordReset, stepUpChallenge, userNotification } from './messages.ts';
import { accountSuspend, actionBlock, enhancedLogging, geoLock } from './user-states.ts';

/**
 * All actions of the sandbox company. The outcome of each carries `changed` (false: it was already so, an undo does
 * nothing).
 *
 * @throws TypeError when `baseUrl` is no URL
 */
export function sandboxHandlers(options: SandboxOptions): ActionHandler[] {
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
  ];
}
