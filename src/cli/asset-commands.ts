import { Argument, Option } from 'commander';
import { asking, type CommandRoom } from './command-room.ts';

const TYPES = ['user', 'host', 'segment', 'ip', 'vendor'];
const FORMAT = new Option('--format <format>', 'where the name of the file does not say it').choices([
  'json',
  'yaml',
  'csv',
]);

/** Commands for what the organisation has, and for what is decided by it. */
export function addAssetCommands(room: CommandRoom): void {
  const { program, io, exitWith } = room;
  vendorCommands(room);
  const inventory = program.command('inventory').description('assets, how much they matter, and what they hold');
  asking(inventory.command('show'))
    .description('the version in force; with a type and an id, one asset')
    .addArgument(new Argument('[type]').choices(TYPES))
    .argument('[id]', 'an id, an alias, or an address in a network')
    .action(async (type: string | undefined, id: string | undefined, options) => {
      const { showInventoryCommand } = await import('./inventory.ts');
      return exitWith(showInventoryCommand(type === undefined || id === undefined ? null : { type, id }, options, io));
    });
  asking(inventory.command('put'))
    .description('replace the whole inventory by a JSON, YAML or CSV file')
    .argument('<file>', '- for standard input')
    .addOption(FORMAT)
    .action(async (file: string, options) => {
      const { putInventoryCommand } = await import('./inventory.ts');
      return exitWith(putInventoryCommand(file, options, io));
    });
  asking(inventory.command('check'))
    .description('look for faults in a file, without a server; exit code 1 where it has some')
    .argument('<file>', '- for standard input')
    .addOption(FORMAT)
    .action(async (file: string, options) => {
      const { checkInventoryCommand } = await import('./inventory.ts');
      return exitWith(checkInventoryCommand(file, options, io));
    });
  const matrix = program
    .command('matrix')
    .description('which severity and approvers an impact and a confidence ask for');
  asking(matrix.command('show'))
    .description('the decision matrix in force')
    .option('--markdown', 'as the table of a page', false)
    .action(async (options) => {
      const { showMatrixCommand } = await import('./matrix.ts');
      return exitWith(showMatrixCommand(options, io));
    });
  asking(matrix.command('set'))
    .description('replace it by a YAML or JSON file, for example by what `matrix show --json` printed')
    .argument('<file>', '- for standard input')
    .action(async (file: string, options) => {
      const { setMatrixCommand } = await import('./matrix.ts');
      return exitWith(setMatrixCommand(file, options, io));
    });
}

function vendorCommands({ program, io, exitWith }: CommandRoom): void {
  const vendors = program.command('vendors').description('third parties, what hangs on them, and who of us is told');
  asking(vendors.command('list'))
    .description('the vendors, one line each')
    .action(async (options) => {
      const { listVendorsCommand } = await import('./vendors.ts');
      return exitWith(listVendorsCommand(options, io));
    });
  asking(vendors.command('set'))
    .description('describe a vendor by a YAML or JSON file, or replace the whole of it')
    .argument('<vendor>')
    .argument('<file>', '- for standard input')
    .action(async (id: string, file: string, options) => {
      const { setVendorCommand } = await import('./vendors.ts');
      return exitWith(setVendorCommand(id, file, options, io));
    });
  asking(vendors.command('affected'))
    .description('which vendors an incident touches, and who else hangs on them')
    .argument('<incident>')
    .action(async (id: string, options) => {
      const { affectedCommand } = await import('./vendors.ts');
      return exitWith(affectedCommand(id, options, io));
    });
  asking(vendors.command('escalations'))
    .description('escalations that nobody has taken')
    .option('--all', 'those that somebody has taken too', false)
    .action(async (options) => {
      const { listEscalationsCommand } = await import('./vendors.ts');
      return exitWith(listEscalationsCommand(options, io));
    });
  asking(vendors.command('acknowledge'))
    .description('say that you have it: no further level is told')
    .argument('<escalation>')
    .requiredOption('--note <text>', 'what you do')
    .action(async (id: string, options) => {
      const { acknowledgeCommand } = await import('./vendors.ts');
      return exitWith(acknowledgeCommand(id, options, io));
    });
}
