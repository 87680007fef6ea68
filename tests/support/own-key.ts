import type { Harness, Person } from './server.ts';

/** The person with a key that nobody else has seen: the harness's own ones were all made by the administrator. */
export async function withOwnKey(house: Harness, person: Person): Promise<Person> {
  const { body } = await person.api('POST', '/api/keys', { name: 'own' });
  const key: string = body.data.secret;
  return { ...person, key, api: house.apiOf(key) };
}
