import { get, type IncomingMessage } from 'node:http';
import type { Harness, Person } from './server.ts';

/** One server-sent event as a browser would see it. */
export interface Heard {
  readonly id: string;
  readonly event: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers whose shape is what they assert
  readonly data: any;
}

/** A real connection that listens. */
export interface Ear {
  readonly status: number;
  readonly heard: readonly Heard[];
  /** Resolves when the server has ended the stream, or it was closed here. */
  readonly ended: Promise<void>;
  close(): void;
}

/** Listens to what a person is told, behind an event if one is named; on a connection of its own, as a browser does. */
export async function listen(
  { url }: Pick<Harness, 'url'>,
  { key }: Pick<Person, 'key'>,
  after?: string,
): Promise<Ear> {
  const headers = {
    authorization: `Bearer ${key}`,
    accept: 'text/event-stream',
    ...(after === undefined ? {} : { 'last-event-id': after }),
  };
  const request = get(`${url}/api/notifications/stream`, { agent: false, headers });
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
  });
  const heard: Heard[] = [];
  let text = '';
  reply.setEncoding('utf8');
  reply.on('data', (chunk: string) => {
    const blocks = `${text}${chunk}`.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) heard.push(...eventIn(block));
  });
  request.on('error', () => undefined);
  reply.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => void reply.once('close', resolve));
  return { status: reply.statusCode ?? 0, heard, ended, close: () => void request.destroy() };
}

function eventIn(block: string): readonly Heard[] {
  const [, id, event, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
  return id === undefined || event === undefined || data === undefined ? [] : [{ id, event, data: JSON.parse(data) }];
}
