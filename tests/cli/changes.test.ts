import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  confirmChangeCommand,
  listChangesCommand,
  rejectChangeCommand,
  showChangeCommand,
} from '../../src/cli/changes.ts';
import { type Harness, type Person, startHarness, testIo } from '../support/server.ts';

const LIMITS = '/api/guards/blast-radius';

let house: Harness;
let second: Person;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true, env: { POLICY_CHANGES_BY_TWO: 'on' } });
  second = await house.person('CISO');
});
afterAll(() => house.stop());

async function proposed(): Promise<{ readonly id: string; readonly hash: string }> {
  return (await house.admin.api('PUT', LIMITS, { limits: [] })).body.data;
}

/** What a command says to somebody, and its exit code. */
async function told(
  person: Person,
  command: (io: ReturnType<typeof testIo>, options: { url: string; json: boolean }) => Promise<number>,
  json = false,
): Promise<string> {
  const io = testIo({ FIREBREAK_API_KEY: person.key });
  expect(await command(io, { url: house.url, json })).toBe(0);
  return io.said();
}

describe('changes on the command line', () => {
  it('are listed, shown, and confirmed by another person who names what they saw', async () => {
    const { id, hash } = await proposed();
    const list = await told(second, (io, options) => listChangesCommand(options, io));
    expect(list).toContain(`${id}  guard blast-radius  by ${house.admin.id}: ACCOUNT_SUSPEND has no limit any more`);
    expect(list).toContain('1 wait for a second person');
    const shown = await told(second, (io, options) => showChangeCommand(id, options, io));
    for (const part of [`${id} PROPOSED`, `hash       ${hash}`, 'takes away GEO_LOCK', 'document   {"limits":[]}'])
      expect(shown).toContain(part);
    const own = confirmChangeCommand(
      id,
      { url: house.url, json: false, hash },
      testIo({ FIREBREAK_API_KEY: house.admin.key }),
    );
    await expect(own).rejects.toMatchObject({ code: 'conflict' });
    const json = await told(second, (io, options) => confirmChangeCommand(id, { ...options, hash }, io), true);
    expect(JSON.parse(json)).toMatchObject({ id, status: 'CONFIRMED' });
    expect((await house.admin.api('GET', LIMITS)).body.data.limits).toEqual([]);
  });

  it('are rejected with a reason', async () => {
    const limits = [{ actionType: 'GEO_LOCK', perHour: 1 }];
    await house.admin.api('PUT', LIMITS, { limits });
    const { id } = await proposed();
    const said = await told(second, (io, options) => rejectChangeCommand(id, { ...options, reason: 'no' }, io));
    expect(said).toContain(`${id} REJECTED`);
    expect((await house.admin.api('GET', LIMITS)).body.data.limits).toEqual(limits);
  });
});
