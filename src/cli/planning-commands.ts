import { FirebreakError } from '../platform/errors.ts';
import { asking, type CommandRoom } from './command-room.ts';

/** Commands that show what would be done before it is, and have exactly that done. */
export function addPlanningCommands({ program, io, exitWith }: CommandRoom): void {
  asking(program.command('plan'))
    .description(
      'what would be done about an alert, or by a playbook, without doing it; exit code 0: nothing, 2: something, 1: an error',
    )
    .argument('[event]', 'JSON file with an alert, as it would be posted; without it name a playbook')
    .option('--playbook <id>', 'the playbook, where no alert chooses')
    .option('--user <id>', 'whom the playbook is for')
    .option('--format <name>', 'how the alert is written; told by its shape when absent')
    .option('--event <file>', 'JSON file with what templates of the playbook read as event')
    .option('--context <file>', "JSON file with the playbook's inputs")
    .option(
      '--reference <text>',
      'a ticket, for example; a plan is executed once, and another reference makes another plan',
    )
    .option('--out <file>', 'keep the plan for `firebreak trigger --plan`')
    .action(async (file: string | undefined, { playbook, user, format, event, context, ...options }) => {
      if (file !== undefined) {
        if ([playbook, user, event, context].some((each) => each !== undefined)) throw eitherOr();
        const { eventPlanCommand } = await import('./event-plan.ts');
        return exitWith(eventPlanCommand(file, { ...options, ...(format === undefined ? {} : { format }) }, io));
      }
      if (playbook === undefined || user === undefined || format !== undefined) throw eitherOr();
      const { planCommand } = await import('./plan.ts');
      const read = { ...(event === undefined ? {} : { event }), ...(context === undefined ? {} : { context }) };
      return exitWith(planCommand({ ...options, playbook, user, ...read }, io));
    });
  asking(program.command('trigger'))
    .description('have exactly the plan of a file executed, or be told what has changed since')
    .requiredOption('--plan <file>', 'as `firebreak plan --out` wrote it')
    .action(async (options) => {
      const { triggerPlanCommand } = await import('./trigger-plan.ts');
      return exitWith(triggerPlanCommand(options, io));
    });
}

function eitherOr(): FirebreakError {
  const detail = 'Give a file with an alert (and --format), or --playbook and --user (and --event, --context).';
  return new FirebreakError('invalid_request', 'It is not said what to plan', [{ pointer: '', detail }]);
}
