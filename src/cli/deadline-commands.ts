import { addDeadlineKeepingCommands } from './deadline-keeping-commands.ts';
import { asking, type CommandRoom } from './command-room.ts';

/** Commands for people who keep regulatory clocks; each asks a running server with the key in FIREBREAK_API_KEY. */
export function addDeadlineCommands({ program, io, exitWith }: CommandRoom): void {
  const deadlines = program.command('deadlines').description('regulatory clocks; nothing is ever sent to an authority');
  asking(deadlines.command('list'))
    .description('clocks, the soonest due first')
    .option('--incident <id>', 'only those of an incident')
    .option('--status <status>', 'waiting, running, paused, overdue, uncounted, met or not_applicable')
    .action(async (options) => exitWith((await import('./deadlines.ts')).listDeadlinesCommand(options, io)));
  asking(deadlines.command('show'))
    .description('one clock with how each stage was counted; exit code 1 where a stage is overdue')
    .argument('<deadline>')
    .action(async (id: string, options) =>
      exitWith((await import('./deadlines.ts')).showDeadlineCommand(id, options, io)),
    );
  asking(deadlines.command('rules'))
    .description('by which rules clocks count, and which of them are on')
    .action(async (options) => exitWith((await import('./deadlines.ts')).listDeadlineRulesCommand(options, io)));
  asking(deadlines.command('start'))
    .description('start a clock by a rule; without an event it waits for one')
    .argument('<rule>', 'as `deadlines rules` printed it')
    .option('--incident <id>', 'the incident that it is about')
    .option('--event <kind>', 'what starts it, for example aware')
    .option('--at <time>', 'when that was, RFC 3339')
    .option('--reason <text>', 'why it counts as that')
    .action(async (rule: string, options) =>
      exitWith((await import('./deadlines.ts')).startDeadlineCommand(rule, options, io)),
    );
  asking(deadlines.command('event'))
    .description('record a start event, or correct one')
    .argument('<deadline>')
    .requiredOption('--kind <kind>', 'for example determined_material')
    .requiredOption('--at <time>', 'when that was, RFC 3339')
    .requiredOption('--reason <text>', 'why it counts as that')
    .action(async (id: string, options) =>
      exitWith((await import('./deadlines.ts')).recordEventCommand(id, options, io)),
    );
  asking(deadlines.command('submit'))
    .description('record what somebody handed in; nothing is sent')
    .argument('<deadline>')
    .argument('<stage>')
    .requiredOption('--at <time>', 'when it was handed in, RFC 3339')
    .requiredOption('--reference <text>', 'as the authority calls it')
    .requiredOption('--person <name>', 'who handed it in')
    .option('--evidence <id>', 'the receipt in custody')
    .action(async (id: string, stage: string, options) =>
      exitWith((await import('./deadlines.ts')).submitDeadlineCommand(id, stage, options, io)),
    );
  asking(deadlines.command('not-applicable'))
    .description('say that the rule does not apply')
    .argument('<deadline>')
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--person <name>', 'who says so')
    .action(async (id: string, options) =>
      exitWith((await import('./deadlines.ts')).notApplicableCommand(id, options, io)),
    );
  addDeadlineKeepingCommands(deadlines, { io, exitWith });
}
