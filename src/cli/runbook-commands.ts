import { Option } from 'commander';
import type { CommandRoom } from './governance-commands.ts';

/** The commands about runbooks as files. */
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
}
