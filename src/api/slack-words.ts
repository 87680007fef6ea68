import { escapedForSlack } from '../connectors/slack/escape.ts';
import { z } from 'zod';
import type { Listing, Resource } from '../pipeline/service.ts';

/** What is said in Slack, and what a slash command means. */

export const USAGE =
  'Commands: `list` shows what waits. `approve ID HASH [comment]` and `deny ID HASH [comment]` answer; ID and HASH stand in the list.';

/** Digits of the intent hash that a person copies: 48 bits, of a hash that nobody chooses. */
const SHOWN_DIGITS = 12;

export type Command =
  | { readonly verb: 'list' }
  | {
      readonly verb: 'vote';
      readonly decision: 'APPROVE' | 'DENY';
      readonly approvalId: string;
      /** The beginning of the intent hash that was shown. */
      readonly shown: string;
      readonly comment: string | null;
    };

/** What a person typed behind the command; null when it is none of the commands. */
export function readCommand(text: string): Command | null {
  const [verb = '', approvalId = '', shown = '', ...words] = text.split(/\s+/);
  if ((verb === 'list' || verb === '') && approvalId === '') return { verb: 'list' };
  const decision = verb === 'approve' ? 'APPROVE' : verb === 'deny' ? 'DENY' : null;
  if (decision === null || !/^[a-z]{3}_[0-9a-z]{26}$/.test(approvalId)) return null;
  if (!/^[0-9a-f]{12,64}$/.test(shown)) return null;
  return { verb: 'vote', decision, approvalId, shown, comment: words.length === 0 ? null : words.join(' ') };
}

const APPROVAL = z.looseObject({
  id: z.string(),
  intentHash: z.string(),
  riskLevel: z.string(),
  actionType: z.string(),
  status: z.string(),
  expiresAt: z.string(),
  target: z.looseObject({ id: z.string() }).nullable(),
});

/** What waits, one line each. */
export function listText({ items, total }: Listing): string {
  if (items.length === 0) return 'Nothing waits for a decision.';
  const lines = items.map((item) => {
    const { id, intentHash, riskLevel, actionType, expiresAt, target } = APPROVAL.parse(item);
    const what = `${riskLevel}: ${actionType} of ${target?.id ?? SEVERAL}, until ${expiresAt}`;
    return escapedForSlack(`${id} ${intentHash.slice(0, SHOWN_DIGITS)} ${what}`);
  });
  const more = total > items.length ? [`… and ${total - items.length} more.`] : [];
  return [...lines, ...more].join('\n');
}

/** What an answer led to. */
export function answeredText(decision: 'APPROVE' | 'DENY', approval: Resource): string {
  const { status, actionType, target } = APPROVAL.parse(approval);
  const now = status === 'PENDING' ? 'others have to answer too' : `it is ${status}`;
  const did = decision === 'APPROVE' ? 'approved' : 'denied';
  return escapedForSlack(`You ${did} ${actionType} of ${target?.id ?? SEVERAL}: ${now}.`);
}

const SEVERAL = 'several accounts';
