import type { Command } from 'commander';
import { asking, type CommandRoom } from './command-room.ts';
import type { TaskChangeOptions, TaskVerb } from './tasks.ts';

/** Commands for people who work on tasks; each asks a running server with the key in FIREBREAK_API_KEY. */
export function addTaskCommands({ program, io, exitWith }: CommandRoom): void {
  const tasks = program.command('tasks').description('work that people finish, for the roles that each task names');
  asking(tasks.command('list'))
    .description('the tasks that are for your roles, the newest first')
    .option('--status <status>', 'open, claimed, done or dropped')
    .option('--incident <id>', 'only those of an incident')
    .option('--role <role>', 'only those that are for it')
    .option('--mine', 'only those that you have', false)
    .option('--overdue', 'only those whose time is over', false)
    .action(async (options) => exitWith((await import('./tasks.ts')).listTasksCommand(options, io)));
  asking(tasks.command('show'))
    .description('one task with its draft and its history; exit code 1 where its time is over')
    .argument('<task>')
    .action(async (id: string, options) => exitWith((await import('./tasks.ts')).showTaskCommand(id, options, io)));
  asking(tasks.command('open'))
    .description('open a task with the draft of a Markdown file')
    .argument('<title>')
    .argument('<file>', '- reads the standard input')
    .requiredOption('--role <role...>', 'whom it is for')
    .option('--incident <id>', 'the incident that it is about')
    .option('--due <time>', 'until when, RFC 3339')
    .action(async (title: string, file: string, options) =>
      exitWith((await import('./tasks.ts')).openTaskCommand(title, file, options, io)),
    );
  changing(tasks.command('draft'))
    .description('save a new version of the draft from a Markdown file; who has the task')
    .argument('<task>')
    .argument('<file>', '- reads the standard input')
    .action(async (id: string, file: string, options) =>
      exitWith((await import('./tasks.ts')).saveTaskDraftCommand(id, file, options, io)),
    );
  changing(tasks.command('due'))
    .description('say until when it has to be finished; never: at no time')
    .argument('<task>')
    .argument('<time>', 'RFC 3339, or never')
    .action((id: string, time: string, options: TaskChangeOptions) =>
      changed(id, { method: 'PUT', what: 'due', body: { dueAt: time === 'never' ? null : time } }, options),
    );
  for (const [what, says] of [
    ['claim', 'take a task; from somebody else only who leads the response'],
    ['release', 'give a task back, so that others may take it'],
  ] as const)
    changing(tasks.command(what))
      .description(says)
      .argument('<task>')
      .action((id: string, options: TaskChangeOptions) => changed(id, { method: 'POST', what, body: {} }, options));
  changing(tasks.command('assign'))
    .description('give a task to somebody who may work on it; they are told')
    .argument('<task>')
    .requiredOption('--to <user>', 'their id')
    .action((id: string, { to: userId, ...options }) =>
      changed(id, { method: 'POST', what: 'assign', body: { userId } }, options),
    );
  changing(tasks.command('comment'))
    .description('say something about a task')
    .argument('<task>')
    .requiredOption('--text <text>', 'what')
    .action((id: string, { text, ...options }) =>
      changed(id, { method: 'POST', what: 'comments', body: { text } }, options),
    );
  changing(tasks.command('finish'))
    .description('finish a task; who has it')
    .argument('<task>')
    .requiredOption('--note <text>', 'what was done')
    .action((id: string, { note, ...options }) =>
      changed(id, { method: 'POST', what: 'finish', body: { note } }, options),
    );
  changing(tasks.command('drop'))
    .description('drop a task that is not needed')
    .argument('<task>')
    .requiredOption('--reason <text>', 'why not')
    .action((id: string, { reason, ...options }) =>
      changed(id, { method: 'POST', what: 'drop', body: { reason } }, options),
    );

  async function changed(id: string, verb: TaskVerb, options: TaskChangeOptions): Promise<void> {
    return exitWith((await import('./tasks.ts')).changeTaskCommand(id, verb, options, io));
  }
}

/** Of commands that change a task that somebody has looked at. */
function changing(command: Command): Command {
  return asking(command).option('--if-version <number>', 'only while this is its version');
}
