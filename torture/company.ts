import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Draw } from './draw.ts';
import type { Programs, Running } from './programs.ts';

/** The sandbox company in a process of its own that is never killed: it counts what was really done. */
export interface Company {
  readonly url: string;
  readonly token: string;
  /** People who are there from now on, each with one session. */
  seed(ids: readonly string[]): Promise<void>;
  /** Other faults than before. */
  misbehave(draw: Draw): Promise<void>;
  behave(): Promise<void>;
  /** Every effect in order, and who is suspended now. */
  dump(): Promise<CompanyDump>;
}

export interface CompanyDump {
  readonly effects: readonly { readonly effect: string; readonly target: string; readonly key: string | null }[];
  readonly requests: number;
  readonly repeats: number;
  readonly suspended: readonly string[];
}

const TOKEN = 'a token for torture only';
const PAGE = z.looseObject({
  effects: z.array(z.looseObject({ effect: z.string(), target: z.string(), key: z.string().nullable() })),
  next: z.int().nullable(),
  requests: z.int(),
  repeats: z.int(),
});
const STATE = z.looseObject({
  users: z.array(z.looseObject({ user: z.looseObject({ id: z.string(), suspended: z.looseObject({}).nullable() }) })),
});

export async function startCompany(programs: Programs): Promise<Company> {
  const running: Running = programs.start('sandbox-company/process', [], { SANDBOX_TOKEN: TOKEN, SANDBOX_EMPTY: '1' });
  const url = String((await running.ready)['url']);

  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const reply = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await reply.json();
    if (!reply.ok) throw new Error(`sandbox company: ${method} ${path}: ${reply.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  return {
    url,
    token: TOKEN,
    async seed(ids) {
      const sessions = [{ ip: '81.2.69.142', country: 'DE', deviceId: null }];
      await call('POST', '/seed', { users: ids.map((id) => ({ id, homeCountry: 'DE', sessions })) });
    },
    async misbehave(draw) {
      await call('DELETE', '/faults');
      for (const fault of drawFaults(draw)) await call('POST', '/faults', fault);
    },
    behave: async () => void (await call('DELETE', '/faults')),
    async dump() {
      const effects: CompanyDump['effects'][number][] = [];
      let after: number | null = 0;
      let last = { requests: 0, repeats: 0 };
      while (after !== null) {
        const page: z.infer<typeof PAGE> = PAGE.parse(await call('GET', `/ledger?after=${after}`));
        effects.push(...page.effects.map(({ effect, target, key }) => ({ effect, target, key })));
        last = page;
        after = page.next;
      }
      const { users } = STATE.parse(await call('GET', '/state'));
      const suspended = users.filter(({ user }) => user.suspended !== null).map(({ user }) => user.id);
      return { effects, requests: last.requests, repeats: last.repeats, suspended };
    },
  };
}

/** What goes wrong next. A stale read copies the whole company at each change, so few are armed. */
function drawFaults(draw: Draw): readonly object[] {
  const times = draw.integer(1, 4);
  const all = [
    { kind: 'slow', ms: draw.integer(20, 400), times: times * 5 },
    { kind: 'slow_reply', ms: draw.integer(20, 400), times: times * 5 },
    { kind: 'error_500', times },
    { kind: 'rate_limited', retryAfterSeconds: draw.integer(0, 1), times },
    { kind: 'lost_reply', times },
    { kind: 'stale_read', match: { pathIncludes: '/users/' }, times: 1 },
  ];
  return all.filter(({ kind }) => draw.chance(kind === 'stale_read' ? 20 : 55));
}

/** Changes the faults every now and then, until `closing`. */
export async function keepMisbehaving(company: Company, draw: Draw, closing: AbortSignal): Promise<void> {
  while (!closing.aborted) {
    await company.misbehave(draw);
    await pause(draw.integer(300, 1_500));
  }
  await company.behave();
}
