import { answerToken } from '../../../src/pipeline/approvals/answer-token.ts';
import { addressesOn } from '../../../src/start/addresses.ts';
import { noticeOf } from '../../support/notices.ts';

/** The link that a mail brings, and links that are none. */

export const LINK_KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const DAY_MS = 86_400_000;
const ORIGIN = 'https://firebreak.soc.example';

interface Wanted {
  readonly ask: { approvalId: string; executionId: string; intentHash: string; expiresAt: number };
  readonly userId: string;
  /** What is to be wrong with it; absent: nothing. */
  readonly proof: string | undefined;
  /** What the request asked while it was one version older. */
  readonly older: string;
  readonly now: number;
}

/** The path of a link. */
export function linkTo({ ask, userId, proof, older, now }: Wanted): string {
  const made = (changes: Partial<Wanted['ask']> = {}, person = userId): string =>
    tokenOf({ ...ask, ...changes }, person);
  const [approval = '', person = '', end = '', hmac = ''] = made().split('.');
  const anotherId = (id: string): string => `${id.slice(0, -1)}${id.endsWith('2') ? '3' : '2'}`;
  const tokens: Readonly<Record<string, string>> = {
    forged: [approval, person, end, 'A'.repeat(43)].join('.'),
    'of another person': [approval, person, end, made({}, anotherId(userId)).split('.')[3]].join('.'),
    'for another request': [approval, person, end, made({ approvalId: anotherId(approval) }).split('.')[3]].join('.'),
    'for the older version': made({ intentHash: older }),
    'made longer': [approval, person, Number(end) + DAY_MS, hmac].join('.'),
    over: made({ expiresAt: now }),
    'of another house': answerToken(OTHER_KEY, { ...ask, userId }, ask.intentHash),
  };
  return `/answer/${tokens[proof ?? ''] ?? made()}`;
}

/** By whoever makes links for mails. */
function tokenOf(ask: Wanted['ask'], userId: string): string {
  const { answerUrl } = addressesOn(ORIGIN, LINK_KEY)(
    { ...noticeOf(), about: { type: 'approval', id: ask.approvalId }, ask },
    userId,
  );
  return answerUrl?.slice(`${ORIGIN}/answer/`.length) ?? '';
}
