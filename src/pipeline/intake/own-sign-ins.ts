import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import type { Machine } from '../../platform/machine.ts';
import { eventKey, type JournalReader } from '../../journal/journal.ts';
import { ACCESS_STREAM } from '../access/access.store.ts';
import { systemPrincipal, type CallContext } from '../access/principal.ts';
import { SESSION } from '../access/session.ts';
import type { JournalRecord } from '../audit/record.ts';
import { untilStored } from '../executions/until-stored.ts';
import type { IngestService } from './intake.service.ts';

/** The source of events about Firebreak itself. Nobody may send events in its name. */
export const OWN_SOURCE = 'firebreak:self';
/** Newest records that a start looks through for sign-ins that were never told: far more than are under way at a crash. */
const LOOKED_BACK = 1_000;
/** And not beyond this, in ms: much older events are refused (`DEDUPE_HORIZON_MS`), since it could not be told whether they count twice. */
const LOOKED_BACK_MS = 30 * 24 * 3_600_000;
/** Events that are handed over at once. */
const MAX_AT_ONCE = 200;

const REFUSED = z.looseObject({
  attempt: z.looseObject({
    id: z.string(),
    account: z.string().nullable(),
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    wasLocked: z.boolean(),
    locks: z.boolean(),
  }),
});

export interface OwnSignInPorts {
  readonly journal: Pick<JournalReader, 'streamHead' | 'readStream' | 'knownEvents'>;
  readonly ingest: IngestService;
  readonly machine: Pick<Machine, 'sleep'>;
  readonly closing: AbortSignal;
  readonly now: () => number;
  readonly onError: (thrown: unknown) => void;
}

/**
 * Tells detection who signed in here and who could not. The records of access are the queue: what a crash or an outage
 * kept from being told is found there again, and what was told already is recognised by its id.
 */
export interface OwnSignIns {
  /** There may be something to tell. Never waits and never throws: a sign-in does not depend on it. */
  look(): void;
  /** True while something is being told. */
  readonly busy: boolean;
}

export function createOwnSignIns(ports: OwnSignInPorts): OwnSignIns {
  const { journal, ingest, closing } = ports;
  /** The newest record that was told; null: nobody has looked yet. */
  let told: number | null = null;
  let wanted = false;
  let running = false;

  async function tell(): Promise<void> {
    const head = await journal.streamHead(ACCESS_STREAM);
    told ??= Math.max(0, (head?.seq ?? 0) - LOOKED_BACK);
    const records = await journal.readStream(ACCESS_STREAM, told);
    const since = ports.now() - LOOKED_BACK_MS;
    const owed = records.flatMap(({ record }) => (record.at < since ? [] : eventsOf(record)));
    // What was told before is recognised again in the end; asking first saves a start the work of judging it.
    const known = await journal.knownEvents(owed.map(({ id }) => ({ source: OWN_SOURCE, id })));
    const events = owed.filter(({ id }) => !known.has(eventKey(OWN_SOURCE, id)));
    for (let from = 0; from < events.length; from += MAX_AT_ONCE) {
      const body = Buffer.from(JSON.stringify(events.slice(from, from + MAX_AT_ONCE)));
      await ingest.ingest(contextAt(ports.now()), { body, mediaType: 'json', format: 'firebreak', source: OWN_SOURCE });
    }
    told = records.at(-1)?.record.seq ?? told;
  }

  async function run(): Promise<void> {
    while (wanted && !closing.aborted) {
      wanted = false;
      await untilStored(ports, tell);
    }
  }

  return {
    look() {
      wanted = true;
      if (running) return;
      running = true;
      run()
        .catch(ports.onError)
        .finally(() => {
          running = false;
        });
    },
    get busy() {
      return running;
    },
  };
}

/** The trace id that says: nobody's request. */
const NO_TRACE = '0'.repeat(32);

function contextAt(now: number): CallContext {
  const principal = systemPrincipal('sign-in');
  return { principal, traceId: NO_TRACE, correlationId: 'own-sign-ins', now, idempotencyKey: null };
}

type OwnEvent = Readonly<Record<string, Json>> & { readonly id: string };

/** The same record always gives the same bytes, so that an event that is told again counts once. */
function eventsOf({ type, seq, at, data }: JournalRecord): readonly OwnEvent[] {
  if (type === 'access.session_saved') {
    const session = SESSION.parse(data['session']);
    if (session.endedAt !== null) return [];
    const { id, userId, account, method, ip, userAgent } = session;
    const event = { ...about(account ?? userId, at, { ip, userAgent }), session: id, attributes: { method, userId } };
    return [{ id: `access-${seq}`, kind: 'login', action: 'firebreak.sign_in', outcome: 'success', ...event }];
  }
  if (type !== 'access.sign_in_refused') return [];
  const { attempt } = REFUSED.parse(data);
  const event = about(attempt.account, at, attempt);
  const outcome = attempt.wasLocked ? 'denied' : 'failure';
  const reason = attempt.wasLocked ? 'locked' : 'wrong_credential';
  const failed = { id: `access-${seq}`, kind: 'login', action: 'firebreak.sign_in', outcome, reason, ...event };
  if (!attempt.locks) return [failed];
  const locked = { kind: 'other', action: 'firebreak.account_locked', outcome: 'denied', reason: 'too_many_failures' };
  return [failed, { id: `access-${seq}-locked`, ...locked, ...event }];
}

/** A name that nobody has is not repeated: then it is told without a subject. */
function about(
  account: string | null,
  at: number,
  { ip, userAgent }: { readonly ip: string | null; readonly userAgent: string | null },
): Readonly<Record<string, Json>> {
  // Null is what is not known, also in events.
  return { subject: account, actor: account, time: at, ip, userAgent };
}
