import { Option, type Command } from 'commander';
import { isVaultRef } from '../pipeline/evidence/vault.ts';
import { asking, type CommandRoom } from './command-room.ts';

/** Commands about evidence bundles, under `firebreak evidence`. */
export function addBundleCommands(evidence: Command, { io, exitWith }: Omit<CommandRoom, 'program'>): void {
  evidence
    .command('export')
    .description(
      'have a running server make a signed bundle of an incident, for people outside; the export is on record',
    )
    .requiredOption('--incident <id>', 'the incident')
    .requiredOption('--out <file>', 'the archive that is written; never over another')
    .requiredOption('--reason <text>', 'for whom and why: kept in the custody of each artefact')
    .option('--without <id...>', 'evidence that stays out; the manifest says so')
    .addOption(new Option('--url <url>', 'server').default('http://127.0.0.1:3000'))
    .option('--json', 'one JSON line', false)
    .action(async (options) => {
      const { evidenceExportCommand } = await import('./evidence-export.ts');
      return exitWith(evidenceExportCommand(options, io));
    });
  asking(evidence.command('verify'))
    .description('verify a bundle offline, without a server; or have the server read an artefact again')
    .argument('<bundle or evidence>', 'an archive, the folder that it was unpacked to, or the id of an artefact')
    .option('--key <key>', 'the key of the log that you were given: a line of `audit key`, or a file of such lines')
    .option(
      '--anchor <file>',
      'checkpoints that were published elsewhere; one of them must be in the log of the bundle',
    )
    .option('--tsa-ca <file>', 'roots of time-stamping authorities that you trust, in PEM')
    .action(async (what: string, options) => {
      // An id looks like no path that anybody writes; a file of that name is ./evd_….
      if (isVaultRef(what)) return exitWith((await import('./evidence.ts')).examineEvidenceCommand(what, options, io));
      const { evidenceVerifyCommand } = await import('./evidence-verify.ts');
      return exitWith(evidenceVerifyCommand({ ...options, bundle: what }, io));
    });
}
