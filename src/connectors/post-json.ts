import { messageOf } from '../platform/errors.ts';
import { HttpError, statusError } from '../platform/http-error.ts';
import type { HttpReply } from '../platform/http-exchange.ts';
import type { SafeHttp } from '../platform/safe-http.ts';
import { SendError } from '../pipeline/notifications/contract.ts';

export interface JsonPost {
  /** May be a secret: it is in no error. */
  readonly url: string;
  /** JSON. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Posts JSON to a receiver of notices and gives its reply when that is 2xx. The time limits are those of the client.
 *
 * @throws SendError. It says what went wrong and never where: the address of a webhook is its password. A reply that was
 * lost counts as retryable: telling people twice is better than not at all.
 */
export async function postJson(http: SafeHttp, { url, body, headers = {}, signal }: JsonPost): Promise<HttpReply> {
  let reply: HttpReply;
  try {
    reply = await http.request({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
      body,
      signal,
    });
  } catch (thrown) {
    throw sendErrorOf(thrown, url);
  }
  const failure = statusError('POST', reply);
  if (failure === null) return reply;
  const { code, message, retryable, retryAfterMs } = failure;
  throw new SendError(code, `${message}${reasonIn(reply)}`, retryable, retryAfterMs);
}

/** A reason of one word, as Slack gives (`no_service`). Longer texts may repeat what was sent, secrets too. */
function reasonIn({ body }: HttpReply): string {
  const text = body.subarray(0, 65).toString('latin1').trim();
  return /^[a-z_]{1,64}$/.test(text) ? ` (${text})` : '';
}

function sendErrorOf(thrown: unknown, url: string): SendError {
  if (!(thrown instanceof HttpError)) return new SendError('unexpected', messageWithout(url, thrown), false);
  // This process ends. The next one can send it.
  const retryable = thrown.retryable || thrown.code === 'closed';
  return new SendError(thrown.code, messageWithout(url, thrown), retryable, thrown.retryAfterMs);
}

/** What the operating system says may name host and port; nothing may name the rest. */
function messageWithout(url: string, thrown: unknown): string {
  return messageOf(thrown).replaceAll(url, 'the address');
}
