import { setTimeout as pause } from 'node:timers/promises';
import type { Draw } from './draw.ts';
import type { Receiver } from './receiver.ts';
import { serveArgs, serveEnv, type Server, type ServerSettings } from './servers.ts';

/** What is done to the processes. */

export interface HavocPorts {
  readonly servers: readonly Server[];
  readonly settings: ServerSettings;
  readonly receiver: Receiver;
  readonly draw: Draw;
  /** Kills in all, over all servers. */
  readonly kills: number;
  readonly closing: AbortSignal;
  /** Gives one server much to call at once; `onVoting` is told right before. */
  burst(url: string, onVoting: () => void): Promise<void>;
  /** Address of an intruder while it lives and answers: load goes there too. */
  intrude(url: string | null): void;
}

export interface Tally {
  kills: number;
  killsAtStart: number;
  killsAtCall: number;
  stops: number;
  /** Those that lasted until others had settled what the stopped process held. */
  overtaken: number;
  /** Second processes on a data directory that has one, and how many of them were let in. */
  intruders: number;
  letIn: number;
  storeFaults: number;
}

/** Longest life between two kills, in ms after it was ready, times the number of servers: some are always starting. */
const LONGEST_LIFE_MS = 700;
/** A server that is never ready long enough makes no progress: after so many kills during starts it may live. */
const MOST_KILLS_AT_START = 2;
/** How long a call is waited for to be struck at, in ms. */
const CALL_MS = 1_200;
/** How long it is let go on before it is killed, in ms. */
const GO_ON_MS = 1_500;
/** A second process tries its luck each time after so many kills. */
const KILLS_PER_INTRUDER = 15;
/** How long an intruder that was let in is left alone, in ms: long enough to take work on. */
const INTRUDER_MS = 2_000;

/** Kills and stops until the number of kills is reached. Leaves every server running. */
export async function wreak(ports: HavocPorts, tally: Tally): Promise<void> {
  const { servers, settings, draw, kills, closing } = ports;
  const disturbing = (async () => {
    while (!closing.aborted && tally.kills < kills) {
      if (await settings.store.disturb(draw)) tally.storeFaults += 1;
      await pause(500);
    }
  })();
  await Promise.all([disturbing, ...servers.map((server) => torment(ports, server, draw.branch(), tally))]);
}

async function torment(ports: HavocPorts, server: Server, draw: Draw, tally: Tally): Promise<void> {
  const { kills, closing } = ports;
  let early = 0;
  let untilIntruder = KILLS_PER_INTRUDER >> 1;
  while (!closing.aborted && tally.kills < kills) {
    const life = server.life ?? server.start();
    if (early < MOST_KILLS_AT_START && draw.chance(25)) {
      early += 1;
      await Promise.race([pause(draw.integer(10, 900)), life.ready.catch(() => undefined)]);
      tally.killsAtStart += 1;
    } else {
      early = 0;
      await server.untilReady();
      untilIntruder -= 1;
      if (untilIntruder <= 0 && ports.servers.length === 1) {
        untilIntruder = KILLS_PER_INTRUDER;
        await intrude(ports, tally);
      }
      await live(ports, server, draw, tally);
    }
    if (tally.kills >= kills) {
      // Others used up the kills meanwhile; nobody else would wake it.
      server.life?.child.kill('SIGCONT');
      break;
    }
    tally.kills += 1;
    await server.kill();
    server.start();
  }
  if (server.life === null) server.start();
}

/** A life: some time, then the moment to strike. */
async function live(ports: HavocPorts, server: Server, draw: Draw, tally: Tally): Promise<void> {
  const { longestStopMs, overtakenMs } = ports.settings.store;
  await pause(draw.integer(0, LONGEST_LIFE_MS * ports.servers.length));
  if (overtakenMs !== null && ports.servers.length > 1 && draw.chance(8)) {
    tally.stops += 1;
    tally.overtaken += 1;
    return overtake(ports, server, draw.integer(...overtakenMs));
  }
  if (draw.chance(20)) {
    tally.stops += 1;
    server.life?.child.kill('SIGSTOP');
    await pause(draw.integer(20, longestStopMs));
    // Killed while it stands still, or a moment after it went on.
    if (draw.chance(50)) return;
    server.life?.child.kill('SIGCONT');
    await pause(draw.integer(0, 60));
  }
  if (draw.chance(35)) return;
  const struck = await Promise.race([ports.receiver.nextCall().then(() => true), pause(CALL_MS).then(() => false)]);
  if (struck) tally.killsAtCall += 1;
}

/** Stops a process whose calls have queued up, until others have taken over and settled what it held, and lets it go on. */
async function overtake({ receiver, burst }: HavocPorts, server: Server, ms: number): Promise<void> {
  // While none is answered, most of them wait in its memory.
  await burst(server.url, () => receiver.stall(true));
  server.life?.child.kill('SIGSTOP');
  receiver.stall(false);
  await pause(ms);
  server.life?.child.kill('SIGCONT');
  await pause(GO_ON_MS);
}

/** A second process on the data directory of one that lives: it has to be refused and to leave no trace. */
export async function intrude(ports: HavocPorts, tally: Tally): Promise<void> {
  const { settings } = ports;
  tally.intruders += 1;
  const intruder = settings.programs.start('main', serveArgs(settings, 0), serveEnv(settings));
  const refused = await intruder.ready.then(
    () => false,
    () => true,
  );
  if (refused) return;
  tally.letIn += 1;
  const { url } = await intruder.ready;
  ports.intrude(String(url));
  await pause(INTRUDER_MS);
  ports.intrude(null);
  intruder.child.kill('SIGKILL');
  await intruder.ended;
}
