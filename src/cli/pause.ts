import { z } from 'zod';
import { apiClient, jsonBody } from './api-client.ts';
import type { Io } from './io.ts';
import { say, type ServerOptions } from './say.ts';

const PAUSE = '/api/guards/pause';

const SHOWN = z.looseObject({
  paused: z.boolean(),
  by: z.string().nullable(),
  reason: z.string().nullable(),
  since: z.string().nullable(),
  resume: z.looseObject({ by: z.string(), reason: z.string(), expiresAt: z.string() }).nullable(),
  confirmationsNeeded: z.int(),
});

/** Pauses everything that changes something outside. Exit code 0. @throws what the server refused */
export async function pauseCommand({ reason, ...options }: ServerOptions & { readonly reason: string }, io: Io) {
  const { data } = await apiClient(options.url, io).call('POST', PAUSE, jsonBody({ reason }));
  return tell(data, options, io);
}

/** Gives your word that everything may go on; it takes two. Exit code 0. @throws what the server refused */
export async function resumeCommand({ reason, ...options }: ServerOptions & { readonly reason: string }, io: Io) {
  const { data } = await apiClient(options.url, io).call('POST', '/api/guards/resume', jsonBody({ reason }));
  return tell(data, options, io);
}

/** Whether everything is paused. Exit code 0, so that a script which cannot ask differs from a server that is paused. */
export async function pauseStatusCommand(options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', PAUSE);
  return tell(data, options, io);
}

function tell(data: unknown, options: ServerOptions, io: Io): number {
  const shown = SHOWN.parse(data);
  say(options, io, shown, linesOf(shown));
  return 0;
}

function linesOf({ paused, by, reason, since, resume, confirmationsNeeded }: z.infer<typeof SHOWN>): readonly string[] {
  if (!paused) return ['Nothing is paused.'];
  const word =
    resume === null
      ? `${confirmationsNeeded} people have to say that it may go on: firebreak resume`
      : `${resume.by} says that it may go on (${resume.reason}); another person has to, until ${resume.expiresAt}`;
  return [`Paused since ${since} by ${by}: ${reason}`, word];
}
