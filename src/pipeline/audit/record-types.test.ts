import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../platform/canonical-json.ts';
import { allRecordTypes, personalPointers, recordType } from './record-types.ts';

describe('the catalogue of record types', () => {
  it('names each type and version once, in the past tense form, with well-formed pointers', () => {
    const names = allRecordTypes().map(({ type, v }) => `${type} v${v}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { type, v, personal } of allRecordTypes()) {
      expect(type).toMatch(/^[a-z]+\.[a-z_]+$/);
      expect(v).toBeGreaterThanOrEqual(1);
      for (const pointer of personal) expect(pointer).toMatch(/^(\/([A-Za-z]+|\*))+$/);
      expect([...personal].sort()).toEqual([...personal]);
    }
  });

  it('refuses what nobody classified', () => {
    expect(recordType('execution.advanced', 1).personal).toContain('/input/snapshot');
    expect(() => recordType('execution.advanced', 2)).toThrow('execution.advanced v2 is in the catalogue');
    expect(() => recordType('toString', 1)).toThrow('invariant');
    expect(() => personalPointers('user.forgotten', 1, {})).toThrow('invariant');
  });

  it('holds every type that the source writes', () => {
    const source = fileURLToPath(new URL('../../', import.meta.url));
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /(?<!\.test)\.ts$/.test(file),
    );
    const written = files.flatMap((file) => [
      ...readFileSync(join(source, file), 'utf8').matchAll(/type: '([a-z]+\.[a-z_]+)',\s+v: (\d+)/g),
    ]);
    expect(written.length).toBeGreaterThan(0);
    for (const [, type = '', v = ''] of written) expect(recordType(type, Number(v)).type).toBe(type);
  });
});

describe('personalPointers', () => {
  it('finds what is there, and only that, marking whole subtrees', () => {
    const data: Json = {
      input: { type: 'start', at: 1, snapshot: { user: { id: 'alice' } }, requester: { type: 'engine', id: 'engine' } },
      facts: [
        { type: 'action.prepared', actionId: 'a', target: { type: 'user', id: 'alice' }, parameters: {} },
        { type: 'children.started', children: [{ id: 'exe_1', account: 'bob' }] },
      ],
    };
    expect(personalPointers('execution.advanced', 1, data)).toEqual([
      '/input/snapshot',
      '/facts/0/target',
      '/facts/0/parameters',
      '/facts/1/children/0/account',
    ]);
  });

  it('escapes names, and a name that looks like a pattern marks nothing', () => {
    expect(
      personalPointers('incident.opened', 1, { incident: { findings: { 'a/b~': { explanation: 'x' } } } }),
    ).toEqual(['/incident/findings/a~1b~0/explanation']);
    expect(personalPointers('incident.opened', 1, { '*': { subject: 1 }, cause: { reason: null } })).toEqual([
      '/cause/reason',
    ]);
    expect(personalPointers('journal.created', 1, { by: 'x' })).toEqual([]);
  });
});
