import { inspect } from 'node:util';
import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { ownCertificate } from '../../../tests/support/mail-server.ts';
import { openOn } from '../../../tests/support/postgres-place.ts';
import {
  databaseWithCertificate,
  databaseWithOtherPassword,
  databaseWithoutTls,
  type RefusingDatabase,
} from '../../../tests/support/refusing-databases.ts';
import { StoreUnavailableError } from '../journal.ts';
import { connect, openLine, openReadPool, type Address } from './connection.ts';
import { connectionLost, scrubberFor, storeFault } from './faults.ts';

/** Faults on the way to a database that are not a server's own words. */

const certificate = ownCertificate();

describe('what breaks a connection that was open', () => {
  it.each(['ECONNRESET', 'EAI_AGAIN', 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'ERR_STREAM_DESTROYED'])(
    '%s is trouble with the store',
    (code) => {
      const thrown = Object.assign(new Error('broken'), { code });
      expect(connectionLost(thrown)).toBe(true);
      expect(storeFault(thrown, (text) => text, true)).toMatchObject({ name: 'StoreUnavailableError', unknown: true });
    },
  );

  it.each(['ERR_INVALID_ARG_TYPE', 'ERR_OUT_OF_RANGE'])('%s is a mistake in this program', (code) => {
    const thrown = Object.assign(new TypeError('a number is needed'), { code });
    expect(connectionLost(thrown)).toBe(false);
    expect(storeFault(thrown, (text) => text, true)).toBe(thrown);
  });
});

describe('what a server says of itself', () => {
  it.each([
    ['XX001', 'invalid page in block 7 of relation base/5/16389'],
    ['XX002', 'index "streams_name_key" contains unexpected zero page at block 3'],
  ])('%s is trouble with the store, as a file of SQLite is that was damaged', (code, message) => {
    const thrown = Object.assign(new DatabaseError(message, message.length, 'error'), { code });
    expect(connectionLost(thrown)).toBe(false);
    expect(storeFault(thrown, (text) => text, false)).toMatchObject({ name: 'StoreUnavailableError', unknown: false });
  });
});

describe('a database that lets nobody in', () => {
  const refusals: readonly (readonly [what: string, start: () => Promise<RefusingDatabase>, why: RegExp])[] = [
    ['agrees to TLS and speaks something else', databaseWithoutTls, /wrong version number|packet length/],
    ['knows another password', databaseWithOtherPassword, /password authentication failed .*\(28P01\)/],
  ];
  const distrusted =
    certificate === null
      ? []
      : ([
          [
            'shows a certificate that nobody trusts',
            () => databaseWithCertificate(certificate),
            /self.signed certificate/,
          ],
        ] as const);

  it.each([...refusals, ...distrusted])(
    'because it %s is a store that is away, and why is said',
    async (_, start, why) => {
      const database = await start();
      const address: Address = { url: database.url, scrub: scrubberFor(database.url) };
      const pool = openReadPool(address);
      const asked = await Promise.allSettled([
        connect(address, 'test'),
        openLine(address, () => 'test').run(async () => null),
        pool.query('select 1'),
        openOn(database.url),
      ]);
      for (const each of asked) {
        const reason: unknown = each.status === 'rejected' ? each.reason : null;
        expect(reason).toBeInstanceOf(StoreUnavailableError);
        expect(reason).toMatchObject({ unknown: false, message: expect.stringMatching(why) });
        expect(inspect(reason, { depth: 9, showHidden: true })).not.toMatch(/not to be shown|not%20to%20be%20shown/);
      }
      await pool.close();
      await database.close();
    },
  );
});
