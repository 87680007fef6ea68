import { FirebreakError } from '../../platform/errors.ts';
import { requireSafeServer } from './birth.ts';
import { inTransaction, openLine } from './connection.ts';
import { scrubberFor, storeFault } from './faults.ts';
import { lockSchema, migrate } from './migrate.ts';

/**
 * Brings the schema of a database up to date, also while servers use it; makes an empty one ready.
 * @throws FirebreakError `conflict`; StoreUnavailableError.
 */
export async function migratePostgres(url: string): Promise<{ readonly from: number; readonly to: number }> {
  const address = { url, scrub: scrubberFor(url) };
  const line = openLine(address, () => 'migrate');
  try {
    return await inTransaction(line, async (client) => {
      await requireSafeServer(client);
      await lockSchema(client);
      return migrate(client, 'command');
    });
  } catch (thrown) {
    throw thrown instanceof FirebreakError ? thrown : storeFault(thrown, address.scrub, false);
  } finally {
    await line.close();
  }
}
