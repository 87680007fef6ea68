import { describe, expect, it } from 'vitest';
import { realMachine } from '../platform/machine.ts';
import { groupCommitter } from './group-commit.ts';
import { StoreUnavailableError, type Change, type ChangeResult } from './journal.ts';

/** A journal that remembers what it was given, and does as it is told. */
function fakeJournal(refuse: (streams: readonly string[]) => Error | null = () => null) {
  const commits: string[][] = [];
  return {
    commits,
    async commit(changes: readonly Change[]): Promise<readonly ChangeResult[]> {
      const streams = changes.map(nameOf);
      const refusal = refuse(streams);
      if (refusal !== null) throw refusal;
      commits.push(streams);
      return streams.map((stream) =>
        stream === 'stale' ? { status: 'stale', what: stream } : { status: 'applied', hashes: [] },
      );
    },
  };
}

function change(stream: string): Change {
  return { appends: [{ stream, expectedSeq: 0, records: [] }] };
}

function nameOf({ appends }: Change): string {
  return appends[0]?.stream ?? '';
}

async function endsOf(answers: readonly Promise<ChangeResult>[]): Promise<string[]> {
  const settled = await Promise.allSettled(answers);
  return settled.map((end) => (end.status === 'fulfilled' ? end.value.status : (end.reason as Error).message));
}

describe('group commit', () => {
  it('takes what arrives together into one commit, in the order of arrival', async () => {
    const journal = fakeJournal();
    const { submit } = groupCommitter(journal, realMachine);
    expect(await endsOf(['a', 'stale', 'c'].map((name) => submit(change(name))))).toEqual([
      'applied',
      'stale',
      'applied',
    ]);
    expect(journal.commits).toEqual([['a', 'stale', 'c']]);
  });

  it('bounds a commit, and is busy until the last one is done', async () => {
    const journal = fakeJournal();
    const committer = groupCommitter(journal, realMachine);
    const answers = Array.from({ length: 600 }, (_, index) => committer.submit(change(`s${index}`)));
    expect(committer.busy).toBe(true);
    await Promise.all(answers);
    expect(journal.commits.map(({ length }) => length)).toEqual([256, 256, 88]);
    expect(journal.commits.flat()).toEqual(Array.from({ length: 600 }, (_, index) => `s${index}`));
    await new Promise((resolve) => setImmediate(resolve));
    expect(committer.busy).toBe(false);
  });

  it('finds the member that the store refuses, and commits the others in their order', async () => {
    const journal = fakeJournal((streams) => (streams.includes('bad') ? new Error('refused') : null));
    const { submit } = groupCommitter(journal, realMachine);
    const names = ['a', 'b', 'bad', 'd', 'e', 'bad', 'g'];
    const ends = await endsOf(names.map((name) => submit(change(name))));
    expect(ends).toEqual(names.map((name) => (name === 'bad' ? 'refused' : 'applied')));
    expect(journal.commits.flat()).toEqual(['a', 'b', 'd', 'e', 'g']);
  });

  it('fails everybody at once when the store is down, without trying each', async () => {
    let tries = 0;
    const journal = fakeJournal(() => {
      tries += 1;
      return new StoreUnavailableError('down', false);
    });
    const { submit } = groupCommitter(journal, realMachine);
    expect(await endsOf(['a', 'b', 'c'].map((name) => submit(change(name))))).toEqual(['down', 'down', 'down']);
    expect(tries).toBe(1);
  });

  it('goes on after a failure, and says so once when it is unknown what the failed commit did', async () => {
    const failures = [new StoreUnavailableError('full', false), new StoreUnavailableError('broken', true)];
    const journal = fakeJournal(() => failures.shift() ?? null);
    let doubts = 0;
    const { submit } = groupCommitter(journal, realMachine, () => {
      doubts += 1;
    });
    expect(await endsOf([submit(change('a'))])).toEqual(['full']);
    expect(await endsOf([submit(change('a'))])).toEqual(['broken']);
    expect(doubts).toBe(0);
    expect(await endsOf([submit(change('a'))])).toEqual(['applied']);
    expect(await endsOf([submit(change('b'))])).toEqual(['applied']);
    expect(doubts).toBe(1);
  });

  it('refuses more than can wait instead of eating memory', async () => {
    const { submit } = groupCommitter(fakeJournal(), realMachine);
    const answers = Array.from({ length: 20_001 }, (_, index) => submit(change(`s${index}`)));
    expect((await endsOf(answers)).filter((end) => end !== 'applied')).toEqual([
      'too many changes wait for the journal',
    ]);
  });
});
