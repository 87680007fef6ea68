import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A real Git repository in a temporary folder. */
export interface GitRepository {
  readonly folder: string;
  git(...args: readonly string[]): string;
  write(path: string, text: string | Uint8Array): void;
  /** Commits everything that is there. Answers with the commit's id. */
  commit(message?: string, ...more: readonly string[]): string;
  remove(): void;
}

/** @param email of who commits; nobody's configuration on this machine is read. */
export function gitRepository(email = 'ada@soc.example'): GitRepository {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-repository-'));
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_EMAIL: email,
  };
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  git('init', '--quiet', '-b', 'main');
  return {
    folder,
    git,
    write(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    },
    commit(message = 'change', ...more) {
      git('add', '--all');
      git('commit', '--quiet', '--allow-empty', '-m', message, ...more);
      return git('rev-parse', 'HEAD');
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The environment that a command needs to find git. */
export const GIT_ENVIRONMENT: Readonly<Record<string, string>> = { PATH: process.env['PATH'] ?? '' };
