import { asking, type CommandRoom } from './governance-commands.ts';

/** Commands that show what would be done before it is, and have exactly that done. */
export function addPlanningCommands({ program, io, exitWith }: CommandRoom): void {
  asking(program.command('plan'))
    .description('what a playbook would do, without doing it; exit code 0: nothing, 2: something, 1: an error')
    .requiredOption('--playbook <id>', 'the playbook')
    .requiredOption('--user <id>', 'whom it is for')
    .option('--event <file>', 'JSON file with what templates read as event')
    .option('--context <file>', "JSON file with the playbook's inputs")
    .option(
      '--reference <text>',
      'a ticket, for example; a plan is executed once, and another reference makes another plan',
    )
    .option('--out <file>', 'keep the plan for `firebreak trigger --plan`')
    .action(async (options) => {
      const { planCommand } = await import('./plan.ts');
      return exitWith(planCommand(options, io));
    });
  asking(program.command('trigger'))
    .description('have exactly the plan of a file executed, or be told what has changed since')
    .requiredOption('--plan <file>', 'as `firebreak plan --out` wrote it')
    .action(async (options) => {
      const { triggerPlanCommand } = await import('./plan.ts');
      return exitWith(triggerPlanCommand(options, io));
    });
}
