import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { LOG_ORIGIN, LOG_START, signingKey } from '../../tests/support/generated-log.ts';
import { signCheckpoint } from '../pipeline/audit/checkpoint.ts';
import { openCosigned, witnessKey } from '../pipeline/audit/cosignature.ts';
import { leafHash, treeRoot } from '../pipeline/audit/merkle.ts';
import type { Machine } from '../platform/machine.ts';
import type { SafeHttp } from '../platform/safe-http.ts';
import type { Witnessed } from './add-checkpoint.ts';
import { createWitnessPublisher, type PublisherPorts, type WitnessPublisher } from './publisher.ts';
import { createWitness, type WitnessAnswer } from './witness.ts';

const leaves = Array.from({ length: 300 }, (_, index) => leafHash(`record ${index}`));
const { signing, key: logKey } = signingKey();
const pair = generateKeyPairSync('ed25519');
const key = witnessKey('witness.example/w1', pair.publicKey);

function note(size: number, of: readonly string[] = leaves): string {
  return signCheckpoint({ origin: LOG_ORIGIN, size, root: treeRoot(of.slice(0, size)) }, signing);
}

/** A witness in memory behind an HTTP client that does as it is told. */
function world(given: Partial<PublisherPorts> = {}) {
  let kept: (Witnessed & { readonly note: string }) | null = null;
  const witness = createWitness({
    key,
    privateKey: pair.privateKey,
    logKeys: [logKey],
    store: {
      latest: () => kept,
      note: () => kept?.note ?? null,
      keep: (_, state, text) => (kept = { ...state, note: text }),
    },
    now: () => LOG_START,
  });
  const state = {
    /** What happens to the next requests. */
    fate: 'answered' as 'answered' | 'lost' | 'answer lost',
    asked: 0,
    read: [] as [number, number][],
    now: 1_000,
    errors: [] as string[],
    kept: () => kept?.size ?? 0,
    forget: () => (kept = null),
    answer: null as WitnessAnswer | null,
  };
  const http: SafeHttp = {
    async request({ body }) {
      state.asked += 1;
      if (state.fate === 'lost') throw new Error('no route to the witness');
      const answer = state.answer ?? witness.addCheckpoint(String(body));
      if (state.fate === 'answer lost') throw new Error('the connection was cut');
      return { status: answer.status, header: () => answer.type, body: Buffer.from(answer.body) };
    },
    close: async () => undefined,
  };
  const machine: Machine = {
    turn: async () => undefined,
    sleep: async (ms) => void (state.now += ms),
    after: () => () => undefined,
  };
  const ports: PublisherPorts = {
    url: 'http://witness.example/',
    key,
    http,
    machine,
    readLeaves: async (from, to) => {
      state.read.push([from, to]);
      return leaves.slice(from, to);
    },
    newest: async () => null,
    monotonic: () => state.now,
    onError: (thrown) => state.errors.push(String(thrown)),
    ...given,
  };
  const publisher: WitnessPublisher = createWitnessPublisher(ports);
  return { publisher, state, ports };
}

describe('the publisher', () => {
  it('has each newest checkpoint cosigned and reads only what is new', async () => {
    const { publisher, state } = world();
    expect(publisher.unwitnessedMs()).toBe(0);
    for (const size of [1, 20, 130, 131, 300]) {
      state.read = [];
      await publisher.offer(note(size));
      const before = state.kept();
      expect(await publisher.publish()).toBe(true);
      expect(state.kept()).toBe(size);
      expect(state.read.every(([from]) => from >= before)).toBe(true);
      expect(openCosigned(publisher.cosigned() ?? '', key)?.checkpoint.size).toBe(size);
    }
    expect([state.asked, state.errors, publisher.unwitnessedMs()]).toEqual([5, [], 0]);
  });

  it('tells how long the oldest checkpoint has waited, whatever came after it', async () => {
    const { publisher, state } = world();
    state.fate = 'lost';
    await publisher.offer(note(10));
    state.now += 40_000;
    await publisher.offer(note(20));
    expect(await publisher.publish()).toBe(false);
    state.now += 30_000;
    expect(publisher.unwitnessedMs()).toBe(70_000);
    state.fate = 'answered';
    expect(await publisher.publish()).toBe(true);
    expect([publisher.unwitnessedMs(), state.kept(), state.errors.length]).toEqual([0, 20, 1]);
  });

  it('goes on after an answer that was lost: the witness has kept what it had signed', async () => {
    const { publisher, state } = world();
    await publisher.offer(note(10));
    state.fate = 'answer lost';
    expect(await publisher.publish()).toBe(false);
    expect([state.kept(), publisher.cosigned()]).toEqual([10, null]);
    state.fate = 'answered';
    expect(await publisher.publish()).toBe(true);
    expect(openCosigned(publisher.cosigned() ?? '', key)?.checkpoint.size).toBe(10);
    await publisher.offer(note(11));
    expect([await publisher.publish(), state.kept()]).toEqual([true, 11]);
  });

  it('finds its place after a restart, and after the witness was set up anew', async () => {
    const first = world();
    await first.publisher.offer(note(50));
    await first.publisher.publish();
    first.state.forget();
    await first.publisher.offer(note(60));
    expect([await first.publisher.publish(), first.state.kept()]).toEqual([true, 60]);
    const again = world();
    await again.publisher.offer(note(60));
    expect(again.publisher.unwitnessedMs()).toBe(0);
    again.state.now += 5;
    expect(again.publisher.unwitnessedMs()).toBe(5);
    expect([await again.publisher.publish(), again.publisher.unwitnessedMs()]).toEqual([true, 0]);
  });

  it('says that the log was set back, or forked, and never calls that cosigned', async () => {
    const { publisher, state } = world();
    await publisher.offer(note(50));
    await publisher.publish();
    await publisher.offer(note(40));
    expect(await publisher.publish()).toBe(false);
    expect(state.errors.at(-1)).toContain('set back');
    await publisher.offer(note(50, leaves.with(1, leafHash('lie'))));
    expect(await publisher.publish()).toBe(false);
    expect(state.errors.at(-1)).toContain('forked');
    state.now += 61_000;
    expect(publisher.unwitnessedMs()).toBeGreaterThan(60_000);
    expect(openCosigned(publisher.cosigned() ?? '', key)?.checkpoint.size).toBe(50);
  });

  it('goes on with the newest checkpoint where another process that shares the log was faster', async () => {
    const { publisher, state, ports } = world({ newest: async () => note(120) });
    const other = createWitnessPublisher(ports);
    await publisher.offer(note(100));
    await other.offer(note(110));
    expect(await other.publish()).toBe(true);
    expect([await publisher.publish(), state.errors]).toEqual([true, []]);
    state.now += 61_000;
    expect([publisher.unwitnessedMs(), state.kept()]).toEqual([0, 120]);
  });

  it('believes no answer that is not signed by the witness', async () => {
    const { publisher, state } = world();
    await publisher.offer(note(50));
    for (const answer of [
      { status: 200, type: '', body: '\u2014 witness.example/w1 AAAAAAA=\n' },
      { status: 200, type: '', body: '' },
      { status: 500, type: '', body: 'x'.repeat(1_000) },
      { status: 409, type: '', body: 'many\n' },
      { status: 409, type: '', body: '99999\n' },
    ]) {
      state.answer = answer;
      expect(await publisher.publish()).toBe(false);
    }
    expect([publisher.cosigned(), state.errors.length]).toEqual([null, 5]);
    expect(Math.max(...state.errors.map((error) => error.length))).toBeLessThan(300);
  });

  it('runs until it is told to stop, and waits longer after each failure', async () => {
    const closing = new AbortController();
    const waits: number[] = [];
    const { publisher, state } = world({
      machine: {
        turn: async () => undefined,
        async sleep(ms) {
          if (ms !== 250) waits.push(ms);
          if (waits.length === 3) state.fate = 'answered';
          if (state.kept() === 7) closing.abort();
        },
        after: () => () => undefined,
      },
    });
    state.fate = 'lost';
    await publisher.offer(note(7));
    await publisher.run(closing.signal);
    expect([waits, state.kept()]).toEqual([[1_000, 2_000, 4_000], 7]);
  });
});
