import type { Fault } from '../../platform/errors.ts';
import type { Playbook } from './playbook.ts';

/**
 * Channels that steps name and that have no way out of here. The step tells people all the same, in-app and over the usual
 * channels, so this is a warning: whoever relies on a channel hears of it before the incident.
 * @param configured in upper case, in-app among them
 */
export function channelWarnings({ actions }: Playbook, configured: readonly string[]): readonly Fault[] {
  return actions.flatMap(({ parameters }, index) => {
    const { channels } = parameters;
    if (!Array.isArray(channels)) return [];
    const missing = channels.filter(
      (channel): channel is string => typeof channel === 'string' && !configured.includes(channel.toUpperCase()),
    );
    const pointer = `/actions/${index}/parameters/channels`;
    return missing.map((channel) => ({
      pointer,
      detail: `${channel} has no way out of here; people are told in-app and over the usual channels. Configure it.`,
    }));
  });
}
