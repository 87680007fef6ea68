import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../platform/canonical-json.ts';
import { eventValues, type ExpressionValues } from './scope.ts';
import { defaultTarget, resolveTarget } from './targets.ts';
import { checkTemplate, holdsTemplate, resolveTemplates } from './templates.ts';

const SCOPE = { results: ['action_a'], inputs: ['ticket'] };

const VALUES: ExpressionValues = {
  incident: {
    id: 'inc_1',
    confidence: 80,
    subject: { type: 'user', id: 'alice@acme.example' },
    accounts: ['alice@acme.example', 'bob@acme.example'],
    sourceIps: ['203.0.113.7'],
    details: { attempts: 7 },
  },
  event: {
    host_id: 'h-1',
    count: 0,
    flag: false,
    none: null,
    empty: '',
    nested: { a: [{ b: 'c' }] },
    evil: '{{context.ticket}}',
  },
  results: { action_a: { status: 'SUCCESS', outcome: '', attempts: 1 } },
  context: { ticket: 'T-1' },
  user: null,
};

const resolve = (value: Json): unknown => {
  const result = resolveTemplates(value, VALUES);
  return 'value' in result
    ? result.value
    : result.faults.map((fault) => `${fault.pointer}: ${fault.detail}`).join(' | ');
};

describe('resolveTemplates', () => {
  it.each<[Json, Json]>([
    ['{{event.host_id}}', 'h-1'],
    ['{{ event.host_id }}', 'h-1'],
    ['{{incident.confidence}}', 80],
    ['{{event.count}}', 0],
    ['{{event.flag}}', false],
    ['{{incident.accounts}}', ['alice@acme.example', 'bob@acme.example']],
    ['{{incident.accounts[1]}}', 'bob@acme.example'],
    ['{{event.nested.a[0].b}}', 'c'],
    [
      'Case {{incident.id}} on {{event.host_id}} ({{incident.confidence}}, {{event.flag}})',
      'Case inc_1 on h-1 (80, false)',
    ],
    [
      { a: ['{{context.ticket}}', 1, null, true], b: 'plain } { text' },
      { a: ['T-1', 1, null, true], b: 'plain } { text' },
    ],
    ['', ''],
  ])('%j becomes %j', (value, expected) => {
    expect(resolve(value)).toEqual(expected);
  });

  it('puts data in once: what looks like a template in it stays text', () => {
    expect(resolve('{{event.evil}}')).toBe('{{context.ticket}}');
    expect(resolve('a {{event.evil}} b')).toBe('a {{context.ticket}} b');
  });

  it.each([
    '{{event.gone}}',
    '{{event.none}}',
    '{{event.empty}}',
    'a {{event.empty}} b',
    '{{results.action_a.outcome}}',
    '{{user.id}}',
    '{{incident.accounts[2]}}',
    '{{incident.accounts[-1]}}',
    '{{incident.accounts.length}}',
    '{{event.host_id.length}}',
    '{{event.nested.toString}}',
    '{{event.constructor}}',
    '{{event.__proto__}}',
    '{{event.nested.__proto__.x}}',
    'in a text {{event.nested}}',
    '{{secrets.key}}',
    '{{process.env}}',
    '{{incident}}',
    '{{}}',
    '{{event.host_id',
    '{{event..host_id}}',
    '{{event.host_id + 1}}',
    '{{event["host_id"]}}',
    `{{event.${'a'.repeat(300)}}}`,
    '{{event.host_id}}'.repeat(33),
  ])('%s is a fault, never an empty text', (text) => {
    expect(resolve(text)).toEqual(expect.stringMatching(/^: \S/));
  });

  it('names every text that cannot be filled', () => {
    expect(resolve({ a: { 'b/c': '{{event.gone}}' }, d: ['{{user.id}}'] })).toMatch(/\/a\/b~1c: .*\/d\/0: /s);
  });

  it('does not let data name a secret, whole, embedded or nested', () => {
    const hostile = { ...VALUES, event: { name: 'secret://admin', half: '//admin', deep: { a: ['SECRET://x'] } } };
    for (const text of ['{{event.name}}', 'x {{event.name}}', 'secret:{{event.half}}', '{{event.deep}}']) {
      expect(resolveTemplates(text, hostile)).toHaveProperty('faults');
    }
    expect(resolveTemplates('secret://webhook', hostile)).toEqual({ value: 'secret://webhook' });
  });

  it('refuses a text that grows too long', () => {
    const long = { ...VALUES, event: { name: 'x'.repeat(16_385) } };
    expect(resolveTemplates('{{event.name}}', long)).toHaveProperty('faults');
    expect(resolveTemplates('{{event.name}}!', long)).toHaveProperty('faults');
  });

  it('leaves JSON without templates as it is, and is total for hostile texts', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        // fast-check types JSON with undefined members left out; the text form is what a request body is.
        const json: Json = JSON.parse(JSON.stringify(value));
        if (!holdsTemplate(json)) expect(resolveTemplates(json, VALUES)).toEqual({ value: json });
      }),
    );
    const pieces = fc.constantFrom('{{', '}}', 'event', '.', 'host_id', '[0]', ' ', '__proto__', '{', '}');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 10 }), (words) => {
        const result = resolveTemplates(words.join(''), VALUES);
        expect('value' in result || result.faults.length > 0).toBe(true);
      }),
    );
  });
});

describe('checkTemplate', () => {
  it.each<Json>([
    '{{incident.subject.id}}',
    '{{incident.sourceIps[0]}}',
    '{{incident.details.anything.at[0].all}}',
    '{{event.host_id}} and {{event.attributes.x}}',
    '{{results.action_a.outcome}}',
    '{{context.ticket}}',
    { a: ['{{user.id}}'] },
    'secret://webhook',
    'no template',
  ])('takes %j', (value) => {
    expect(checkTemplate(value, SCOPE)).toEqual([]);
  });

  it.each<[Json, RegExp]>([
    ['{{incident.subjct.id}}', /subjct.*known are id/s],
    ['{{incident.subject.id.more}}', /more/],
    ['{{incident.accounts.x}}', /x is below/],
    ['{{results.action_b.outcome}}', /action_b.*action_a/s],
    ['{{context.other}}', /other.*ticket/s],
    ['{{user.constructor}}', /constructor/],
    ['{{event.__proto__.x}}', /__proto__ cannot/],
    ['{{secret.x}}', /incident, event, results, context, user/],
    ['secret://{{event.name}}', /secret:\/\//],
    [{ 'a{{event.x}}': 1 }, /member name/],
    ['{{event.x', /no }}/],
  ])('refuses %j', (value, expected) => {
    const [fault] = checkTemplate(value, SCOPE, '/actions/0/parameters');
    expect(fault?.detail).toMatch(expected);
    expect(fault?.pointer).toMatch(/^\/actions\/0\/parameters/);
  });
});

describe('resolveTarget', () => {
  it('takes the default targets', () => {
    expect(resolveTarget(defaultTarget('user', null), 'user', VALUES)).toEqual({
      target: { type: 'user', id: 'alice@acme.example' },
    });
    expect(resolveTarget(defaultTarget('ip', null), 'ip', VALUES)).toEqual({
      target: { type: 'ip', id: '203.0.113.7' },
    });
    expect(resolveTarget(defaultTarget('host', null), 'host', VALUES)).toEqual({ target: { type: 'host', id: 'h-1' } });
    expect(resolveTarget(defaultTarget('none', null), 'none', VALUES)).toEqual({ target: { type: 'none', id: '' } });
    const child = { ...VALUES, user: { id: 'bob@acme.example' } };
    expect(resolveTarget(defaultTarget('user', 'accounts'), 'user', child)).toEqual({
      target: { type: 'user', id: 'bob@acme.example' },
    });
  });

  it('does not take a subject of another type for a user of that name', () => {
    const host = { ...VALUES, incident: { ...VALUES.incident, subject: { type: 'host', id: 'admin' } } };
    expect(resolveTarget('{{incident.subject.id}}', 'user', host)).toHaveProperty('fault');
  });

  it.each(['{{event.count}}', '{{incident.accounts}}', '{{event.gone}}', ' ', 'a\u0000b', 'x'.repeat(2_049)])(
    'refuses %j as a target',
    (template) => {
      expect(resolveTarget(template, 'user', VALUES)).toHaveProperty('fault');
    },
  );
});

describe('eventValues', () => {
  const event = {
    id: 'e1',
    weakId: false,
    source: 's',
    mapping: 'firebreak/1',
    time: 1,
    receivedAt: 2,
    timeQuality: 'event',
    kind: 'alert',
    action: 'alert',
    outcome: 'unknown',
    subject: { type: 'user', id: 'alice' },
    actor: null,
    ip: null,
    ipClass: null,
    ipNormalised: false,
    asn: null,
    proxy: null,
    geo: null,
    userAgent: null,
    device: null,
    session: null,
    mfa: null,
    target: null,
    risk: null,
    rawHash: '0',
    attributes: { host_id: 'h-1', user_id: 'ceo', source: 'forged' },
  } as const;

  it('adds attributes beside the fields, never over them', () => {
    expect(eventValues(event)).toMatchObject({
      host_id: 'h-1',
      source: 's',
      kind: 'alert',
      attributes: { host_id: 'h-1' },
    });
  });

  it('user_id and user_account are the subject, never a claim', () => {
    expect(eventValues(event)).toMatchObject({ user_id: 'alice', user_account: 'alice' });
    const hostEvent = { ...event, subject: { type: 'host', id: 'h-1' } } as const;
    expect(eventValues(hostEvent)).not.toHaveProperty('user_id');
  });
});
