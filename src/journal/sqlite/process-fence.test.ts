import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeFence } from './process-fence.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-fence-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the fence of a data directory', () => {
  it('lets one in, refuses the second with a sentence, and is free again after release', () => {
    const file = join(folder, 'writer.lock');
    const first = takeFence(file);
    expect(() => takeFence(file)).toThrow(/another Firebreak process writes this data directory/);
    first.release();
    takeFence(file).release();
  });
});
