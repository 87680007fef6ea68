import { Option } from 'commander';
import { asking, type CommandRoom } from './command-room.ts';

/** The commands about runbooks: as files, and in a running server, which does by them what the severity of an alert says. */
export function addRunbookCommands({ program, io, exitWith }: CommandRoom): void {
  program
    .command('validate')
    .description(
      'judge runbooks and playbook documents without a server; exit code 1 for errors, 2 for what cannot be read',
    )
    .argument('[path...]', 'files, or folders that are walked')
    .addOption(
      new Option('--format <name>', 'text for people, json, sarif for code scanning, github for annotations')
        .choices(['text', 'json', 'sarif', 'github'] as const)
        .default('text' as const),
    )
    .option('--fix', 'mend what can be mended by itself', false)
    .option('--schema', 'print the JSON Schema of runbooks for editors, and do nothing else', false)
    .option('--strict', 'warnings count as errors', false)
    .option('--connectors <name...>', 'connectors of your server besides the usual ones')
    .action(async (paths: string[], options) => {
      const { validateCommand } = await import('./validate.ts');
      return exitWith(validateCommand(paths, options, io));
    });
  asking(program.command('sync'))
    .description(
      'make the runbooks of the server those of a Git commit; exit code 0: in step, 2: --check found drift, 1: an error',
    )
    .argument('[repository]', 'a path, or an https or ssh address', '.')
    .option('--ref <name>', 'a branch, a tag or a whole commit id', 'HEAD')
    .option('--folder <path>', 'only this folder of the repository', '')
    .option('--origin <name>', 'what records call the repository, where its path says little')
    .option('--allowed-signers <file>', 'keys that count, as ssh-keygen reads them')
    .option('--allow-older', 'go back to an older commit on purpose', false)
    .option('--pull', 'have the server read its own repository (RUNBOOKS_GIT) again, and read none here', false)
    .option('--check', 'compare only', false)
    .action(async (repository: string, options) => {
      const { syncCommand } = await import('./sync.ts');
      return exitWith(syncCommand(repository, options, io));
    });
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
