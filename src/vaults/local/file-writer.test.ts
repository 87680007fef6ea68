import { mkdtempSync, rmSync } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileWriter } from './file-writer.ts';

const BLOCK = 65_536;

let folder: string;
let path: string;
let handle: FileHandle;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-writer-'));
  path = join(folder, 'content');
  handle = await open(path, 'wx+');
});
afterEach(async () => {
  await handle.close();
  rmSync(folder, { recursive: true, force: true });
});

function shared(length: number, letter: string): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length)).fill(letter.charCodeAt(0));
}

/** A direct handle that does what `answer` says at each write, and else writes as usual. */
function directly(answer: (nth: number) => number | string) {
  const asked: number[] = [];
  let isClosed = false;
  const openedDirectly = async () => ({
    // Only this form of the call is used.
    write: (async (bytes: Uint8Array, from: number, length: number, position: number) => {
      asked.push(position);
      const said = answer(asked.length);
      if (typeof said === 'string') throw Object.assign(new Error(said), { code: said });
      return handle.write(bytes, from, Math.min(length, said), position);
    }) as FileHandle['write'],
    close: async () => {
      isClosed = true;
    },
  });
  return { openedDirectly, asked, closed: () => isClosed };
}

async function written(pieces: readonly Uint8Array[], direct = directly(() => BLOCK)) {
  const file = fileWriter(path, handle, direct.openedDirectly);
  try {
    for (const piece of pieces) await file.write(piece);
    await file.settle();
  } finally {
    await file.close();
  }
  expect(await readFile(path)).toEqual(Buffer.concat(pieces));
  return direct;
}

describe('what is written to a file', () => {
  it('goes past the pages where it is whole blocks of shared memory, and through them where not', async () => {
    const whole = [shared(BLOCK, 'a'), shared(BLOCK, 'b'), shared(2 * BLOCK, 'c').subarray(BLOCK)];
    const { asked, closed } = await written([...whole, shared(17, 'd'), shared(BLOCK, 'e')]);
    expect([asked, closed()]).toEqual([[0, BLOCK, 2 * BLOCK], true]);
  });

  it('is never written so from memory whose beginning nobody knows', async () => {
    expect((await written([Buffer.alloc(BLOCK, 'a'), shared(17, 'b')])).asked).toEqual([]);
  });

  it('goes through the pages from where the disk does not take it, at the same place', async () => {
    const pieces = ['a', 'b', 'c'].map((letter) => shared(BLOCK, letter));
    const { asked } = await written(
      pieces,
      directly((nth) => (nth === 2 ? 'EINVAL' : BLOCK)),
    );
    expect(asked).toEqual([0, BLOCK]);
    // A part was taken, and what is left begins nowhere in particular.
    await handle.truncate(0);
    const answers = [BLOCK, 512, 'EINVAL'];
    await written(
      pieces,
      directly((nth) => answers[nth - 1] ?? BLOCK),
    );
  });

  it('fails where the disk is full, and not by trying again', async () => {
    const direct = directly(() => 'ENOSPC');
    await expect(written([shared(BLOCK, 'a')], direct)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect([direct.asked, direct.closed()]).toEqual([[0], true]);
  });

  it('is written as usual where files cannot be opened so, and as it is where they can', async () => {
    const pieces = [shared(BLOCK, 'a'), shared(BLOCK, 'b'), shared(5, 'c')];
    for (const openedDirectly of [async () => null, undefined]) {
      await handle.truncate(0);
      const file = fileWriter(path, handle, openedDirectly);
      for (const piece of pieces) await file.write(piece);
      await file.close();
      expect(await readFile(path)).toEqual(Buffer.concat(pieces));
    }
  });
});
