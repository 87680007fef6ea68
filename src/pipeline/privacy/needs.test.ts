import { describe, expect, it } from 'vitest';
import type { StoredView } from '../../journal/journal.ts';
import { needsOf, type NeedPorts } from './needs.ts';

const listViews: NeedPorts['journal']['listViews'] = async ({ kind }) => {
  const rows =
    kind === 'person-stream' ? streams.map((stream) => ({ id: `${stream} per_bob`, version: 1, at: 0, body: {} })) : [];
  return { items: rows, total: rows.length };
};
const personOf = async () => 'per_bob';
const streams = ['execution/exe_1', 'incident/inc_1', 'notice/ntc_1', 'access'];
const isProtected = async () => false;

function needing(bodies: Readonly<Record<string, StoredView['body']>>): NeedPorts {
  const view: NeedPorts['journal']['view'] = async (kind, id) => {
    const body = bodies[`${kind}/${id}`];
    return body === undefined ? null : { id, version: 1, at: 0, body };
  };
  return { journal: { listViews, view }, personOf, isProtected };
}

describe('what needs an account', () => {
  it('is an incident and an execution of somebody else, too, that name it', async () => {
    const ports = needing({
      'execution/exe_1': { status: 'RUNNING' },
      'incident/inc_1': { incident: { status: 'OPEN' } },
    });
    const needs = await needsOf('bob', ports);
    expect(needs.map(({ kind, id }) => [kind, id])).toEqual([
      ['incident', 'inc_1'],
      ['execution', 'exe_1'],
    ]);
  });

  it('is neither of them when it is over, or lies in an archive', async () => {
    const over = { 'execution/exe_1': { status: 'COMPLETED' }, 'incident/inc_1': { incident: { status: 'RESOLVED' } } };
    expect(await needsOf('bob', needing(over))).toEqual([]);
    expect(await needsOf('bob', needing({}))).toEqual([]);
  });

  it('is a rule that protects it', async () => {
    const ports = { ...needing({}), isProtected: async () => true };
    expect((await needsOf('bob', ports)).map(({ kind }) => kind)).toEqual(['protected']);
  });
});
