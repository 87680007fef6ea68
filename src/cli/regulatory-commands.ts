import { Argument, Option } from 'commander';
import { asking, type CommandRoom } from './command-room.ts';

/** Commands about regulatory contacts and what they are told. */
export function addRegulatoryCommands(room: CommandRoom): void {
  contactCommands(room);
  draftCommands(room);
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

function draftCommands({ program, io, exitWith }: CommandRoom): void {
  const drafts = program
    .command('drafts')
    .description('drafts of notifications to authorities; the server sends none of them');
  asking(drafts.command('list'))
    .description('the drafts, the newest first')
    .option('--incident <incident>', 'only those of it')
    .action(async (options) => {
      const { listDraftsCommand } = await import('./notification-drafts.ts');
      return exitWith(listDraftsCommand(options, io));
    });
  asking(drafts.command('show'))
    .description('one draft as it would be handed in')
    .argument('<draft>')
    .addOption(new Option('--as <form>', 'its form').choices(['text', 'markdown', 'json']).default('text'))
    .action(async (id: string, options) => {
      const { showDraftCommand } = await import('./notification-drafts.ts');
      return exitWith(showDraftCommand(id, options, io));
    });
  asking(drafts.command('make'))
    .description('make one from what is known of an incident')
    .argument('<incident>')
    .requiredOption('--regime <regime>', 'for example GDPR')
    .option('--stage <stage>', 'of the rule, for example early-warning')
    .option('--deadline <deadline>', 'the clock that its submission meets')
    .action(async (id: string, options) => {
      const { makeDraftCommand } = await import('./notification-drafts.ts');
      return exitWith(makeDraftCommand(id, options, io));
    });
  asking(drafts.command('approve'))
    .description('approve exactly this text; never who wrote on it')
    .argument('<draft>')
    .requiredOption('--hash <sha256>', 'of the text, as `drafts show --as json` printed it')
    .action(async (id: string, options) => {
      const { approveDraftCommand } = await import('./notification-drafts.ts');
      return exitWith(approveDraftCommand(id, options, io));
    });
  asking(drafts.command('submitted'))
    .description('record the proof that a person handed it in, from a YAML or JSON file')
    .argument('<draft>')
    .argument('<file>', '- reads the standard input')
    .action(async (id: string, file: string, options) => {
      const { recordSubmissionCommand } = await import('./notification-drafts.ts');
      return exitWith(recordSubmissionCommand(id, file, options, io));
    });
  asking(drafts.command('tell'))
    .description("tell the organisation's own contacts of it; exit code 1 where nobody could be told")
    .argument('<draft>')
    .addArgument(new Argument('[channels...]').choices(['encrypted_email', 'secure_portal']))
    .action(async (id: string, channels: readonly string[], options) => {
      const { tellContactsCommand } = await import('./notification-drafts.ts');
      return exitWith(tellContactsCommand(id, { ...options, channels }, io));
    });
  asking(drafts.command('code'))
    .description('make a one-time code to read out to the contact for whom a message waits')
    .argument('<message>', 'as GET /api/portal-messages lists it')
    .action(async (id: string, options) => {
      const { portalCodeCommand } = await import('./notification-drafts.ts');
      return exitWith(portalCodeCommand(id, options, io));
    });
}
