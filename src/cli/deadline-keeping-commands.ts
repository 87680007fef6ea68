import { Option, type Command } from 'commander';
import { asking, type CommandRoom } from './command-room.ts';

/** Commands about deadlines that are moved, what an organisation sets about them, and the register of breaches. */
export function addDeadlineKeepingCommands(deadlines: Command, { io, exitWith }: Omit<CommandRoom, 'program'>): void {
  granting(deadlines.command('extend'))
    .description('record that a stage was extended; only ever to later')
    .argument('<deadline>')
    .argument('<stage>')
    .requiredOption('--until <time>', 'RFC 3339')
    .action(async (id: string, stage: string, options) =>
      exitWith((await import('./deadlines.ts')).extendDeadlineCommand(id, stage, options, io)),
    );
  for (const [verb, says] of [
    ['pause', 'let a clock stand still'],
    ['resume', 'let a paused clock go on'],
  ] as const)
    granting(deadlines.command(verb))
      .description(says)
      .argument('<deadline>')
      .action(async (id: string, options) =>
        exitWith((await import('./deadlines.ts')).pauseDeadlineCommand(id, verb, options, io)),
      );
  settingsCommands(deadlines, { io, exitWith });
  const register = deadlines.command('register').description('personal-data breaches (GDPR Art. 33(5))');
  asking(register.command('list'))
    .description('all entries, the newest first')
    .addOption(new Option('--format <format>', 'how').choices(['table', 'csv', 'json']).default('table'))
    .action(async (options) => exitWith((await import('./breach-register.ts')).breachRegisterCommand(options, io)));
  asking(register.command('show'))
    .description('the entry of an incident; exit code 1 while facts, effects or remedial action are missing')
    .argument('<incident>')
    .action(async (id: string, options) =>
      exitWith((await import('./breach-register.ts')).showBreachCommand(id, options, io)),
    );
  asking(register.command('set'))
    .description('replace the entry of an incident by what a YAML or JSON file says')
    .argument('<incident>')
    .argument('<file>', '- reads the standard input')
    .option('--if-version <number>', 'only while this is its version')
    .action(async (id: string, file: string, options) =>
      exitWith((await import('./breach-register.ts')).setBreachCommand(id, file, options, io)),
    );
}

function settingsCommands(deadlines: Command, { io, exitWith }: Omit<CommandRoom, 'program'>): void {
  asking(deadlines.command('confirm'))
    .description('switch a rule, or one of its reliefs, on or off, having looked it up')
    .argument('<rule>', 'as `deadlines rules` printed it')
    .option('--what <switch>', 'the rule itself, or one of its reliefs', 'rule')
    .option('--off', 'off instead of on', false)
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--reference <text>', 'where it was looked up')
    .action(async (rule: string, options) =>
      exitWith((await import('./deadline-settings.ts')).confirmRuleCommand(rule, options, io)),
    );
  asking(deadlines.command('applicability'))
    .description('which rules apply to an incident, and why; exit code 1 while one is undecided')
    .argument('<incident>')
    .action(async (id: string, options) =>
      exitWith((await import('./deadline-settings.ts')).applicabilityCommand(id, options, io)),
    );
  asking(deadlines.command('answer'))
    .description('answer questions about an incident; what is not named stays')
    .argument('<incident>')
    .argument('<answers...>', 'for example personal_data=yes high_risk=unknown')
    .action(async (id: string, answers: readonly string[], options) =>
      exitWith((await import('./deadline-settings.ts')).answerApplicabilityCommand(id, answers, options, io)),
    );
  const settings = deadlines.command('settings').description('what the organisation says of itself and of its clocks');
  asking(settings.command('show'))
    .description('answers, calendars and reminders; questions that nobody answered come first')
    .action(async (options) =>
      exitWith((await import('./deadline-settings.ts')).showDeadlineSettingsCommand(options, io)),
    );
  asking(settings.command('set'))
    .description('replace the whole of it by what a YAML or JSON file says')
    .argument('<file>', '- reads the standard input')
    .option('--if-version <number>', 'only while this is its version')
    .action(async (file: string, options) =>
      exitWith((await import('./deadline-settings.ts')).setDeadlineSettingsCommand(file, options, io)),
    );
}

/** Of commands that move a deadline, which somebody agrees to. */
function granting(command: Command): Command {
  return asking(command)
    .requiredOption('--reason <text>', 'why')
    .requiredOption('--approver <name>', 'who agreed to it')
    .option('--reference <text>', 'where that is written');
}
