import { Option, type Command } from 'commander';
import { ARTIFACT_KINDS } from '../pipeline/actions/desks.ts';
import { asking, type CommandRoom } from './command-room.ts';

/** Commands about artefacts and their custody, under `firebreak evidence`; bundles of them are in `evidence-bundle-commands.ts`. */
export function addEvidenceCommands(evidence: Command, { io, exitWith }: Omit<CommandRoom, 'program'>): void {
  asking(evidence.command('list'))
    .description('what was preserved, the newest first')
    .option('--incident <id>', 'only that of an incident')
    .option('--execution <id>', 'only that of an execution')
    .addOption(new Option('--kind <kind>', 'only of a kind').choices(ARTIFACT_KINDS))
    .option('--status <status>', 'collecting, preserved, partial, failed, disposing or disposed')
    .option('--held', 'only what a legal hold stands on', false)
    .option('--alarmed', 'only what is not as it was left', false)
    .action(async (options) => exitWith((await import('./evidence.ts')).listEvidenceCommand(options, io)));
  asking(evidence.command('show'))
    .description('one artefact and its custody, oldest first; exit code 1 where it is not as it was left')
    .argument('<evidence>')
    .action(async (id: string, options) =>
      exitWith((await import('./evidence.ts')).showEvidenceCommand(id, options, io)),
    );
  putCommand(evidence, { io, exitWith });
  asking(evidence.command('download'))
    .description(
      'write the bytes to a new file, which is there only if both digests are right; the access is on record',
    )
    .argument('<evidence>')
    .requiredOption('--out <file>', 'the file that is written; never over another')
    .requiredOption('--reason <text>', 'why: kept in its custody')
    .action(async (id: string, options) =>
      exitWith((await import('./evidence-download.ts')).downloadEvidenceCommand(id, options, io)),
    );
  asking(evidence.command('transfer'))
    .description('record that somebody else has it; its bytes are read again for that')
    .argument('<evidence>')
    .requiredOption('--from <text>', 'who had it')
    .requiredOption('--to <text>', 'who has it now')
    .requiredOption('--reason <text>', 'why')
    .option('--sha256 <digest>', 'as whoever has it now computed it; another one raises the alarm')
    .action(async (id: string, options) =>
      exitWith((await import('./evidence.ts')).transferEvidenceCommand(id, options, io)),
    );
  asking(evidence.command('dispose'))
    .description('let it go for good, after its term, before a witness')
    .argument('<evidence>')
    .requiredOption('--witness <user>', 'another person, who saw it')
    .requiredOption('--reason <text>', 'why')
    .addOption(new Option('--how <how>', 'what became of it').choices(['destroyed', 'returned']).default('destroyed'))
    .action(async (id: string, options) =>
      exitWith((await import('./evidence.ts')).disposeEvidenceCommand(id, options, io)),
    );
  holdCommands(evidence, { io, exitWith });
}

function putCommand(evidence: Command, { io, exitWith }: Omit<CommandRoom, 'program'>): void {
  asking(evidence.command('put'))
    .description('hand in a file of any size; what the server keeps is compared with what was read')
    .argument('<file>', '/dev/stdin for what comes through a pipe')
    .option('--incident <id>', 'to which incident it belongs')
    .option('--execution <id>', 'to which execution it belongs')
    .addOption(new Option('--kind <kind>', 'what it is; file when absent').choices(ARTIFACT_KINDS))
    .option('--name <name>', "what it is called; the file's own name when absent")
    .option('--system <word>', 'the kind of system that it comes from')
    .option('--host <name>', 'the host or account that it comes from')
    .option('--location <path>', 'where it lay there')
    .option('--method <text>', 'tool and exact command with which it was taken')
    .option('--parent <evidence>', 'the artefact that it was made of')
    .option('--working-copy', 'it is a working copy, not the original', false)
    .option('--not-personal', 'it holds no personal data', false)
    .option('--sha256 <digest>', 'what it has to be: other bytes are refused')
    .action(async (file: string, options) =>
      exitWith((await import('./evidence-put.ts')).putEvidenceCommand(file, options, io)),
    );
}

function holdCommands(evidence: Command, { io, exitWith }: Omit<CommandRoom, 'program'>): void {
  asking(evidence.command('holds'))
    .description('legal holds, the newest first')
    .option('--status <status>', 'standing or released')
    .action(async (options) => exitWith((await import('./evidence.ts')).listHoldsCommand(options, io)));
  asking(evidence.command('hold'))
    .description('set a legal hold: nothing that it is about is destroyed while it stands')
    .option('--incident <id>', 'on all evidence of an incident, what comes later included')
    .option('--evidence <id>', 'on one artefact')
    .requiredOption('--reason <text>', 'why')
    .action(async (options) => exitWith((await import('./evidence.ts')).holdEvidenceCommand(options, io)));
  asking(evidence.command('release'))
    .description('lift a legal hold that another person has set')
    .argument('<hold>', 'as `evidence holds` printed it')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, options) =>
      exitWith((await import('./evidence.ts')).releaseHoldCommand(id, options, io)),
    );
}
