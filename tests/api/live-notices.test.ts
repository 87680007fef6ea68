import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_STREAMS_OF_ONE } from '../../src/pipeline/notifications/live.ts';
import { listen, type Ear } from '../support/live.ts';
import { startHarness, until, type Harness, type Person } from '../support/server.ts';

const STREAM = '/api/notifications/stream';

let house: Harness;
let officer: Person;
let admin2: Person;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true });
  [officer, admin2] = await Promise.all([house.person('CISO'), house.person('SECURITY_ADMIN')]);
});
afterAll(() => house.stop());

let number = 0;
/** Tells every person who may lift a pause something. @returns what the title ends with. */
async function news(by: Person = house.admin): Promise<string> {
  number += 1;
  expect((await by.api('POST', '/api/guards/pause', { reason: `drill ${number}` })).status).toBe(200);
  return `drill ${number}`;
}
const titlesOf = ({ heard }: Ear): readonly string[] =>
  heard.filter(({ event }) => event === 'notice').map(({ data }) => data.title.replace('Everything is paused: ', ''));
/** What is raised at the same moment may come in any order. */
const hears = async (ear: Ear, titles: readonly string[]) => {
  await until(`${titles.join()} is heard`, async () => (titlesOf(ear).length >= titles.length ? ear : null));
  expect([...titlesOf(ear)].sort()).toEqual([...titles].sort());
};
/** Waits until all that was told has its place in the log: what has none yet is news to whoever listens from now on. */
const placed = () =>
  until('everything has its place', async () => {
    const rows = house
      .database()
      .prepare('select (select count(*) from records) - (select count(*) from leaves) as n')
      .get() as { readonly n: number }; // by its text
    return rows.n === 0 ? rows : null;
  });
const lastId = ({ heard }: Ear): string => heard.at(-1)?.id ?? '';

describe('the stream of what one is told', () => {
  it('says when it is live, and brings each notice of the own ones once', async () => {
    const [mine, others] = await Promise.all([listen(house, officer), listen(house, await house.person('AUDITOR'))]);
    expect([mine.status, others.status]).toEqual([200, 200]);
    await until('it is live', async () => mine.heard[0] ?? null);
    expect(mine.heard[0]).toMatchObject({ event: 'hello', data: {} });
    const first = await news();
    const second = await news();
    await hears(mine, [first, second]);
    expect(mine.heard.at(-1)?.data).toMatchObject({ kind: 'guard.paused', status: 'UNREAD', userId: officer.id });
    expect(titlesOf(others)).toEqual([]);
    for (const ear of [mine, others]) ear.close();
  });

  it('goes on behind the last event that was seen, over a restart too: nothing is lost, nothing comes twice', async () => {
    await placed();
    const before = await listen(house, officer);
    const first = await news();
    await hears(before, [first]);
    before.close();
    const missed = [await news(), await news()];
    await until('both were told', async () => {
      const { body } = await officer.api('GET', '/api/notifications?limit=200');
      return JSON.stringify(body.data).includes(missed[1] ?? '') ? body : null;
    });
    const again = await listen(house, officer, lastId(before));
    await hears(again, missed);
    again.close();
    await house.restart();
    const third = await news();
    const after = await listen(house, officer, lastId(before));
    await hears(after, [...missed, third]);
    const fourth = await news();
    await hears(after, [...missed, third, fourth]);
    const ids = after.heard.map(({ id }) => Number(id));
    expect(ids).toEqual([...ids].sort((left, right) => left - right));
    after.close();
  });

  it('asks to read the list anew where the last event is of another journal', async () => {
    const ear = await listen(house, officer, '99999999');
    await until('it is live', async () => ear.heard[0] ?? null);
    expect(ear.heard).toMatchObject([{ event: 'reset' }]);
    ear.close();
  });

  it('is refused to who has no right to it, and to who would wait for its end', async () => {
    const headers = { accept: 'text/event-stream' };
    expect((await house.anonymous('GET', STREAM, undefined, headers)).status).toBe(401);
    expect((await house.apiOf('fbk_wrong')('GET', STREAM, undefined, headers)).status).toBe(401);
    expect((await (await house.service('SECURITY_ADMIN')).api('GET', STREAM, undefined, headers)).status).toBe(403);
    const plain = await officer.api('GET', STREAM);
    expect([plain.status, plain.body.errors?.[0]?.pointer]).toEqual([400, '/accept']);
    const wrong = await officer.api('GET', STREAM, undefined, { ...headers, 'last-event-id': '-1' });
    expect([wrong.status, wrong.body.errors?.[0]?.pointer]).toEqual([400, '/last-event-id']);
    expect((await officer.api('HEAD', STREAM, undefined, headers)).status).toBe(405);
  });

  it('is open so often for one person, and again when one is closed', async () => {
    const ears = await Promise.all(Array.from({ length: MAX_STREAMS_OF_ONE }, () => listen(house, admin2)));
    expect(ears.map(({ status }) => status)).toEqual(ears.map(() => 200));
    expect((await listen(house, admin2)).status).toBe(429);
    const other = await listen(house, officer);
    expect(other.status).toBe(200);
    other.close();
    ears[0]?.close();
    await until('there is room again', async () => {
      const next = await listen(house, admin2);
      next.close();
      return next.status === 200 ? next : null;
    });
    for (const ear of ears) ear.close();
  });

  it('ends when the key is revoked, and brings nothing more', async () => {
    const { body } = await officer.api('POST', '/api/keys', { name: 'listens' });
    await placed();
    const ear = await listen(house, { key: body.data.secret });
    const first = await news();
    await hears(ear, [first]);
    expect((await officer.api('DELETE', `/api/keys/${body.data.id}`)).status).toBe(200);
    await news();
    await ear.ended;
    expect(titlesOf(ear)).toEqual([first]);
  });

  it('brings what was read elsewhere, one by one and all together', async () => {
    await placed();
    const ear = await listen(house, admin2);
    const first = await news();
    await hears(ear, [first]);
    const unread = async () => (await admin2.api('GET', '/api/notifications/unread')).body.data.unread;
    const before = await unread();
    expect(before).toBeGreaterThan(1);
    const { id } = ear.heard.at(-1)?.data ?? {};
    expect((await admin2.api('POST', `/api/notifications/${id}/read`)).status).toBe(200);
    const read = () => ear.heard.filter(({ event }) => event === 'read');
    await until('it is heard', async () => (read().length > 0 ? read() : null));
    expect(read()).toMatchObject([{ data: { id, status: 'READ' } }]);
    expect(await unread()).toBe(before - 1);
    const others = await (async () => (await officer.api('GET', '/api/notifications/unread')).body.data.unread)();
    expect((await admin2.api('POST', '/api/notifications/read')).body.data).toMatchObject({
      read: before - 1,
      unread: 0,
    });
    expect(await unread()).toBe(0);
    expect((await admin2.api('POST', '/api/notifications/read')).body.data).toMatchObject({ read: 0, unread: 0 });
    expect((await officer.api('GET', '/api/notifications/unread')).body.data.unread).toBe(others);
    await until('all are heard', async () => (read().length === before ? read() : null));
    ear.close();
  });

  it('does not keep the server from stopping', async () => {
    const ear = await listen(house, officer);
    expect(ear.status).toBe(200);
    await house.restart();
    await ear.ended;
  });
});
