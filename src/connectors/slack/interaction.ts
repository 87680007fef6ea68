import { z } from 'zod';
import { APPROVE_ACTION, DENY_ACTION, VIEW_ACTION } from './blocks.ts';

/** Somebody pressed Approve or Deny. Who that is here is the caller's to find out. */
export interface Interaction {
  readonly slackUserId: string;
  readonly teamId: string;
  readonly decision: 'APPROVE' | 'DENY';
  readonly approvalId: string;
  readonly executionId: string;
  readonly intentHash: string;
  /** Where Slack wants to hear what came of it; null where it did not say. At Slack, nowhere else. */
  readonly responseUrl: string | null;
  /** When the button was pressed, as Slack names it: the same for every repeat of the request. */
  readonly actionTs: string;
}

export interface SlashCommand {
  readonly slackUserId: string;
  readonly teamId: string;
  /** What stands behind the command, trimmed; may be empty. */
  readonly text: string;
}

/** What is wrong with a request, in a sentence that repeats nothing of it. */
export interface Fault {
  readonly fault: string;
}

/** Biggest body, in UTF-16 units: Slack sends the whole message along, which is below 100 KiB. */
const MAX_BODY_LENGTH = 512 * 1024;

const userId = z.string().regex(/^[UW][A-Z0-9]{1,30}$/);
const teamId = z.string().regex(/^T[A-Z0-9]{1,30}$/);
const ownId = z.string().regex(/^[A-Za-z0-9._:-]{1,200}$/);

const PAYLOAD = z.looseObject({
  type: z.literal('block_actions'),
  user: z.looseObject({ id: userId }),
  team: z.looseObject({ id: teamId }),
  actions: z.tuple([
    z.looseObject({
      type: z.literal('button'),
      action_id: z.enum([APPROVE_ACTION, DENY_ACTION, VIEW_ACTION]),
      value: z.string().max(2_000).optional(),
      action_ts: z.string().regex(/^[0-9]{1,12}\.[0-9]{1,9}$/),
    }),
  ]),
  response_url: z.string().max(2_000).refine(isAtSlack, 'does not lead to Slack').optional(),
});

const VALUE = z.strictObject({
  approvalId: ownId,
  executionId: ownId,
  intentHash: z.string().regex(/^[0-9a-f]{64}$/),
});

const COMMAND = z.object({
  user_id: userId,
  team_id: teamId,
  text: z
    .string()
    .max(3_000)
    .default('')
    .transform((text) => text.trim()),
});

/**
 * Reads the `payload=` form body of `block_actions`. Never throws; anything unexpected is a fault, never a guess.
 * Null when only a link was pressed: Slack wants to hear that it was heard, and nothing is to be done.
 */
export function parseInteraction(rawBody: string): Interaction | Fault | null {
  const payload = formOf(rawBody)?.get('payload');
  if (payload === undefined) return { fault: 'The body must be a form with one member "payload"' };
  const read = PAYLOAD.safeParse(jsonOf(payload));
  if (!read.success) return faultOf('payload', read.error);
  const { user, team, actions, response_url: responseUrl = null } = read.data;
  const [action] = actions;
  if (action.action_id === VIEW_ACTION) return null;
  const value = VALUE.safeParse(jsonOf(action.value ?? ''));
  if (!value.success) return faultOf('payload/actions/0/value', value.error);
  return {
    slackUserId: user.id,
    teamId: team.id,
    decision: action.action_id === APPROVE_ACTION ? 'APPROVE' : 'DENY',
    ...value.data,
    responseUrl,
    actionTs: action.action_ts,
  };
}

/** Reads the form body of a slash command. Never throws. */
export function parseSlashCommand(rawBody: string): SlashCommand | Fault {
  const form = formOf(rawBody);
  if (form === null) return { fault: 'The body must be a form whose members appear once' };
  const read = COMMAND.safeParse(Object.fromEntries(form));
  if (!read.success) return faultOf('form', read.error);
  return { slackUserId: read.data.user_id, teamId: read.data.team_id, text: read.data.text };
}

/** Null when it is too long or a member comes twice: then two readers could read two things. */
function formOf(rawBody: string): ReadonlyMap<string, string> | null {
  if (rawBody.length > MAX_BODY_LENGTH) return null;
  const entries = [...new URLSearchParams(rawBody)];
  const form = new Map(entries);
  return form.size === entries.length ? form : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An address that is called because a request says so may only be Slack's. */
function isAtSlack(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, port, username, password } = new URL(url);
  const host = hostname === 'hooks.slack.com' || hostname === 'hooks.slack-gov.com';
  return protocol === 'https:' && host && port === '' && username === '' && password === '';
}

/** Names the member; zod's own words may repeat what was sent. */
function faultOf(where: string, { issues }: z.ZodError): Fault {
  const path = issues[0]?.path.map(String).join('/') ?? '';
  return { fault: `${path === '' ? where : `${where}/${path}`} is missing or not what Slack sends` };
}
