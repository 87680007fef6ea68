import { z } from 'zod';
import type { Journal } from '../journal/journal.ts';
import { steeredClock, type Clock, type SteeredClock } from '../platform/clock.ts';
import type { SafeHttp } from '../platform/safe-http.ts';
import type { OwnJournal } from './own-journal.ts';
import type { SandboxAccess } from './outside-systems.ts';

export interface BusinessTime {
  readonly clock: Clock;
  /** The same clock where it is steered, null where time is real. */
  readonly steered: SteeredClock | null;
}

const CLOCK = z.object({ now: z.int() });

/** Business time goes on where it stood: at the newest record, or at the sandbox company's clock if that is further. */
export async function businessTime(
  { journal, wall }: Pick<OwnJournal, 'wall'> & { readonly journal: Pick<Journal, 'newestRecordAt'> },
  acceleratedFrom: number | null,
  sandbox: SandboxAccess | null,
  http: SafeHttp,
): Promise<BusinessTime> {
  if (acceleratedFrom === null) return { clock: wall, steered: null };
  const steered = steeredClock(Math.max(acceleratedFrom, (await journal.newestRecordAt()) ?? 0));
  if (sandbox !== null) {
    const headers = { authorization: `Bearer ${sandbox.token}` };
    const reply = await http.request({ method: 'GET', url: `${sandbox.url}/clock`, headers });
    steered.advanceTo(CLOCK.parse(JSON.parse(Buffer.from(reply.body).toString('utf8'))).now);
  }
  return { clock: steered, steered };
}

/** Tells the sandbox company, which lives in the same time, before a jump takes effect here. */
export async function announceTime(sandbox: SandboxAccess | null, http: SafeHttp, at: number): Promise<void> {
  if (sandbox === null) return;
  const headers = { authorization: `Bearer ${sandbox.token}`, 'content-type': 'application/json' };
  await http.request({ method: 'POST', url: `${sandbox.url}/clock`, headers, body: JSON.stringify({ now: at }) });
}
