import type { SafeHttp } from '../../platform/safe-http.ts';
import type { Sender } from '../../pipeline/notifications/contract.ts';
import { oneLine } from '../../pipeline/notifications/one-line.ts';
import { postJson } from '../post-json.ts';
import { teamsPost } from './card.ts';

export interface TeamsSenderOptions {
  /** A client of its own, which this sender closes. */
  readonly http: SafeHttp;
  /** Address of the workflow's webhook. A secret. */
  readonly url: string;
}

/** Longest name of a run that is kept, in characters: Microsoft's have about 40. */
const MAX_REFERENCE_LENGTH = 100;

/** A Teams channel, through a workflow that posts cards. A repeat is a second card: a workflow takes no key. */
export function teamsSender({ http, url }: TeamsSenderOptions): Sender {
  return {
    channel: 'TEAMS',
    async send(message, signal) {
      const reply = await postJson(http, { url, body: teamsPost(message), signal });
      const run = reply.header('x-ms-workflow-run-id');
      return { reference: run === null ? null : oneLine(run, MAX_REFERENCE_LENGTH).text };
    },
    close: () => http.close(),
  };
}
