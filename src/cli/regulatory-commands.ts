import { Option, type Command } from 'commander';
import type { CommandRoom } from './governance-commands.ts';

/** Of commands that ask a running server. */
function asking(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', 'server').default('http://127.0.0.1:3000'))
    .option('--json', 'one JSON line', false);
}

/** Commands about regulatory contacts and what they are told. */
export function addRegulatoryCommands(room: CommandRoom): void {
  contactCommands(room);
}

function contactCommands({ program, io, exitWith }: CommandRoom): void {
  const contacts = program
    .command('contacts')
    .description("the organisation's own regulatory contacts: who is told when a clock starts");
  asking(contacts.command('list'))
    .description('the contacts, one line each')
    .action(async (options) => {
      const { listContactsCommand } = await import('./regulatory-contacts.ts');
      return exitWith(listContactsCommand(options, io));
    });
  asking(contacts.command('show'))
    .description('one contact, with what keeps a message from it')
    .argument('<contact>')
    .action(async (id: string, options) => {
      const { showContactCommand } = await import('./regulatory-contacts.ts');
      return exitWith(showContactCommand(id, options, io));
    });
  asking(contacts.command('set'))
    .description('make a contact of a YAML or JSON file, or replace the whole of it')
    .argument('<contact>', 'names the post, for example dpo')
    .argument('<file>', '- reads the standard input')
    .option('--certificate <file>', 'its S/MIME certificate in PEM, instead of the one in the file')
    .action(async (id: string, file: string, options) => {
      const { setContactCommand } = await import('./regulatory-contacts.ts');
      return exitWith(setContactCommand(id, file, options, io));
    });
  asking(contacts.command('verify'))
    .description('say that you compared it with the contact over another line; never who saved it')
    .argument('<contact>')
    .requiredOption('--version-compared <number>', 'the version that was compared')
    .option('--fingerprint <sha256>', 'of the certificate, as the contact read it out')
    .requiredOption('--how <text>', 'over which line')
    .action(async (id: string, options) => {
      const { verifyContactCommand } = await import('./regulatory-contacts.ts');
      return exitWith(verifyContactCommand(id, options, io));
    });
  asking(contacts.command('revoke'))
    .description('end its use at once')
    .argument('<contact>')
    .requiredOption('--reason <text>', 'kept with it')
    .action(async (id: string, options) => {
      const { revokeContactCommand } = await import('./regulatory-contacts.ts');
      return exitWith(revokeContactCommand(id, options, io));
    });
}
