import { asking, type CommandRoom } from './command-room.ts';

/** Commands about what people may ask about their data. */
export function addPersonCommands({ program, io, exitWith }: CommandRoom): void {
  const persons = program.command('persons').description('what is held on people, and being forgotten');
  asking(persons.command('export'))
    .description('everything that is held on an account, one line of JSON each; it is put on record')
    .requiredOption('--account <name>', 'as events name it')
    .requiredOption('--reason <text>', 'kept with it')
    .requiredOption('--out <file>', 'a new file')
    .action(async (options) => exitWith((await import('./persons.ts')).exportPersonCommand(options, io)));
  asking(persons.command('erase'))
    .description('ask for the erasure of an account; another person has to confirm it')
    .requiredOption('--account <name>', 'as events name it')
    .requiredOption('--reason <text>', 'kept with it')
    .option('--reference <text>', 'a ticket or a letter')
    .action(async (options) => exitWith((await import('./persons.ts')).eraseCommand(options, io)));
  asking(persons.command('confirm'))
    .description('agree to an erasure that somebody else asked for; it cannot be undone')
    .argument('<erasure>')
    .action(async (id: string, options) =>
      exitWith((await import('./persons.ts')).confirmErasureCommand(id, options, io)),
    );
  asking(persons.command('withdraw'))
    .description('take an erasure back that has not begun')
    .argument('<erasure>')
    .requiredOption('--reason <text>', 'kept with it')
    .action(async (id: string, options) =>
      exitWith((await import('./persons.ts')).withdrawErasureCommand(id, options, io)),
    );
  asking(persons.command('list'))
    .description('the erasures, one line each')
    .action(async (options) => exitWith((await import('./persons.ts')).listErasuresCommand(options, io)));
  asking(persons.command('show'))
    .description('one erasure with what it waits for; exit code 2 while it waits')
    .argument('<erasure>')
    .action(async (id: string, options) =>
      exitWith((await import('./persons.ts')).showErasureCommand(id, options, io)),
    );
}
