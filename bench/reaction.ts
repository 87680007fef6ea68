import { z } from 'zod';
import { ownProgram, type Workshop } from './children.ts';
import { poster, runRate } from './load.ts';
import { latencyOf, pause } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { post, startProduct } from './product.ts';
import { openStorage } from './storage.ts';

/** Incidents in a second. */
const RATE = 100;
/** How long the last actions may take to come, in ms. */
const DRAIN_MS = 2_000;
const SOURCE = 'okta:bench';
const PATH = `/api/events?format=okta&source=${encodeURIComponent(SOURCE)}`;
/** The two sign-ins of an incident lie this far apart in business time, in ms: nobody flies that fast. */
const APART_MS = 30 * 60_000;
const MINUTE_MS = 60_000;

const PLAYBOOK = {
  playbookId: 'playbook_reaction',
  name: 'Reaction',
  playbookType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
  severity: 'HIGH',
  rules: [{ ruleId: 'travel', ruleType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL' }],
  actions: [
    {
      actionId: 'tell',
      actionType: 'USER_NOTIFICATION',
      stage: 1,
      parameters: { title: 'Unusual activity', message: 'You signed in from two places', sendEmail: true },
    },
  ],
};

const TAKEN = z.looseObject({ data: z.looseObject({ accepted: z.int() }) });
const FIRSTS = z.record(z.string(), z.string());

/**
 * From the event to the first action: each request brings two sign-ins of one person that cannot both be theirs, which
 * is an incident, which starts a playbook. All processes read one clock of the machine.
 * @throws Error when an event was refused or an incident was not answered by an action.
 */
export async function benchReaction(workshop: Workshop, options: BenchOptions): Promise<Record<string, unknown>> {
  const { seconds, warmup, program, profileDir, db } = options;
  const storage = await openStorage(workshop, db);
  const place = await storage.newPlace();
  const stub = await workshop.start(ownProgram('stub.ts'));
  const product = await startProduct(workshop, { program, profileDir, targetUrl: stub.url, keys: 20, place });
  const { service, keys } = product;
  await post(service.url, '/api/incident-playbooks', keys[0] ?? '', PLAYBOOK);
  const { post: send } = poster(service.url, 32);
  const sent = new Map<string, { readonly at: bigint; acceptedAt: bigint; readonly counts: boolean }>();
  const startAt = Date.now() - 2 * APART_MS;
  const begin = performance.now() + warmup * 1_000;
  let number = 0;
  await runRate({
    rate: RATE,
    warmupMs: warmup * 1_000,
    measuredMs: seconds * 1_000,
    async turn(dueAt) {
      number += 1;
      const user = `reaction.${number}@example.org`;
      const key = keys[number % keys.length] ?? '';
      const times = { at: process.hrtime.bigint(), acceptedAt: 0n, counts: dueAt >= begin };
      sent.set(encodeURIComponent(user), times);
      const text = await send(PATH, key, 'application/x-ndjson', twoSignIns(user, number, startAt));
      times.acceptedAt = process.hrtime.bigint();
      if (TAKEN.parse(JSON.parse(text)).data.accepted !== 2) throw new Error(`events were refused: ${text}`);
      return { acceptedMs: 0, completedMs: 0 };
    },
  });
  await pause(DRAIN_MS);
  const firsts = FIRSTS.parse(await (await fetch(`${stub.url}/firsts`)).json());
  await service.stop();
  const counted = [...sent].filter(([, { counts }]) => counts);
  const fromSending: number[] = [];
  const fromAccepted: number[] = [];
  for (const [user, { at, acceptedAt }] of counted) {
    const first = firsts[user];
    if (first === undefined) throw new Error(`nothing was done about ${user}`);
    fromSending.push(msBetween(at, BigInt(first)));
    // An action may leave before the reply does: both follow from the same commit.
    fromAccepted.push(Math.max(0, msBetween(acceptedAt, BigInt(first))));
  }
  return {
    bench: 'reaction',
    db,
    valid: true,
    incidentsPerSecond: RATE,
    incidents: counted.length,
    fromSending: latencyOf(fromSending),
    fromAccepted: latencyOf(fromAccepted),
    postgres: storage.about,
  };
}

function msBetween(from: bigint, to: bigint): number {
  return Number(to - from) / 1e6;
}

function twoSignIns(user: string, number: number, startAt: number): string {
  const berlin = { city: 'Berlin', country: 'Germany', geolocation: { lat: 52.52, lon: 13.405 } };
  const chicago = { city: 'Chicago', country: 'United States', geolocation: { lat: 41.8781, lon: -87.6298 } };
  const home = signIn(user, number * 2, startAt, `89.160.${number & 127}.${1 + (number % 250)}`, berlin);
  const away = signIn(user, number * 2 + 1, startAt + APART_MS, `24.12.${number & 127}.${1 + (number % 250)}`, chicago);
  return `${JSON.stringify(home)}\n${JSON.stringify(away)}\n`;
}

function signIn(user: string, number: number, at: number, ipAddress: string, place: object): object {
  return {
    uuid: `00000000-0000-4000-a000-${number.toString(16).padStart(12, '0')}`,
    published: new Date(at + (number % MINUTE_MS)).toISOString(),
    eventType: 'user.session.start',
    version: '0',
    severity: 'INFO',
    actor: { id: `00u${String(number >>> 1).padStart(17, '0')}`, type: 'User', alternateId: user, displayName: user },
    client: { userAgent: { rawUserAgent: 'Mozilla/5.0' }, ipAddress, geographicalContext: place },
    outcome: { result: 'SUCCESS' },
    authenticationContext: { externalSessionId: `idx${number}` },
    securityContext: { asNumber: 3_320, isProxy: false },
    transaction: { id: `tx${number}`, type: 'WEB' },
  };
}
