import { Option, type Command } from 'commander';
import type { CommandRoom } from './governance-commands.ts';

/** `firebreak runbooks`: what a running server does about alerts, by their severity. The key is in FIREBREAK_API_KEY. */
export function addRunbookCommands({ program, io, exitWith }: CommandRoom): void {
  const runbooks = program.command('runbooks').description('what is done about an alert, by its severity');
  asking(runbooks.command('list'))
    .description('the runbooks, one line each')
    .action(async (options) => {
      const { listRunbooksCommand } = await import('./runbooks.ts');
      return exitWith(listRunbooksCommand(options, io));
    });
  asking(runbooks.command('show'))
    .description('the text of a runbook as it was put; --json: everything about it')
    .argument('<runbook>')
    .option('--version <number>', 'a former version')
    .action(async (id: string, options) => {
      const { showRunbookCommand } = await import('./runbooks.ts');
      return exitWith(showRunbookCommand(id, options, io));
    });
  asking(runbooks.command('put'))
    .description('make a runbook of a YAML or JSON file, or a new version of it')
    .argument('<runbook>')
    .argument('<file>', '- reads YAML from the standard input')
    .option('--disabled', 'keep it, and do not run it', false)
    .action(async (id: string, file: string, options) => {
      const { putRunbookCommand } = await import('./runbooks.ts');
      return exitWith(putRunbookCommand(id, file, options, io));
    });
}

function asking(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'server').default('http://127.0.0.1:3000'))
    .option('--json', 'one JSON line', false);
}
