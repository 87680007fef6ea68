import { z } from 'zod';
import { ACCESS_STREAM } from '../pipeline/access/access.store.ts';
import { ASSERTION, type Assertion } from '../pipeline/access/assertion.ts';
import { PASSKEY, type Passkey } from '../pipeline/access/passkey.ts';
import { whyNotSigned } from '../pipeline/access/webauthn.ts';
import { isNonceOver, voteChallenge, whyNotBound } from '../pipeline/approvals/vote-assertion.ts';
import type { LogToVerify } from '../pipeline/audit/verify.ts';
import type { StoredRecord } from '../pipeline/audit/verify-record.ts';

type Records = LogToVerify['records'];

/** A vote that its passkey did not sign as it is recorded, or that was counted without one. */
export interface UnprovenVote {
  readonly stream: string;
  readonly seq: number;
  readonly problem: string;
}

export interface VoteScan {
  /** Passes records on, by stream and seq, and keeps of them what votes are judged by. */
  through(records: Records): AsyncGenerator<StoredRecord>;
  /** The first vote that is not proven, or null. Only after all records were read. */
  firstUnproven(): Promise<UnprovenVote | null>;
}

/**
 * Judges votes by what passkeys signed: that cannot be forged with the journal and the key of its log in hand. Nothing is taken
 * from rows; the public key of a passkey has to be the one that the records of its owner hold, where they are here.
 */
export function scanVotes(): VoteScan {
  const passkeys = new Map<string, Saved[]>();
  const pending: SignedVote[] = [];
  let asked = new Map<string, Asked>();
  let [stream, holdsAccess] = ['', false];
  let unproven: UnprovenVote | null = null;

  function see(text: string): void {
    const record = parsed(RECORD, text);
    if (record === null) return;
    if (record.stream !== stream) [stream, asked] = [record.stream, new Map()];
    if (record.stream === ACCESS_STREAM) {
      holdsAccess = true;
      if (record.type !== 'access.passkey_saved') return;
      const passkey = PASSKEY.safeParse(record.data['passkey']).data;
      if (passkey === undefined) return note(record, 'holds no passkey that can be read');
      const known = passkeys.get(passkey.credentialId) ?? [];
      passkeys.set(passkey.credentialId, [...known, { at: record.at, passkey }]);
    }
    if (record.type !== 'execution.advanced') return;
    const step = STEP.safeParse(record.data).data;
    for (const fact of step?.facts ?? []) {
      const request = fact.type === 'approval.requested' ? REQUEST.safeParse(fact).data?.approval : undefined;
      if (request === undefined) continue;
      const isRequired = request.gates.some((gate) => gate.requirePasskey === true);
      if (isRequired !== (request.requirePasskey === true))
        note(record, 'asks with and without a passkey: its gates say otherwise than it does');
      asked.set(request.id, { intentHash: request.intentHash, isRequired, nonces: new Set() });
    }
    if (step?.facts.some(({ type }) => type === 'vote.cast') === true) seeVote(record, step.input);
  }

  function seeVote(record: Recorded, input: unknown): void {
    const vote = VOTE.safeParse(input).data;
    const request = vote === undefined ? undefined : asked.get(vote.approvalId);
    if (vote === undefined || request === undefined) return note(record, 'counts a vote on what was not asked');
    const { assertion, decision } = vote;
    if (assertion === undefined) {
      if (request.isRequired && decision === 'APPROVE')
        note(record, 'counts an approval without the passkey that it needs');
      return;
    }
    const read = ASSERTION.safeParse(assertion).data;
    if (read === undefined) return note(record, 'holds an assertion that cannot be read');
    if (request.nonces.has(read.nonce)) note(record, 'counts what a passkey signed twice');
    request.nonces.add(read.nonce);
    const { stream: where, seq, at } = record;
    pending.push({ stream: where, seq, at, vote: { ...vote, intentHash: request.intentHash }, assertion: read });
  }

  function note({ stream: where, seq }: Pick<Recorded, 'stream' | 'seq'>, problem: string): void {
    unproven ??= { stream: where, seq, problem };
  }

  async function whyUnproven({ vote, assertion, at }: SignedVote): Promise<string | null> {
    const { approvalId, intentHash, decision, voter } = vote;
    const claim = { approvalId, intentHash, decision, userId: voter.userId };
    const why =
      whyNotBound(assertion, claim) ??
      whyOtherSite(assertion) ??
      (await whyNotSigned(assertion, voteChallenge({ ...claim, nonce: assertion.nonce }), 0));
    if (why !== null) return `counts a vote that its passkey did not sign: ${why}`;
    if (isNonceOver(assertion, at)) return 'counts what a passkey signed too long before';
    return holdsAccess ? whyNotTheirs(passkeys.get(assertion.credentialId) ?? [], assertion, claim.userId, at) : null;
  }

  return {
    async *through(records) {
      for await (const stored of records) {
        const text = textOf(stored.bytes);
        if (text !== null) see(text);
        yield stored;
      }
    },
    async firstUnproven() {
      for (const signed of pending) {
        const problem = await whyUnproven(signed);
        const isEarlier = unproven === null || isBefore(signed, unproven);
        if (problem !== null && isEarlier) return { stream: signed.stream, seq: signed.seq, problem };
        if (!isEarlier) break;
      }
      return unproven;
    },
  };
}

/** Only these can matter; all others are not even parsed. */
const MARKS = ['"vote.cast"', '"requirePasskey"', '"access.passkey_saved"', '"approval.requested"'];
/** How the stream of people begins its records, as canonical JSON has no other place for it. */
const ACCESS_MARK = `"stream":"${ACCESS_STREAM}"`;

function textOf(bytes: string | Uint8Array): string | null {
  const held = typeof bytes === 'string' ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const matters = MARKS.some((mark) => held.includes(mark)) || held.includes(ACCESS_MARK);
  return matters ? held.toString() : null;
}

/** Whether the passkey was its voter's when the vote was taken in, with this key and for this site. */
function whyNotTheirs(saved: readonly Saved[], assertion: Assertion, userId: string, at: number): string | null {
  const before = saved.filter((each) => each.at <= at).at(-1)?.passkey;
  if (before === undefined || before.userId !== userId)
    return 'counts what a passkey signed that its voter had not registered';
  if (before.publicKey !== assertion.publicKey || before.rpId !== assertion.rpId)
    return 'counts what another key signed than the one that was registered';
  const isRemoved = before.removedAt !== null && before.removedAt < at;
  return isRemoved ? 'counts what a passkey signed after it was removed' : null;
}

/** Browsers write where a page came from; a passkey is for a host and those below it. */
function whyOtherSite({ origin, rpId }: Assertion): string | null {
  const host = URL.canParse(origin) ? new URL(origin).hostname : '';
  return host === rpId || host.endsWith(`.${rpId}`) ? null : 'it was made on another site';
}

interface Saved {
  readonly at: number;
  readonly passkey: Passkey;
}
interface Asked {
  readonly intentHash: string;
  readonly isRequired: boolean;
  readonly nonces: Set<string>;
}
interface SignedVote {
  readonly stream: string;
  readonly seq: number;
  readonly at: number;
  readonly vote: z.infer<typeof VOTE>;
  readonly assertion: Assertion;
}

const RECORD = z.looseObject({
  stream: z.string(),
  seq: z.int(),
  at: z.int(),
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
});
type Recorded = z.infer<typeof RECORD>;
const STEP = z.looseObject({ input: z.unknown(), facts: z.array(z.looseObject({ type: z.string() })) });
const REQUEST = z.looseObject({
  approval: z.looseObject({
    id: z.string(),
    intentHash: z.string(),
    requirePasskey: z.boolean().optional(),
    gates: z.array(z.looseObject({ requirePasskey: z.boolean().optional() })),
  }),
});
const VOTE = z.looseObject({
  type: z.literal('vote'),
  approvalId: z.string(),
  intentHash: z.string(),
  decision: z.enum(['APPROVE', 'DENY']),
  voter: z.looseObject({ userId: z.string() }),
  assertion: z.unknown().optional(),
});

function parsed<T extends z.ZodType>(schema: T, text: string): z.infer<T> | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function isBefore(left: Pick<UnprovenVote, 'stream' | 'seq'>, right: Pick<UnprovenVote, 'stream' | 'seq'>): boolean {
  return left.stream === right.stream ? left.seq < right.seq : left.stream < right.stream;
}
