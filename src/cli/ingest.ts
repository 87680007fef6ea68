import { FirebreakError, type ErrorCode } from '../platform/errors.ts';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';

export interface IngestOptions {
  readonly file: string;
  readonly url: string;
  readonly format?: string;
  readonly source?: string;
  readonly json: boolean;
}

/** Bytes of one request: below the server's limit, with room for the last line. */
const REQUEST_BYTES = 8 * 1024 * 1024;
/** Lines of one request: the server's limit. */
const REQUEST_LINES = 10_000;

/** Sends a file of events. NDJSON is cut into requests; anything else goes as one. Exit code 1 when events were rejected. */
export async function ingestCommand(options: IngestOptions, io: Io): Promise<number> {
  const client = apiClient(options.url, io);
  const query = new URLSearchParams();
  if (options.format !== undefined) query.set('format', options.format);
  if (options.source !== undefined) query.set('source', options.source);
  const totals = { accepted: 0, duplicate: 0, rejected: 0 };
  for (const part of partsOf(await io.readInput(options.file))) {
    try {
      const { data } = await client.call('POST', `/api/events?${query.toString()}`, part);
      for (const name of ['accepted', 'duplicate', 'rejected'] as const) totals[name] += Number(data[name] ?? 0);
    } catch (thrown) {
      // A part of which nothing can be read must not cost the parts behind it.
      if (!(thrown instanceof FirebreakError) || !UNREADABLE.has(thrown.code)) throw thrown;
      totals.rejected += eventsIn(part);
      io.stderr.write(`${thrown.message}\n`);
    }
  }
  io.stdout.write(
    options.json
      ? `${JSON.stringify(totals)}\n`
      : `${totals.accepted} accepted, ${totals.duplicate} duplicate, ${totals.rejected} rejected\n`,
  );
  return totals.rejected > 0 ? 1 : 0;
}

/** Answers that concern the events of one request, not the file, the key or the server. */
const UNREADABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['invalid_request', 'malformed_json', 'body_too_large']);

/** Lines that hold anything; a file that is no NDJSON counts as one. */
function eventsIn({ type, bytes }: Part): number {
  if (type === 'application/json') return 1;
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line.trim() !== '').length;
}

interface Part {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A file whose first line is a whole JSON value of its own is NDJSON. */
function partsOf(bytes: Uint8Array<ArrayBuffer>): readonly Part[] {
  const end = bytes.indexOf(0x0a);
  const first = new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
  if (end < 0 || !isJson(first)) return [{ type: 'application/json', bytes }];
  const parts: Part[] = [];
  let start = 0;
  while (start < bytes.length) {
    const stop = endOfPart(bytes, start);
    parts.push({ type: 'application/x-ndjson', bytes: bytes.subarray(start, stop) });
    start = stop;
  }
  return parts;
}

function endOfPart(bytes: Uint8Array, start: number): number {
  let end = start;
  for (let lines = 0; lines < REQUEST_LINES; lines += 1) {
    const feed = bytes.indexOf(0x0a, end);
    const next = feed < 0 ? bytes.length : feed + 1;
    if (lines > 0 && next - start > REQUEST_BYTES) return end;
    end = next;
    if (end >= bytes.length) return end;
  }
  return end;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
