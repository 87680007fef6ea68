import { z } from 'zod';
import { addressClass, canonicalAddress, type AddressClass } from '../../platform/address-class.ts';
import type { ActionHandler, JsonObject, UndoResult, VerifyResult } from '../../pipeline/actions/contract.ts';
import { type Call, handler, refused } from '../define-handler.ts';
import type { IpEntry, SandboxClient } from './client.ts';
import { declare, notShownYet } from './declare.ts';
import { PARAMETERS } from './parameters.ts';

/**
 * IPBLACKLIST_ADD and IPWHITELIST_ADD. The list is replaced as a whole, so each change is: read, merge our entry,
 * write under the version just read, and again when somebody was faster. Every entry carries our key as its owner.
 */

type Parameters = z.infer<(typeof PARAMETERS)['ipAllow']>;

const MINUTE_MS = 60_000;
/**
 * Lost races before the attempt gives up. Every lost race is another writer's success, so a busy second process can
 * make many of them; writers of this process queue up instead. The attempt's deadline usually ends it earlier.
 */
const MAX_CONFLICTS = 100;
const anyReply = z.object({});

/** Documentation ranges may be blocked in the sandbox: demos must not name a real person's address. */
const DENIABLE: ReadonlySet<AddressClass> = new Set<AddressClass>(['public', 'documentation']);
const ALLOWABLE: ReadonlySet<AddressClass> = new Set<AddressClass>(['public', 'documentation', 'private', 'cgnat']);

export function ipListHandlers(client: SandboxClient): readonly ActionHandler[] {
  const inTurn = turnstile();
  return [
    handler<z.infer<(typeof PARAMETERS)['ipDeny']>>({
      ...ipListHandler(client, 'deny', inTurn),
      declaration: declare('IPBLACKLIST_ADD', {
        targetType: 'ip',
        idempotency: 'merge',
        reversibility: 'undo',
        holds: 'ip.denied',
        contains: true,
      }),
      parameters: PARAMETERS.ipDeny,
      async perform(call) {
        if (call.parameters.ipNormalised) {
          throw refused(
            'normalised_address',
            'the address was not written plainly in the event and may be another one',
          );
        }
        guardAddress(call.target.id, DENIABLE);
        return inTurn(() => addEntry(client, 'deny', call));
      },
    }),
    handler({
      ...ipListHandler(client, 'allow', inTurn),
      declaration: declare('IPWHITELIST_ADD', {
        targetType: 'ip',
        idempotency: 'merge',
        reversibility: 'undo',
        holds: 'ip.allowed',
        contains: false,
      }),
      parameters: PARAMETERS.ipAllow,
      async perform(call) {
        guardAddress(call.target.id, ALLOWABLE);
        return inTurn(() => addEntry(client, 'allow', call));
      },
    }),
  ];
}

type Turn = <T>(work: () => Promise<T>) => Promise<T>;

function ipListHandler(
  client: SandboxClient,
  list: IpEntry['list'],
  inTurn: Turn,
): {
  readonly observe: (call: Call<Parameters>) => Promise<JsonObject>;
  readonly verify: (call: Call<Parameters>) => Promise<VerifyResult>;
  readonly undo: (call: Call<Parameters>) => Promise<UndoResult>;
} {
  return {
    async observe({ target, context }) {
      const { entries } = await client.readIpList(context.idempotencyKey, context);
      const listed = entries.some(
        (entry) => entry.list === list && entry.ip === target.id && entry.owner !== context.idempotencyKey,
      );
      return { listed };
    },
    async verify(call) {
      const { entries, now, digest } = await client.readIpList(call.context.idempotencyKey, call.context);
      if (ownEntry(entries, list, call) !== undefined) return { says: 'holds', digest };
      const covered = coveringEntry(entries, list, call.target.id, endOf(now, call.parameters));
      return { says: covered === undefined ? 'absent' : 'foreign', digest };
    },
    undo: (call) => inTurn(() => removeEntry(client, list, call)),
  };
}

/** @throws ConnectorError unless the address is written in its one canonical form and of an allowed class */
function guardAddress(address: string, classes: ReadonlySet<AddressClass>): void {
  if (canonicalAddress(address) !== address) {
    throw refused('invalid_address', 'the target is not an IP address in its usual form');
  }
  const kind = addressClass(address) ?? 'reserved';
  if (!classes.has(kind)) throw refused('address_refused', `${kind} addresses are not put on this list`);
}

async function addEntry(client: SandboxClient, list: IpEntry['list'], call: Call<Parameters>): Promise<JsonObject> {
  const { target, parameters, context } = call;
  for (let conflict = 0; conflict < MAX_CONFLICTS; conflict += 1) {
    const { version, entries, now } = await client.readIpList(context.idempotencyKey, context);
    const own = ownEntry(entries, list, call);
    if (own !== undefined) return { changed: true, expiresAt: own.expiresAt };
    const expiresAt = endOf(now, parameters);
    if (coveringEntry(entries, list, target.id, expiresAt) !== undefined) return { changed: false, expiresAt };
    const entry: IpEntry = {
      ip: target.id,
      list,
      owner: context.effectKey,
      reason: parameters.reason,
      addedAt: now,
      expiresAt,
    };
    if (await write(client, version, [...entries, entry], call)) return { changed: true, expiresAt };
  }
  throw notShownYet('the list is being changed by others all the time');
}

async function removeEntry(client: SandboxClient, list: IpEntry['list'], call: Call<Parameters>): Promise<UndoResult> {
  const { outcome, context } = call;
  for (let conflict = 0; conflict < MAX_CONFLICTS; conflict += 1) {
    const { version, entries, marks, now, digest } = await client.readIpList(context.idempotencyKey, context);
    const own = ownEntry(entries, list, call);
    const undone = marks.some(({ effect }) => effect === `ip.${list}.remove`);
    if (own === undefined) {
      const expiresAt = outcome?.['expiresAt'];
      const ended = typeof expiresAt === 'number' && expiresAt <= now;
      if (undone) return { result: 'restored', digest };
      if (outcome?.['changed'] === false) return { result: 'not_needed', digest };
      if (ended) return { result: 'restored', digest };
      // Without an outcome our call may never have arrived; with one, somebody else took the entry away.
      return { result: outcome === null ? 'not_needed' : 'superseded', digest };
    }
    if (undone) throw notShownYet('the entry was removed but is still shown');
    // Read back by the next round, which finds the trace or, after a lost race, tries again.
    await write(
      client,
      version,
      entries.filter((entry) => entry !== own),
      call,
    );
  }
  throw notShownYet('the list is being changed by others all the time');
}

/** True when written; false when somebody was faster and it has to be read again. */
async function write(
  client: SandboxClient,
  version: number,
  entries: readonly IpEntry[],
  call: Call<Parameters>,
): Promise<boolean> {
  const done = await client.change(
    { method: 'PUT', path: '/ip-list', body: { entries }, ifMatch: version, reply: anyReply },
    call.context,
  );
  if (done.refused && done.code !== 'stale_version') throw done.error;
  return !done.refused;
}

/** The entry that this effect made. */
function ownEntry(entries: readonly IpEntry[], list: IpEntry['list'], call: Call<Parameters>): IpEntry | undefined {
  const { target, context } = call;
  return entries.find(({ ip, list: kind, owner }) => ip === target.id && kind === list && owner === context.effectKey);
}

/** Somebody else's entry that lasts as long as ours would. */
function coveringEntry(
  entries: readonly IpEntry[],
  list: IpEntry['list'],
  address: string,
  end: number | null,
): IpEntry | undefined {
  return entries.find(
    ({ ip, list: kind, expiresAt }) =>
      ip === address && kind === list && (expiresAt === null || (end !== null && expiresAt >= end)),
  );
}

function endOf(now: number, { expirationMinutes }: Parameters): number | null {
  return expirationMinutes === undefined ? null : now + expirationMinutes * MINUTE_MS;
}

/** One at a time, in order: writers of one process would only make each other lose the race. */
function turnstile(): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work, work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
