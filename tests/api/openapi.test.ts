import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { POLICY } from '../support/seed-bodies.ts';
import { type Harness, type Reply, startHarness, verified } from '../support/server.ts';

/** Requests of the fuzzer: a few seconds. */
const RUNS = 2_000;

/** What the tests read of a JSON schema; everything else in it only makes requests that the server has to refuse. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}
interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Call {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

let house: Harness;
let calls: readonly Call[];
/** Ids of things that exist, so that the fuzzer also gets behind the first look-up. */
let ids: readonly string[];
beforeAll(async () => {
  house = await startHarness();
  const { body, status } = await house.anonymous('GET', '/docs/json');
  expect(status).toBe(200);
  // safe: the description is checked below, and what is missing in it makes no calls
  const { paths } = body as { paths: Record<string, Record<string, Operation>> };
  calls = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  const api = house.admin.api;
  await api('POST', BASE, byHand('fuzzed', [NOTIFY, { ...SUSPEND_APPROVED, stage: 2 }], { inputs: ['value'] }));
  const run = await api('POST', `${BASE}/executions/trigger`, { playbookId: 'fuzzed', userId: 'anna' });
  const { _id, incidentId, approvals } = await house.settled(run.body.data._id);
  const other = await house.person('SECURITY_ANALYST');
  ids = ['fuzzed', _id, `${_id}:notify`, incidentId, approvals[0], other.id, 'internal', 'nope'];
});
afterAll(() => house.stop());

describe('the description of the API', () => {
  it('is OpenAPI 3.1 and every call in it says who may make it and what it answers', async () => {
    const { body } = await house.anonymous('GET', '/docs/json');
    expect(body).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./), info: { title: 'Firebreak' } });
    for (const { method, path, operation } of calls) {
      const { tags, summary, security, responses } = operation;
      expect([method, path, tags?.length, (summary ?? '').length > 5]).toEqual([method, path, 1, true]);
      expect([method, path, Array.isArray(security)]).toEqual([
        method,
        path,
        path.startsWith('/api/') || security !== undefined,
      ]);
      expect(Object.keys(responses).some((code) => code.startsWith('2'))).toBe(true);
    }
  });

  it('has every call of the request', () => {
    const known = new Set(calls.map(({ method, path }) => `${method} ${path}`));
    const wanted = [
      ...['GET', 'POST'].map((method) => `${method} ${BASE}`),
      ...['GET', 'PUT', 'DELETE'].map((method) => `${method} ${BASE}/{id}`),
      ...['', '/{id}'].flatMap((path) =>
        ['executions', 'approvals', 'audits', 'policies'].map((list) => `GET ${BASE}/${list}${path}`),
      ),
      ...['trigger', '{id}/retry', '{id}/cancel'].map((path) => `POST ${BASE}/executions/${path}`),
      ...['approve', 'deny'].map((verb) => `POST ${BASE}/approvals/{id}/${verb}`),
      `POST ${BASE}/policies`,
      `GET ${BASE}/metrics`,
      `GET ${BASE}/audits/{id}/records`,
      'POST /api/events',
      'GET /api/incidents',
      'GET /api/incidents/{id}',
      'PATCH /api/incidents/{id}',
      'GET /healthz',
      'GET /readyz',
      'GET /health/incident-playbooks',
    ];
    expect(wanted.filter((call) => !known.has(call))).toEqual([]);
    expect(calls.find(({ path }) => path === '/api/events')?.operation.requestBody).toBeDefined();
  });

  it('is complete: every list in it takes and tells limit and skip', async () => {
    const lists = calls.filter(
      ({ method, path, operation }) =>
        method === 'GET' &&
        !path.includes('{') &&
        path.startsWith('/api/') &&
        operation.parameters?.some(({ name }) => name === 'limit'),
    );
    expect(lists.map(({ path }) => path)).toEqual(
      expect.arrayContaining([BASE, '/api/incidents', '/api/users', '/api/keys']),
    );
    for (const { path } of lists) {
      const { body } = await house.admin.api('GET', `${path}?limit=1&skip=0`);
      expect([path, body]).toEqual([
        path,
        { success: true, count: body.data.length, total: expect.any(Number), limit: 1, skip: 0, data: body.data },
      ]);
      expect(body.data.length).toBe(Math.min(1, body.total ?? 0));
    }
  });
});

const TEXTS = [
  '',
  ' ',
  'anna',
  'HIGH',
  '__proto__',
  '{{event.x}}',
  '\u0000',
  '%',
  "'--",
  'é'.normalize('NFD'),
  '9'.repeat(400),
];

const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: 'binary', maxLength: 40 }));

/** Values that mostly fit the schema and sometimes do not. */
function valueOf(schema: Schema | undefined): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 6, arbitrary: fitting(schema) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) });
}

function fitting(schema: Schema | undefined): fc.Arbitrary<unknown> {
  if (schema === undefined || schema.$ref !== undefined) return fc.jsonValue();
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fitting));
  switch (schema.type) {
    case 'integer':
    case 'number':
      return fc.integer({ min: (schema.minimum ?? 0) - 1, max: Math.min(schema.maximum ?? 100, 1e9) + 1 });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valueOf(schema.items), { maxLength: 4 });
    case 'object':
      return objectOf(schema);
    default:
      return fc.oneof(text, fc.constantFrom(...ids));
  }
}

function objectOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const names = Object.keys(properties);
  if (names.length === 0) return fc.oneof(mutated(byHand('made', [NOTIFY])), mutated(POLICY), fc.object());
  const members = Object.fromEntries(names.map((name) => [name, valueOf(properties[name])]));
  return fc.record(members, { requiredKeys: required.filter((name) => names.includes(name)) });
}

/** A good document with one member, somewhere, replaced. */
function mutated(document: object): fc.Arbitrary<unknown> {
  const replace = (value: unknown, path: readonly number[], by: unknown): unknown => {
    const [step, ...rest] = path;
    if (step === undefined || typeof value !== 'object' || value === null) return by;
    const entries = Object.entries(value);
    const chosen = step % Math.max(1, entries.length);
    const changed = entries.map(([name, member], index) => [
      name,
      index === chosen ? replace(member, rest, by) : member,
    ]);
    return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
  };
  return fc
    .tuple(fc.array(fc.nat({ max: 12 }), { maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }))
    .map(([path, by]) => replace(document, path, by));
}

interface Request {
  readonly call: Call;
  readonly url: string;
  readonly body: unknown;
}

function requestOf(call: Call): fc.Arbitrary<Request> {
  const { parameters = [], requestBody } = call.operation;
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query');
  const names = fc.tuple(...inPath.map(() => fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...ids) }, text)));
  const query = fc.record(Object.fromEntries(inQuery.map(({ name, schema }) => [name, valueOf(schema)])), {
    requiredKeys: [],
  });
  const [content] = Object.values(requestBody?.content ?? {});
  const body = content === undefined ? fc.constant(undefined) : valueOf(content.schema);
  return fc.tuple(names, query, body).map(([values, asked, sent]) => {
    const path = inPath.reduce(
      (url, { name }, index) =>
        url.replace(`{${name}}`, encodeURIComponent((values[index] ?? 'x').toWellFormed() || 'x')),
      call.path,
    );
    const pairs = Object.entries(asked).map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value.toWellFormed() : (JSON.stringify(value) ?? ''),
    ]);
    return {
      call,
      url: `${path}?${new URLSearchParams(pairs)}`,
      body: typeof sent === 'string' ? JSON.stringify(sent) : sent,
    };
  });
}

function documented({ status }: Reply, { responses }: Operation): boolean {
  return Object.hasOwn(responses, String(status)) || (status >= 400 && status < 500 && Object.hasOwn(responses, '4XX'));
}

describe('any request that the description suggests', () => {
  it('gets a documented answer, never a failure of ours', async () => {
    const deep = calls.filter(({ path }) => path !== '/api/setup');
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...deep).chain(requestOf), async ({ call, url, body }) => {
        const reply = await house.admin.api(call.method, url, body);
        seen.set(reply.status, (seen.get(reply.status) ?? 0) + 1);
        expect([call.method, url, reply.status, reply.text, documented(reply, call.operation)]).toEqual([
          call.method,
          url,
          reply.status,
          reply.text,
          true,
        ]);
        if (reply.status < 400) return;
        expect(reply.headers.get('content-type')).toContain('application/problem+json');
        expect(reply.body).toMatchObject({
          success: false,
          status: reply.status,
          code: expect.any(String),
          errors: expect.any(Array),
        });
      }),
      { numRuns: RUNS },
    );
    // Requests that are all refused would try nothing.
    expect([200, 400, 404].map((status) => (seen.get(status) ?? 0) > RUNS / 50)).toEqual([true, true, true]);
    expect((await house.anonymous('GET', '/readyz')).status).toBe(200);
  });
});

describe('after all that', () => {
  it('every record and every row that was shown is still as it must be', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});
