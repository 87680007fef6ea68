import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { messageOf } from '../../../tests/support/notices.ts';
import { slackMessage } from './blocks.ts';
import { parseInteraction, parseSlashCommand } from './interaction.ts';

const VALUE = { approvalId: 'apr_1', executionId: 'exe_1', intentHash: 'a'.repeat(64) };
const ACTION = {
  type: 'button',
  action_id: 'firebreak_approve',
  block_id: 'b1',
  text: { type: 'plain_text', text: 'Approve', emoji: false },
  value: JSON.stringify(VALUE),
  action_ts: '1548426417.840180',
};
/** The shape of Slack's page on `block_actions`, shortened. */
const PAYLOAD = {
  type: 'block_actions',
  user: { id: 'U0CA5', username: 'Amy', team_id: 'T3MDE' },
  api_app_id: 'A0CA5',
  token: 'deprecated',
  team: { id: 'T9TK3CUKW', domain: 'example' },
  response_url: 'https://hooks.slack.com/actions/T9TK3CUKW/1/abc',
  trigger_id: '12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3',
  actions: [ACTION],
};

const bodyOf = (payload: unknown): string => new URLSearchParams({ payload: JSON.stringify(payload) }).toString();

describe('parseInteraction', () => {
  it('reads who answered what', () => {
    expect(parseInteraction(bodyOf(PAYLOAD))).toEqual({
      slackUserId: 'U0CA5',
      teamId: 'T9TK3CUKW',
      decision: 'APPROVE',
      ...VALUE,
      responseUrl: 'https://hooks.slack.com/actions/T9TK3CUKW/1/abc',
      actionTs: '1548426417.840180',
    });
    const denied = { ...PAYLOAD, response_url: undefined, actions: [{ ...ACTION, action_id: 'firebreak_deny' }] };
    expect(parseInteraction(bodyOf(denied))).toMatchObject({ decision: 'DENY', responseUrl: null });
  });

  it('reads what our own buttons carry', () => {
    const { blocks } = z
      .object({ blocks: z.array(z.looseObject({ elements: z.array(z.looseObject({})).optional() })) })
      .parse(slackMessage(messageOf(), true));
    const buttons = blocks.flatMap(({ elements }) => elements ?? []).filter(({ value }) => value !== undefined);
    const answers = buttons.map((button) =>
      parseInteraction(bodyOf({ ...PAYLOAD, actions: [{ ...button, action_ts: '1.1' }] })),
    );
    expect(answers).toMatchObject([
      { decision: 'APPROVE', ...VALUE },
      { decision: 'DENY', ...VALUE },
    ]);
  });

  it('has nothing to say about a link that was pressed', () => {
    const { value: _, ...bare } = ACTION;
    expect(parseInteraction(bodyOf({ ...PAYLOAD, actions: [{ ...bare, action_id: 'firebreak_view' }] }))).toBe(null);
  });

  const withValue = (value: unknown) => ({ ...PAYLOAD, actions: [{ ...ACTION, value }] });
  it.each([
    ['another type', { ...PAYLOAD, type: 'view_submission' }],
    ['no user', { ...PAYLOAD, user: undefined }],
    ['a user of another form', { ...PAYLOAD, user: { id: 'u1 OR 1=1' } }],
    ['no team', { ...PAYLOAD, team: null }],
    ['no action', { ...PAYLOAD, actions: [] }],
    ['two actions', { ...PAYLOAD, actions: [ACTION, { ...ACTION, action_id: 'firebreak_deny' }] }],
    ['a button of somebody else', { ...PAYLOAD, actions: [{ ...ACTION, action_id: 'approve' }] }],
    ['an element that is no button', { ...PAYLOAD, actions: [{ ...ACTION, type: 'static_select' }] }],
    ['no time', { ...PAYLOAD, actions: [{ ...ACTION, action_ts: undefined }] }],
    ['a response address elsewhere', { ...PAYLOAD, response_url: 'https://evil.example/hooks.slack.com' }],
    ['a response address with a trick', { ...PAYLOAD, response_url: 'https://hooks.slack.com@evil.example/' }],
    ['a response address at another port', { ...PAYLOAD, response_url: 'https://hooks.slack.com:8080/' }],
    ['a response address inside', { ...PAYLOAD, response_url: 'http://169.254.169.254/' }],
    ['a response address in the clear', { ...PAYLOAD, response_url: 'http://hooks.slack.com/x' }],
    ['no value', withValue(undefined)],
    ['a value that is no JSON', withValue('apr_1')],
    ['a value without the intent', withValue(JSON.stringify({ ...VALUE, intentHash: undefined }))],
    ['an intent that is no hash', withValue(JSON.stringify({ ...VALUE, intentHash: 'a' }))],
    ['an id with a path', withValue(JSON.stringify({ ...VALUE, approvalId: '../x' }))],
    ['a value with more', withValue(JSON.stringify({ ...VALUE, decision: 'APPROVE' }))],
    ['null', null],
    ['a list', [PAYLOAD]],
  ])('names the fault with %s', (_, payload) => {
    const read = parseInteraction(bodyOf(payload));
    expect(read).toEqual({ fault: expect.stringMatching(/^payload\S* is missing or not what Slack sends$/) });
    expect(JSON.stringify(read)).not.toContain('evil');
  });

  it.each([
    '',
    'payload',
    'payload=x',
    'x=1',
    `${bodyOf(PAYLOAD)}&${bodyOf(PAYLOAD)}`,
    `payload=${'x'.repeat(600_000)}`,
  ])('names the fault of a body that is no such form (%#)', (body) => {
    expect(parseInteraction(body)).toHaveProperty('fault');
  });

  it('never throws, and gives either a whole answer or a fault', () => {
    const member = fc.constantFrom(...Object.keys(PAYLOAD));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `payload=${text}`),
        ),
        (body) => {
          expect(parseInteraction(body)).toHaveProperty('fault');
        },
      ),
    );
    fc.assert(
      fc.property(member, fc.jsonValue(), (name, value) => {
        const read = parseInteraction(bodyOf({ ...PAYLOAD, [name]: value }));
        if (read === null) throw new Error('no link was pressed');
        if ('fault' in read) expect(Object.keys(read)).toEqual(['fault']);
        else expect(read).toMatchObject({ ...VALUE, decision: 'APPROVE' });
      }),
    );
  });
});

describe('parseSlashCommand', () => {
  const FORM = {
    token: 'deprecated',
    team_id: 'T0001',
    user_id: 'U2147483697',
    user_name: 'Steve',
    command: '/firebreak',
    text: ' approve apr_1 ',
    response_url: 'https://hooks.slack.com/commands/1234/5678',
    trigger_id: '13345224609.738474920.8088930838d88f008e0',
  };

  it('reads who said what', () => {
    expect(parseSlashCommand(new URLSearchParams(FORM).toString())).toEqual({
      slackUserId: 'U2147483697',
      teamId: 'T0001',
      text: 'approve apr_1',
    });
    const { text: _, ...bare } = FORM;
    expect(parseSlashCommand(new URLSearchParams(bare).toString())).toMatchObject({ text: '' });
  });

  it.each([{ user_id: 'Steve' }, { team_id: '' }, { text: 'x'.repeat(3_001) }])(
    'names the fault with %j',
    (changes) => {
      const read = parseSlashCommand(new URLSearchParams({ ...FORM, ...changes }).toString());
      expect(read).toEqual({ fault: `form/${Object.keys(changes)[0]} is missing or not what Slack sends` });
    },
  );

  it('takes no member twice, and never throws', () => {
    expect(parseSlashCommand(`${new URLSearchParams(FORM).toString()}&user_id=U1`)).toHaveProperty('fault');
    fc.assert(
      fc.property(fc.string(), (body) => {
        expect(parseSlashCommand(body)).toHaveProperty('fault');
      }),
    );
  });
});
