import { z } from 'zod';
import { FirebreakError } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { say, type ServerOptions } from './say.ts';

const LIMITS = '/api/guards/blast-radius';
/** What takes a limit away. */
const NONE = 'none';

const SHOWN = z.looseObject({
  limits: z.array(z.looseObject({ actionType: z.string(), perHour: z.int() })),
  version: z.int(),
  savedBy: z.string().nullable(),
});
type Shown = z.infer<typeof SHOWN>;

/** What an hour may do of each action type before a person is asked. Exit code 0. */
export async function getLimitsCommand(options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', LIMITS);
  return tell(SHOWN.parse(data), options, io);
}

/**
 * Sets the limits that are named (`ACCOUNT_SUSPEND=50`, `GEO_LOCK=none`); all others stay. Nothing that somebody else set meanwhile is
 * lost: then it fails. Exit code 0. @throws FirebreakError `invalid_request`, and what the server refused
 */
export async function setLimitsCommand(given: readonly string[], options: ServerOptions, io: Io): Promise<number> {
  const changes = new Map(given.map(readLimit));
  const client = apiClient(options.url, io);
  const { limits, version } = SHOWN.parse((await client.call('GET', LIMITS)).data);
  const kept = limits.filter(({ actionType }) => !changes.has(actionType));
  const set = [...changes].flatMap(([actionType, perHour]) => (perHour === null ? [] : [{ actionType, perHour }]));
  const body = { ...jsonBody({ limits: [...kept, ...set] }), ifMatch: `"${version}"` };
  return tell(SHOWN.parse((await client.call('PUT', LIMITS, body)).data), options, io);
}

function readLimit(text: string): readonly [actionType: string, perHour: number | null] {
  const [, type = '', value = ''] = /^([A-Za-z_]+)=(\d{1,6}|none)$/.exec(text) ?? [];
  if (type === '')
    throw new FirebreakError(
      'invalid_request',
      `${text} is no limit: write ACTION_TYPE=NUMBER, or ACTION_TYPE=${NONE}`,
    );
  return [type.toUpperCase(), value === NONE ? null : Number(value)];
}

function tell(shown: Shown, options: ServerOptions, io: Io): number {
  const lines = shown.limits.map(({ actionType, perHour }) => `${actionType}  ${perHour} an hour`);
  const by = shown.savedBy === null ? 'nobody has set any' : `set by ${shown.savedBy}`;
  say(options, io, shown, [...lines, `version ${shown.version}, ${by}; other action types have no limit`]);
  return 0;
}
