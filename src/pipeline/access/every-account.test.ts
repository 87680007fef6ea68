import { describe, expect, it } from 'vitest';
import { everyAccountOf } from './every-account.ts';

const user = (id: string, email: string | null, ...linkedAccounts: string[]) => ({ id, email, linkedAccounts });

describe('every account of somebody', () => {
  const users = [
    user('usr_1', 'ann@soc.example', 'ann@acme.example'),
    user('usr_2', null, 'usr_1'),
    user('usr_3', 'bob@soc.example', ''),
    user('usr_4', null, ''),
  ];

  it('is found through links of links, in any direction and any order', () => {
    const anns = ['ann@acme.example', 'ann@soc.example', 'usr_1', 'usr_2'];
    for (const list of [users, users.toReversed()])
      for (const id of [...anns, ' ANN@acme.example']) expect([...everyAccountOf(list, [id])].sort()).toEqual(anns);
  });

  it('is the account itself of whom nobody knows, and an empty link joins nobody', () => {
    expect([...everyAccountOf(users, ['Zoe'])]).toEqual(['zoe']);
    expect([...everyAccountOf(users, ['usr_4'])]).toEqual(['usr_4']);
    expect([...everyAccountOf(users, [])]).toEqual([]);
  });
});
