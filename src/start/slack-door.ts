import type { SlackDoor } from '../api/routes/slack.routes.ts';
import { postJson } from '../connectors/post-json.ts';
import type { Config } from '../platform/config.ts';
import type { Log } from '../platform/log.ts';
import { safeHttp } from '../platform/safe-http.ts';

/** Slack takes an answer to a pressed button within half an hour; nobody waits for it longer than this, in ms. */
const RESPOND_TIMEOUT_MS = 5_000;

/** The door by which answers come in from Slack; null where no secret is configured to believe them by. */
export function slackDoor({ notifications }: Pick<Config, 'notifications'>, log: Log): SlackDoor | null {
  const { slackSigningSecret: signingSecret } = notifications;
  if (signingSecret === null) return null;
  return {
    signingSecret,
    now: Date.now,
    respond(url, text) {
      const http = safeHttp({ allow: [], totalTimeoutMs: RESPOND_TIMEOUT_MS });
      const body = JSON.stringify({ response_type: 'ephemeral', replace_original: false, text });
      postJson(http, { url, body, signal: AbortSignal.timeout(RESPOND_TIMEOUT_MS) })
        .catch((thrown: unknown) => log.warn({ err: thrown }, 'Slack was not told what came of an answer'))
        .finally(() => void http.close());
    },
  };
}
