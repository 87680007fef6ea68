import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseInteraction, parseSlashCommand } from '../../connectors/slack/interaction.ts';
import { verifySlackRequest } from '../../connectors/slack/verify-request.ts';
import { requireOperation, type CallContext } from '../../pipeline/access/principal.ts';
import type { AnswersService } from '../../pipeline/approvals/answers.service.ts';
import type { ApprovalService } from '../../pipeline/approvals/approvals.service.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { contentHash } from '../../platform/hash.ts';
import { MAX_BODY_BYTES } from '../../platform/limits.ts';
import { anonymousContextOf, type ApiServer } from '../server.ts';
import type { IdempotencyStore } from '../services.ts';
import { answeredText, listText, readCommand, USAGE } from '../slack-words.ts';

/** What a server needs to believe Slack, and to answer it. */
export interface SlackDoor {
  readonly signingSecret: string;
  /** Wall clock, ms since 1970: Slack's clock is compared with it. */
  readonly now: () => number;
  /** Says in Slack what came of a pressed button. Never throws; who pressed it can look here. */
  readonly respond: (url: string, text: string) => void;
}

export interface SlackPorts {
  readonly answers: Pick<AnswersService, 'bySlackAccount'>;
  readonly approvals: ApprovalService;
  readonly idempotency: IdempotencyStore;
}

const FORM = 'application/x-www-form-urlencoded';
const tags = ['slack'];
/** Requests that a slash command lists. */
const MAX_LISTED = 10;

/**
 * Answers by buttons and by a slash command. Slack shows people only what came with status 200, so a vote that is refused is a
 * reply that says why; what Slack did not sign, or sent before, is refused as any other request is.
 */
export async function slackRoutes(server: ApiServer, ports: SlackPorts, door: SlackDoor | null): Promise<void> {
  if (door === null) return;
  await server.register(async (scope) => {
    const app = scope.withTypeProvider() as ApiServer; // the scope of a server is one, with body parsers of its own
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(FORM, { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) =>
      done(null, body),
    );
    app.route({
      method: 'POST',
      url: '/api/slack/interactions',
      config: { operation: 'public' },
      schema: { tags, summary: 'A button was pressed in Slack (signed by Slack)', hide: true },
      handler: async (request) => {
        const body = await believed(request, ports, door);
        const pressed = parseInteraction(body);
        if (pressed === null) return {};
        if ('fault' in pressed) throw new FirebreakError('invalid_request', pressed.fault);
        const { slackUserId, teamId, decision, approvalId, intentHash, responseUrl } = pressed;
        const text = await inWords(async () => {
          const ctx = await ports.answers.bySlackAccount(anonymousContextOf(request), accountOf(teamId, slackUserId));
          return vote(ports, ctx, { decision, approvalId, intentHash, comment: null });
        });
        if (responseUrl !== null) door.respond(responseUrl, text);
        return shown(text);
      },
    });
    app.route({
      method: 'POST',
      url: '/api/slack/commands',
      config: { operation: 'public' },
      schema: { tags, summary: 'A slash command in Slack (signed by Slack)', hide: true },
      handler: async (request) => {
        const body = await believed(request, ports, door);
        const command = parseSlashCommand(body);
        if ('fault' in command) throw new FirebreakError('invalid_request', command.fault);
        const { slackUserId, teamId, text } = command;
        return shown(
          await inWords(async () => {
            const ctx = await ports.answers.bySlackAccount(anonymousContextOf(request), accountOf(teamId, slackUserId));
            return obey(ports, ctx, text);
          }),
        );
      },
    });
  });
}

/**
 * The body of a request that Slack signed, lately and for the first time. @throws FirebreakError `unauthenticated`, `conflict`,
 * and StoreUnavailableError: what cannot be remembered cannot be told from a repeat.
 */
async function believed(request: FastifyRequest, { idempotency }: SlackPorts, door: SlackDoor): Promise<string> {
  const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const verdict = verifySlackRequest({
    secret: door.signingSecret,
    timestamp: headerOf(request, 'x-slack-request-timestamp'),
    signature: headerOf(request, 'x-slack-signature'),
    rawBody: raw,
    now: door.now(),
  });
  if (verdict !== 'ok')
    throw new FirebreakError('unauthenticated', `The request is ${verdict}: Slack did not sign it now`);
  const id = contentHash(['slack', headerOf(request, 'x-slack-signature') ?? '']);
  const { now } = anonymousContextOf(request);
  const begun = await idempotency.begin({ id, fingerprint: id, now });
  if (begun.outcome !== 'started') throw new FirebreakError('conflict', 'This request was received before');
  const reply = { status: 200, body: null, location: null };
  await idempotency.finish({ id, fingerprint: id, now, token: begun.token, reply });
  return raw.toString('utf8');
}

function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** How an account in Slack is written among a person's linked accounts. */
function accountOf(teamId: string, userId: string): string {
  return `slack:${teamId}/${userId}`;
}

interface SlackVote {
  readonly decision: 'APPROVE' | 'DENY';
  readonly approvalId: string;
  readonly intentHash: string;
  readonly comment: string | null;
}

async function vote({ approvals }: SlackPorts, ctx: CallContext, given: SlackVote): Promise<string> {
  requireOperation(ctx.principal, 'approval.vote');
  const { approvalId: id, intentHash, comment, decision } = given;
  const verb = decision === 'APPROVE' ? 'approve' : 'deny';
  return answeredText(decision, (await approvals[verb](ctx, { id, intentHash, comment })).data);
}

const ASKED = z.looseObject({ intentHash: z.string() });

/** Lists what waits, or votes on what was listed: a vote names the request and the beginning of the hash that was shown with it. */
async function obey(ports: SlackPorts, ctx: CallContext, text: string): Promise<string> {
  const command = readCommand(text);
  if (command === null) return USAGE;
  requireOperation(ctx.principal, 'approval.read');
  if (command.verb === 'list') return listText(await ports.approvals.list(ctx, { limit: MAX_LISTED, skip: 0 }));
  const { intentHash } = ASKED.parse((await ports.approvals.get(ctx, { id: command.approvalId })).data);
  if (!intentHash.startsWith(command.shown))
    throw new FirebreakError('conflict', 'What is asked has changed since it was listed: list it again');
  return vote(ports, ctx, { ...command, intentHash });
}

/** What came of it, in a sentence: also where it was refused. Faults of ours are not put into words. */
async function inWords(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof FirebreakError) return `Not done: ${thrown.message}`;
    throw thrown;
  }
}

/** Seen by who asked, and by nobody else. */
function shown(text: string) {
  return { response_type: 'ephemeral', replace_original: false, text };
}
