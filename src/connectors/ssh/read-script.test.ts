import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { READ_SCRIPT } from './read-script.ts';

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'firebreak-reader-')));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What the reader says about a path: its content, and its notes. @param script with what somebody does at the worst moment */
function read(path: string, script = READ_SCRIPT): { readonly content: string; readonly notes: string } {
  const { stdout, stderr } = spawnSync('sh', ['-c', script, 'firebreak-read', 'artifact'], {
    input: `${path}\n`,
    encoding: 'utf8',
  });
  return { content: stdout, notes: stderr };
}

/** The reader, with `attack` right before its line that begins with `before`. */
function attacked(before: string, attack: string): string {
  const script = READ_SCRIPT.replace(`\n${before}`, () => `\n${attack}\n${before}`);
  if (script === READ_SCRIPT) throw new Error(`the reader has no line ${before}`);
  return script;
}

describe.skipIf(process.platform !== 'linux')('the reader', () => {
  const secret = join(directory, 'secret');
  writeFileSync(secret, 'SECRET');

  it('refuses a file that becomes a link between the look and the open', () => {
    const path = join(directory, 'swapped');
    writeFileSync(path, 'harmless');
    expect(read(path)).toMatchObject({ content: 'harmless' });
    const script = attacked('exec 3<"$path"', `ln -sf ${secret} "$path"`);
    expect(read(path, script)).toEqual({ content: '', notes: 'refused symlink\n' });
  });

  it('refuses a directory that becomes a link between the look and the entering', () => {
    const path = join(directory, 'folder');
    mkdirSync(path);
    mkdirSync(join(directory, 'elsewhere'));
    writeFileSync(join(directory, 'elsewhere', 'file'), 'SECRET');
    const script = attacked('  cd -P "$path"', `rmdir "$path"; ln -s ${join(directory, 'elsewhere')} "$path"`);
    expect(read(path, script)).toEqual({ content: '', notes: 'refused symlink\n' });
  });

  it('refuses a part of the path that becomes a link between the look and the open', () => {
    const path = join(directory, 'part', 'secret');
    mkdirSync(join(directory, 'part'));
    writeFileSync(path, 'harmless');
    const attack = `mv ${join(directory, 'part')} ${join(directory, 'moved')}; ln -s ${directory} ${join(directory, 'part')}`;
    expect(read(path, attacked('exec 3<"$path"', attack))).toEqual({ content: '', notes: 'refused symlink\n' });
  });

  it('refuses what is neither file nor directory before it opens it', () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(read(fifo)).toEqual({ content: '', notes: 'refused special\n' });
    expect(read('/dev/zero').notes).toBe('refused special\n');
    expect(read(join(directory, 'secret', 'below')).notes).toBe('refused missing\n');
    expect(read(`${directory}/./secret`).notes).toBe('refused symlink\n');
    expect(read(`${directory}/../${directory.split('/').at(-1)}/secret`).notes).toBe('refused symlink\n');
  });
});
