import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { safeHttp, type SafeHttpOptions, type StreamingHttp } from '../../src/platform/safe-http.ts';
import type { ActionContext, ActionHandler } from '../../src/pipeline/actions/contract.ts';
import { startSandboxCompany, type SandboxCompany } from '../../src/sandbox-company/server.ts';
import { sandboxHandlers } from '../../src/connectors/sandbox/actions.ts';
import { memoryEvidence, type MemoryEvidence } from './desks.ts';

/** A running sandbox company with a connector to it, for tests. Only tests import this file. */
export interface Testbed {
  readonly token: string;
  url(): string;
  http(): StreamingHttp;
  /** Where the connector brings what it collects. */
  evidence(): MemoryEvidence;
  /** From now on so many bytes of one artefact fit. */
  limitEvidence(bytes: number): void;
  handler(type: string): ActionHandler;
  handlers(): readonly ActionHandler[];
  /** A call past the connector, as somebody else would make it. Gives the parsed body. */
  raw(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<RawReply>;
}

export interface RawReply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Business time at which the sandbox stands until a test moves it: 2026-03-01T00:00:00Z. */
export const STARTED_AT = 1_772_323_200_000;

/** Starts the company before the tests of the file and ends it after them. */
export function testbed(httpOptions: SafeHttpOptions = {}): Testbed {
  const token = 'a token for tests only';
  let company: SandboxCompany;
  let http: StreamingHttp;
  let room = Infinity;
  const evidence = memoryEvidence(() => room);
  let all: ActionHandler[] = [];
  beforeAll(async () => {
    company = await startSandboxCompany({ port: 0, token, clock: { now: () => STARTED_AT } });
    http = safeHttp({ ...httpOptions, allow: [new URL(company.url).host] });
    all = sandboxHandlers({ baseUrl: company.url, token, http }, evidence);
  });
  afterAll(async () => {
    await http.close();
    await company.stop();
  });
  return {
    token,
    url: () => company.url,
    http: () => http,
    evidence: () => evidence,
    limitEvidence: (bytes) => {
      room = bytes;
    },
    handlers: () => all,
    handler(type) {
      const found = all.find((handler) => handler.declaration.type === type);
      if (found === undefined) throw new Error(`no handler for ${type}`);
      return found;
    },
    async raw(method, path, body, headers = {}) {
      const reply = await fetch(`${company.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      // Safe: every reply of the sandbox is a JSON object; members are unknown until a test looks at them.
      return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
    },
  };
}

/** A context under its own key, or under the given one. */
export function contextOf(
  key: string = randomUUID(),
  signal: AbortSignal = new AbortController().signal,
): ActionContext {
  return {
    idempotencyKey: key,
    effectKey: key,
    signal,
    maySend: () => true,
    startedAt: STARTED_AT,
    traceparent: null,
    origin: { executionId: 'exe_test', actionId: 'action' },
  };
}

/** The context of the undo of what was made under `effectKey`. */
export function undoOf(effectKey: string, undoKey: string = randomUUID()): ActionContext {
  return { ...contextOf(undoKey), effectKey };
}
