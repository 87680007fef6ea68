import { Option } from 'commander';
import { RETENTION_CLASSES } from '../platform/retention-config.ts';
import type { CommandRoom } from './command-room.ts';

/**
 * Commands about a journal as a whole; they work on its store, without a server.
 * @param dataDir where it lies unless an option says otherwise
 */
export function addJournalCommands({ program, io, exitWith }: CommandRoom, dataDir: string): void {
  program
    .command('archive')
    .description('move what ended before a time to an archive that verifies offline, and take it out of the journal')
    .option('--before <time>', 'RFC 3339 time, or days ago (90d); usually as RETENTION_DAYS says')
    .addOption(new Option('--class <class...>', 'only these').choices(RETENTION_CLASSES))
    .requiredOption('--out <directory>', 'where the archive is written; one that is there already is finished with')
    .option('--data <dir>', 'data directory of the journal (DATA_DIR)', dataDir)
    .option('--keys <file>', 'public keys of the log, where the signing key lies elsewhere')
    .option('--json', 'one JSON line', false)
    .action(async (options) => {
      const { archiveCommand } = await import('./archive.ts');
      return exitWith(archiveCommand(options, io));
    });

  program
    .command('retention')
    .description(
      'what is past its term (RETENTION_DAYS) and would be archived now; exit code 2 where there is something',
    )
    .option('--data <dir>', 'data directory of the journal (DATA_DIR)', dataDir)
    .option('--json', 'one JSON line', false)
    .action(async (options) => {
      const { retentionCommand } = await import('./retention.ts');
      return exitWith(retentionCommand(options, io));
    });

  program
    .command('migrate')
    .description("bring the journal's schema up to date (DATABASE_URL, or the file in the data directory)")
    .option('--data <dir>', 'data directory of the journal (DATA_DIR)', dataDir)
    .option('--json', 'one JSON line', false)
    .action(async (options) => {
      const { migrateCommand } = await import('./migrate.ts');
      return exitWith(migrateCommand(options, io));
    });

  program
    .command('journal')
    .description('the journal as a whole')
    .command('copy')
    .description('copy a journal into an empty PostgreSQL database, verify it there, and seal the one it came from')
    .option('--from <place>', 'sqlite:DIR', `sqlite:${dataDir}`)
    .option('--to <place>', 'postgres:URL, or postgres for the database of DATABASE_URL', 'postgres')
    .option('--json', 'one JSON line', false)
    .action(async (options) => {
      const { journalCopyCommand } = await import('./journal-copy.ts');
      return exitWith(journalCopyCommand(options, io));
    });
}
