import { open, rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import { openStream } from './api-stream.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const BASE = '/api/erasures';

const ERASURE = z.looseObject({
  id: z.string(),
  account: z.string(),
  status: z.string(),
  reason: z.string(),
  reference: z.string().nullable(),
  requestedBy: z.string(),
  confirmedBy: z.string().nullable(),
  eventsAfter: z.string().nullable(),
  doneAt: z.string().nullable(),
});
type Erasure = z.infer<typeof ERASURE>;
const WAITING = ERASURE.extend({ waitsFor: z.array(z.looseObject({ says: z.string() })) });

/** Asks for the erasure of an account; another person has to confirm it. Exit code 0. @throws what the server refused */
export async function eraseCommand(
  options: ServerOptions & { readonly account: string; readonly reason: string; readonly reference?: string },
  io: Io,
): Promise<number> {
  const { account, reason, reference = null, url } = options;
  const { data } = await apiClient(url, io).call('POST', BASE, jsonBody({ account, reason, reference }));
  const erasure = ERASURE.parse(data);
  say(options, io, erasure, [lineOf(erasure), `Another person confirms it: firebreak persons confirm ${erasure.id}`]);
  return 0;
}

/** Agrees to an erasure that somebody else asked for. Exit code 0. @throws what the server refused */
export async function confirmErasureCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('POST', `${BASE}/${encodeURIComponent(id)}/confirm`);
  return tell(ERASURE.parse(data), options, io);
}

/** Takes an erasure back that has not begun. Exit code 0. @throws what the server refused */
export async function withdrawErasureCommand(
  id: string,
  options: ServerOptions & { readonly reason: string },
  io: Io,
): Promise<number> {
  const path = `${BASE}/${encodeURIComponent(id)}/withdraw`;
  const { data } = await apiClient(options.url, io).call('POST', path, jsonBody({ reason: options.reason }));
  return tell(ERASURE.parse(data), options, io);
}

/** The erasures, the newest first. Exit code 0. */
export async function listErasuresCommand(options: ServerOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}`);
  const erasures = items.map((item) => ERASURE.parse(item));
  say(options, io, { total, erasures }, [...erasures.map(lineOf), `${total} in all`]);
  return 0;
}

/** One erasure with what it waits for. Exit code 0; 2 while it waits. @throws what the server refused */
export async function showErasureCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  const { data } = await apiClient(options.url, io).call('GET', `${BASE}/${encodeURIComponent(id)}`);
  const erasure = WAITING.parse(data);
  const { waitsFor, eventsAfter, doneAt } = erasure;
  const events = eventsAfter === null || doneAt !== null ? [] : [`its last events go after ${eventsAfter}`];
  say(options, io, data, [lineOf(erasure), ...waitsFor.map(({ says }) => `waits: ${says}`), ...events]);
  return waitsFor.length === 0 ? 0 : 2;
}

/**
 * Writes everything that is held on an account to a new file, one line of JSON each. The file has its name only when it is whole. It is
 * on record, whatever comes of it. Exit code 0. @throws what the server refused; `conflict` when the file is there already
 */
export async function exportPersonCommand(
  options: ServerOptions & { readonly account: string; readonly reason: string; readonly out: string },
  io: Io,
): Promise<number> {
  const { account, reason, out, url } = options;
  const draft = `${out}.part`;
  const handle = await open(draft, 'wx', 0o600).catch((cause: unknown) => {
    throw new FirebreakError('conflict', `${draft} cannot be made: ${messageOf(cause)}`, [], { cause });
  });
  try {
    const body = JSON.stringify({ account, reason });
    const request = {
      method: 'POST',
      path: '/api/person-exports',
      type: 'application/json',
      body,
      length: null,
    } as const;
    let last = '';
    let lines = 0;
    for await (const piece of await openStream(url, io, request)) {
      const text = Buffer.from(piece).toString('latin1');
      lines += text.split('\n').length - 1;
      last = `${last}${text}`.slice(-END.length);
      await handle.appendFile(piece);
    }
    if (last !== END) throw new FirebreakError('conflict', 'It broke off: ask again');
    await handle.sync();
    await rename(draft, out);
    say(options, io, { out, account, lines }, [`${out}: ${lines} lines about ${account}`]);
    return 0;
  } finally {
    await handle.close();
    await rm(draft, { force: true });
  }
}

/** The last line of what is whole. */
const END = '{"what":"end"}\n';

function tell(erasure: Erasure, options: ServerOptions, io: Io): number {
  say(options, io, erasure, [lineOf(erasure)]);
  return 0;
}

function lineOf({ id, status, account, reason, requestedBy, confirmedBy }: Erasure): string {
  const people = confirmedBy === null ? `by ${requestedBy}` : `by ${requestedBy} and ${confirmedBy}`;
  return [id, status, account, people, reason].join('  ');
}
