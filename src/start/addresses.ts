import { hkdfSync } from 'node:crypto';
import type { LogKeyPair } from '../journal/log-key.ts';
import { answerToken } from '../pipeline/approvals/answer-token.ts';
import type { Notice, OutgoingNotice } from '../pipeline/notifications/contract.ts';

/** Bytes of the key that proves links: as many as its hash has. */
const LINK_KEY_BYTES = 32;

/**
 * The key that proves answer links. It follows from the log's key, which all processes on a journal share, so that a link
 * that one of them sent is known to the others, and to the next start.
 */
export function linkKeyOf({ privateKey }: LogKeyPair, journalId: string): Uint8Array {
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' });
  return new Uint8Array(hkdfSync('sha256', secret, journalId, 'firebreak answer links', LINK_KEY_BYTES));
}

/** The key that seals what passkeys are asked with; it follows from the log's key as that of the links does. */
export function passkeyKeyOf({ privateKey }: LogKeyPair, journalId: string): Uint8Array {
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' });
  return new Uint8Array(hkdfSync('sha256', secret, journalId, 'firebreak passkeys', LINK_KEY_BYTES));
}

/** Where readers find what they are told of. @param publicUrl where people reach this server; null: there are no links. */
export function addressesOn(publicUrl: string | null, key: Uint8Array) {
  return ({ about, ask }: Notice, userId: string | null): Pick<OutgoingNotice, 'viewUrl' | 'answerUrl'> => {
    const isApproval = about.type === 'approval' || about.type === 'break-glass';
    if (publicUrl === null || !isApproval) return { viewUrl: null, answerUrl: null };
    const token = ask === null || userId === null ? null : answerToken(key, { ...ask, userId }, ask.intentHash);
    return {
      viewUrl: `${publicUrl}/approvals/${about.id}`,
      answerUrl: token === null ? null : `${publicUrl}/answer/${token}`,
    };
  };
}
