import { createHmac } from 'node:crypto';
import { voteCommand } from '../../../src/cli/approvals.ts';
import { FirebreakError } from '../../../src/platform/errors.ts';
import { apiAt, testIo } from '../../support/server.ts';
import type { Ballot } from './case.ts';

/** How a vote is cast, and a request looked at, on each surface of `cases.ts`: by what comes over the network. */

export type Outcome = 'counted' | 'refused' | 'repeated' | 'unknown' | 'forbidden' | 'shown';

/** What somebody has to show at the doors. Made only where it is asked for. */
export interface Proofs {
  readonly key: () => Promise<string>;
  /** The path of the link in their mail, as far as it is right. */
  readonly link: () => string;
  /** Their account in the chat; null where it is linked to nobody. */
  readonly slackUser: () => string;
  readonly session: () => Promise<BrowserSession>;
}

export interface BrowserSession {
  readonly cookie: string;
  readonly formToken: string;
}

/** A vote on its way over one of the surfaces. */
export interface Sent {
  readonly approvalId: string;
  readonly executionId: string;
  readonly ballot: Ballot;
  readonly proofs: Proofs;
  readonly intentHash: string | null;
  readonly comment: string;
  /** Wall clock, ms since 1970. */
  readonly now: number;
}

interface Door {
  readonly vote: (url: string, vote: Sent) => Promise<Outcome>;
  /** Absent: there is nothing to look at. */
  readonly look?: (url: string, vote: Sent) => Promise<Outcome>;
}

export const SLACK_SECRET = 'what only the chat and this server know';

const verbOf = ({ decision }: Ballot): 'approve' | 'deny' => (decision === 'APPROVE' ? 'approve' : 'deny');

/** On any other surface a vote is handed to the service by who was let in. */
export const DOORS: Readonly<Record<string, Door>> = {
  api: {
    async vote(url, { approvalId, ballot, proofs, intentHash, comment }) {
      const body = { comment, ...(intentHash === null ? {} : { intentHash }) };
      const header: Record<string, string> =
        ballot.repeatable === undefined ? {} : { 'idempotency-key': ballot.repeatable };
      const path = `/api/incident-playbooks/approvals/${approvalId}/${verbOf(ballot)}`;
      const key = await proofs.key();
      const send = () => apiAt(() => url, key)('POST', path, body, header);
      let reply = await send();
      // Whoever is told that the first one is at work asks again.
      while (reply.body.detail === 'The first request with this key is at work') reply = await send();
      if (reply.headers.get('idempotent-replayed') === 'true') return 'repeated';
      if (reply.status === 200) return 'counted';
      return outcomeOf(reply.body.code ?? reply.text);
    },
  },
  cli: {
    async vote(url, { approvalId, ballot, proofs, intentHash, comment }) {
      const options = { url, json: true, comment, ...(intentHash === null ? {} : { intent: intentHash }) };
      try {
        await voteCommand(verbOf(ballot), approvalId, options, testIo({ FIREBREAK_API_KEY: await proofs.key() }));
        return 'counted';
      } catch (thrown) {
        return outcomeOf(codeOf(thrown));
      }
    },
  },
  link: {
    vote: async (url, { ballot, proofs, intentHash, comment }) =>
      answered(await send(url, proofs.link(), { decision: ballot.decision, intentHash: intentHash ?? '', comment })),
    look: (url, { proofs }) => looked(url, proofs.link(), {}),
  },
  page: {
    async vote(url, { approvalId, ballot, proofs, intentHash, comment }) {
      const { cookie, formToken } = await proofs.session();
      const token: Record<string, string> = ballot.proof === 'no form token' ? {} : { formToken };
      const fields = { decision: ballot.decision, intentHash: intentHash ?? '', comment, ...token };
      return answered(
        await send(url, `/approvals/${approvalId}/vote`, fields, { ...cookieOf(cookie), ...siteOf(ballot.proof) }),
      );
    },
    async look(url, { approvalId, proofs }) {
      return looked(url, `/approvals/${approvalId}`, cookieOf((await proofs.session()).cookie));
    },
  },
  slack: {
    vote: (url, vote) => (isTyped(vote) ? typed(url, vote) : pressed(url, vote)),
  },
};

const cookieOf = (cookie: string): Readonly<Record<string, string>> => (cookie === '' ? {} : { cookie });

/** What the browser says of where a form came from. */
function siteOf(proof: string | undefined): Readonly<Record<string, string>> {
  if (proof === 'from nowhere') return {};
  return { 'sec-fetch-site': proof === 'from another site' ? 'cross-site' : 'same-origin' };
}

function send(url: string, path: string, fields: Record<string, string>, headers = {}): Promise<Response> {
  return fetch(`${url}${path}`, { method: 'POST', redirect: 'manual', headers, body: new URLSearchParams(fields) });
}

async function answered(reply: Response): Promise<Outcome> {
  const text = await reply.text();
  if (reply.status === 303) return 'counted';
  return outcomeOf((JSON.parse(text) as { readonly code: string }).code); // a problem document
}

/** Looks twice, as scanners do: with HEAD as well. */
async function looked(url: string, path: string, headers: Readonly<Record<string, string>>): Promise<Outcome> {
  await fetch(`${url}${path}`, { method: 'HEAD', redirect: 'manual', headers });
  const reply = await fetch(`${url}${path}`, { redirect: 'manual', headers });
  const text = await reply.text();
  if (reply.status !== 200) return outcomeOf((JSON.parse(text) as { readonly code: string }).code); // a problem document
  if (!text.includes('</html>')) throw new Error(`a page was expected: ${text}`);
  return 'shown';
}

/** Every other answer in the chat is typed, where what was shown is still what is asked. */
const isTyped = ({ ballot, comment }: Sent): boolean =>
  ballot.shown === 'this' && ballot.repeatable === undefined && comment.endsWith('.0') && ballot.decision === 'DENY';

let requests = 0;

function pressed(url: string, { approvalId, executionId, ballot, proofs, intentHash, now }: Sent): Promise<Outcome> {
  requests += 1;
  // A request that is repeated is the same one, by the letter.
  const action_ts = ballot.repeatable === undefined ? `1.${requests}` : '1.0';
  const value = JSON.stringify({ approvalId, executionId, intentHash: intentHash ?? '' });
  const action = { type: 'button', action_id: `firebreak_${verbOf(ballot)}`, value, action_ts };
  const sender = { user: { id: proofs.slackUser() }, team: { id: 'T1' } };
  const payload = JSON.stringify({ type: 'block_actions', ...sender, actions: [action] });
  return signed(url, '/api/slack/interactions', { payload }, ballot.proof, now);
}

function typed(url: string, { approvalId, ballot, proofs, intentHash, comment, now }: Sent): Promise<Outcome> {
  requests += 1;
  const text = `${verbOf(ballot)} ${approvalId} ${intentHash?.slice(0, 12)} ${comment}`;
  const fields = { user_id: proofs.slackUser(), team_id: 'T1', text, trigger_id: String(requests) };
  return signed(url, '/api/slack/commands', fields, ballot.proof, now);
}

/** The window of the signature, and a little more, in ms. */
const BEYOND_THE_WINDOW = 5 * 60_000 + 1_000;

async function signed(
  url: string,
  path: string,
  fields: Record<string, string>,
  proof: string | undefined,
  now: number,
): Promise<Outcome> {
  const body = new URLSearchParams(fields).toString();
  const moved = { 'too old': -BEYOND_THE_WINDOW, 'from tomorrow': BEYOND_THE_WINDOW }[proof ?? ''] ?? 0;
  const timestamp = String(Math.floor((now + moved) / 1_000));
  const hmac = createHmac('sha256', proof === 'signed by another' ? 'another secret' : SLACK_SECRET);
  const base = `v0:${timestamp}:${proof === 'altered' ? body.replace('T1', 'T2') : body}`;
  const signature: Record<string, string> =
    proof === 'not signed' ? {} : { 'x-slack-signature': `v0=${hmac.update(base).digest('hex')}` };
  const type = 'application/x-www-form-urlencoded';
  const headers = { 'content-type': type, 'x-slack-request-timestamp': timestamp, ...signature };
  const reply = await fetch(`${url}${path}`, { method: 'POST', body, headers });
  const { code, text } = (await reply.json()) as { readonly code?: string; readonly text?: string };
  if (reply.status === 409) return 'repeated';
  if (reply.status !== 200) return outcomeOf(code ?? '');
  if (text?.startsWith('Not done: ') !== true) return 'counted';
  if (text.includes('is linked to')) return 'unknown';
  return text.includes('approval.vote') ? 'forbidden' : 'refused';
}

export const codeOf = (thrown: unknown): string => (thrown instanceof FirebreakError ? thrown.code : String(thrown));

export function outcomeOf(code: string): Outcome {
  if (['unauthenticated', 'cross_site'].includes(code)) return 'unknown';
  if (code === 'forbidden') return 'forbidden';
  if (['cannot_vote', 'conflict', 'already_decided'].includes(code)) return 'refused';
  throw new Error(`a vote was answered with ${code}`);
}
