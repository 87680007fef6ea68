import { asking, type CommandRoom } from './command-room.ts';

/** Commands about the right by which personal data are touched. */
export function addLawfulBasisCommands({ program, io, exitWith }: CommandRoom): void {
  const bases = program.command('lawful-basis').description('by what right personal data are touched');
  asking(bases.command('show'))
    .description('what is on record; exit code 1 while something is open or has to be looked at again')
    .action(async (options) => exitWith((await import('./lawful-basis.ts')).showLawfulBasisCommand(options, io)));
  asking(bases.command('set'))
    .description('replace all of it by what a YAML or JSON file says')
    .argument('<file>', '- reads the standard input')
    .option('--if-version <number>', 'only while this is its version')
    .action(async (file: string, options) =>
      exitWith((await import('./lawful-basis.ts')).setLawfulBasisCommand(file, options, io)),
    );
}
