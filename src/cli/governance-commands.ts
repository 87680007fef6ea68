import { Argument } from 'commander';
import { asking, type CommandRoom } from './command-room.ts';

const CHANNELS = ['email', 'slack', 'teams', 'pagerduty', 'webhook', 'in_app'];

/** Commands for people who look after an installation; each asks a running server with the key in FIREBREAK_API_KEY. */
export function addGovernanceCommands(room: CommandRoom): void {
  notificationCommands(room);
  pauseCommands(room);
  limitCommands(room);
  exemptionCommands(room);
  accessCommands(room);
}

function notificationCommands({ program, io, exitWith }: CommandRoom): void {
  const notifications = program.command('notifications').description('what you were told, and what reached nobody');
  asking(notifications.command('list'))
    .description('what you were told, the newest first')
    .option('--unread', 'only what you have not read', false)
    .action(async (options) => {
      const { listNotificationsCommand } = await import('./notifications.ts');
      return exitWith(listNotificationsCommand(options, io));
    });
  asking(notifications.command('read'))
    .description('mark one as read, or all of them when none is named')
    .argument('[notification]')
    .action(async (id: string | undefined, options) => {
      const { readNotificationsCommand } = await import('./notifications.ts');
      return exitWith(readNotificationsCommand(id ?? null, options, io));
    });
  asking(notifications.command('dead'))
    .description('messages that were given up')
    .action(async (options) => {
      const { deadNotificationsCommand } = await import('./notifications.ts');
      return exitWith(deadNotificationsCommand(options, io));
    });
  asking(notifications.command('resend'))
    .description('send again what was given up')
    .argument('<delivery>', 'as `notifications dead` printed it')
    .action(async (id: string, options) => {
      const { resendNotificationCommand } = await import('./notifications.ts');
      return exitWith(resendNotificationCommand(id, options, io));
    });
  asking(notifications.command('test'))
    .description('send yourself a message over a channel')
    .addArgument(new Argument('<channel>').choices(CHANNELS))
    .action(async (channel: string, options) => {
      const { testNotificationCommand } = await import('./notifications.ts');
      return exitWith(testNotificationCommand(channel, options, io));
    });
}

function pauseCommands({ program, io, exitWith }: CommandRoom): void {
  asking(program.command('pause'))
    .description('let nothing begin that changes something outside, in all processes, within 2 s')
    .requiredOption('--reason <text>', 'why; everybody who may resume is told')
    .action(async (options) => {
      const { pauseCommand } = await import('./pause.ts');
      return exitWith(pauseCommand(options, io));
    });
  asking(program.command('resume'))
    .description('say that everything may go on; it takes two people, within a quarter of an hour')
    .requiredOption('--reason <text>', 'why')
    .action(async (options) => {
      const { resumeCommand } = await import('./pause.ts');
      return exitWith(resumeCommand(options, io));
    });
  asking(program.command('status'))
    .description('whether everything is paused, by whom and why, and who has said that it may go on')
    .action(async (options) => {
      const { pauseStatusCommand } = await import('./pause.ts');
      return exitWith(pauseStatusCommand(options, io));
    });
}

function limitCommands({ program, io, exitWith }: CommandRoom): void {
  const limits = program.command('limits').description('what an hour may do before a person is asked');
  asking(limits.command('get'))
    .description('the limits in force')
    .action(async (options) => {
      const { getLimitsCommand } = await import('./limits.ts');
      return exitWith(getLimitsCommand(options, io));
    });
  asking(limits.command('set'))
    .description('set the limits that are named; all others stay')
    .argument('<limit...>', 'like ACCOUNT_SUSPEND=50, or GEO_LOCK=none')
    .action(async (given: string[], options) => {
      const { setLimitsCommand } = await import('./limits.ts');
      return exitWith(setLimitsCommand(given, options, io));
    });
}

function exemptionCommands({ program, io, exitWith }: CommandRoom): void {
  const exemptions = program.command('exemptions').description('from which gate nobody is asked for a while');
  asking(exemptions.command('list'))
    .description('the latest end first')
    .option('--status <status>', 'proposed, in_force, expired or revoked')
    .action(async (options) => {
      const { listExemptionsCommand } = await import('./exemptions.ts');
      return exitWith(listExemptionsCommand(options, io));
    });
  asking(exemptions.command('show'))
    .description('everything that a second person would confirm, and its hash')
    .argument('<exemption>')
    .action(async (id: string, options) => {
      const { showExemptionCommand } = await import('./exemptions.ts');
      return exitWith(showExemptionCommand(id, options, io));
    });
  asking(exemptions.command('propose'))
    .description('propose what a JSON file says; another person has to confirm it')
    .argument('<file>', 'policyId, gateName, appliesTo, reason, expiresAt; - for standard input')
    .action(async (file: string, options) => {
      const { proposeExemptionCommand } = await import('./exemptions.ts');
      return exitWith(proposeExemptionCommand(file, options, io));
    });
  asking(exemptions.command('confirm'))
    .description('put in force what another person proposed')
    .argument('<exemption>')
    .requiredOption('--hash <hash>', 'what `exemptions show` printed')
    .action(async (id: string, options) => {
      const { confirmExemptionCommand } = await import('./exemptions.ts');
      return exitWith(confirmExemptionCommand(id, options, io));
    });
  asking(exemptions.command('revoke'))
    .description('end it, or withdraw the proposal')
    .argument('<exemption>')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, options) => {
      const { revokeExemptionCommand } = await import('./exemptions.ts');
      return exitWith(revokeExemptionCommand(id, options, io));
    });
}

function accessCommands({ program, io, exitWith }: CommandRoom): void {
  const users = program.command('users').description('people and service accounts');
  asking(users.command('list'))
    .description('all accounts and their roles')
    .action(async (options) => {
      const { listUsersCommand } = await import('./access.ts');
      return exitWith(listUsersCommand(options, io));
    });
  asking(users.command('add'))
    .description('make an account, within your own roles')
    .requiredOption('--name <name>')
    .option('--email <address>', 'where mail goes')
    .option('--role <role...>', 'like INCIDENT_COMMANDER', [])
    .option('--service', 'a program, not a person', false)
    .action(async (options) => {
      const { addUserCommand } = await import('./access.ts');
      return exitWith(addUserCommand(options, io));
    });
  const keys = program.command('keys').description('API keys');
  asking(keys.command('list'))
    .description('your own keys')
    .option('--user <id>', 'those of another account')
    .action(async (options) => {
      const { listKeysCommand } = await import('./access.ts');
      return exitWith(listKeysCommand(options, io));
    });
  asking(keys.command('create'))
    .description('make a key; its secret is said once')
    .requiredOption('--name <name>', 'what it is for')
    .option('--user <id>', 'for another account')
    .action(async (options) => {
      const { createKeyCommand } = await import('./access.ts');
      return exitWith(createKeyCommand(options, io));
    });
  asking(keys.command('revoke'))
    .description('end a key at once')
    .argument('<key>')
    .action(async (id: string, options) => {
      const { revokeKeyCommand } = await import('./access.ts');
      return exitWith(revokeKeyCommand(id, options, io));
    });
  const sessions = program.command('sessions').description('your own sessions of browsers');
  asking(sessions.command('list'))
    .description('those in force')
    .action(async (options) => {
      const { listSessionsCommand } = await import('./access.ts');
      return exitWith(listSessionsCommand(options, io));
    });
  asking(sessions.command('end'))
    .description('end one at once')
    .argument('<session>')
    .action(async (id: string, options) => {
      const { endSessionCommand } = await import('./access.ts');
      return exitWith(endSessionCommand(id, options, io));
    });
}
