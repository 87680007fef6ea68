import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { VERSION } from '../../src/version.ts';

const PACKAGE = z.looseObject({
  version: z.string(),
  scripts: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});
const LOCK = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({
      optionalDependencies: z.record(z.string(), z.string()).optional(),
      resolved: z.string().optional(),
    }),
  ),
});

const pkg = PACKAGE.parse(JSON.parse(readFileSync('package.json', 'utf8')));
const lock = LOCK.parse(JSON.parse(readFileSync('package-lock.json', 'utf8')));
const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => existsSync(file));

describe('the package', () => {
  it('has one version', () => {
    expect(VERSION).toBe(pkg.version);
  });

  it('locks the optional platform packages of every tool, so that npm ci works elsewhere', () => {
    const missing = Object.entries(lock.packages).flatMap(([from, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter((name) => !isLocked(from, name))
        .map((name) => `${from} needs ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('locks no download addresses', () => {
    expect(Object.values(lock.packages).filter(({ resolved }) => resolved?.startsWith('http') === true)).toEqual([]);
  });
});

function isLocked(from: string, name: string): boolean {
  const nested = `${from}/node_modules/${name}`;
  return lock.packages[nested] !== undefined || lock.packages[`node_modules/${name}`] !== undefined;
}

describe('the documents', () => {
  const documents = tracked.filter((file) => file.endsWith('.md'));

  it.each(documents)('%s links to files that exist', (file) => {
    const text = readFileSync(file, 'utf8');
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
    const broken = links.filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(file), target)));
    expect(broken).toEqual([]);
  });

  it.each(documents)('%s names npm scripts that exist', (file) => {
    const named = [...readFileSync(file, 'utf8').matchAll(/npm run ([a-z:-]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => pkg.scripts[name] === undefined)).toEqual([]);
  });
});
