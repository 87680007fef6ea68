import { systemClock } from '../platform/clock.ts';
import { startSandboxCompany } from './server.ts';

/**
 * The sandbox company as a process of its own, so that it outlives a crash of the server under test.
 *
 * Environment: `SANDBOX_TOKEN` (required; not an argument, because arguments are visible to everybody on the
 * machine), `SANDBOX_PORT` (default 0: any free one), `SANDBOX_SEED` (default 1), `SANDBOX_EMPTY=1` (no default
 * company), `SANDBOX_NOW` (ms since 1970: business time stands there until POST /clock moves it),
 * `SANDBOX_MAX_LEDGER_ENTRIES`. Prints one JSON line `{"url":…,"pid":…}` when it listens; ends on SIGTERM or SIGINT.
 */

function integer(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  if (!/^[0-9]{1,15}$/.test(text)) throw new Error(`${name} has to be a whole number`);
  return Number(text);
}

async function run(): Promise<void> {
  const token = process.env['SANDBOX_TOKEN'];
  if (token === undefined) throw new Error('SANDBOX_TOKEN has to be set');
  const standing = integer('SANDBOX_NOW');
  const seed = integer('SANDBOX_SEED');
  const maxLedgerEntries = integer('SANDBOX_MAX_LEDGER_ENTRIES');
  const company = await startSandboxCompany({
    port: integer('SANDBOX_PORT') ?? 0,
    token,
    clock: standing === undefined ? systemClock() : { now: () => standing },
    empty: process.env['SANDBOX_EMPTY'] === '1',
    ...(seed === undefined ? {} : { seed }),
    ...(maxLedgerEntries === undefined ? {} : { maxLedgerEntries }),
  });
  const stop = (): void => {
    void company.stop().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${JSON.stringify({ url: company.url, pid: process.pid })}\n`);
}

run().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
