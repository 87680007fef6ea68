import type { Command, Option } from 'commander';
import type { Io } from './io.ts';

/** The commands of `firebreak break-glass`. */
export function addBreakGlass(
  program: Command,
  server: Option,
  io: Io,
  exitWith: (code: Promise<number>) => Promise<void>,
): void {
  const glass = program.command('break-glass').description('deciding alone, where two people declared it beforehand');
  const add = (name: string, says: string): Command =>
    glass.command(name).description(says).addOption(server).option('--json', 'one JSON line', false);
  add('show', 'what is declared, and what waits for a second person').action(async (options) => {
    const { showGlassCommand } = await import('./break-glass.ts');
    return exitWith(showGlassCommand(options, io));
  });
  add('declare', 'propose what a file (JSON; - for standard input) says; another person confirms it')
    .argument('<file>')
    .action(async (file: string, options) => {
      const { declareGlassCommand } = await import('./break-glass.ts');
      return exitWith(declareGlassCommand(file, options, io));
    });
  add('confirm', 'put in force what another person proposed')
    .argument('<hash>', 'the hash that `break-glass show` printed')
    .action(async (hash: string, options) => {
      const { confirmGlassCommand } = await import('./break-glass.ts');
      return exitWith(confirmGlassCommand(hash, options, io));
    });
  add('revoke', 'end it, at once')
    .requiredOption('--reason <text>', 'why, kept for ever')
    .action(async ({ reason, ...options }) => {
      const { revokeGlassCommand } = await import('./break-glass.ts');
      return exitWith(revokeGlassCommand(reason, options, io));
    });
  add('use', 'approve alone; it stays on record for ever, and everybody who runs this is told')
    .argument('<approval>')
    .requiredOption('--intent <hash>', 'the whole intent that `approvals show` printed')
    .requiredOption('--reason <text>', 'why nobody who may approve could be reached')
    .action(async (approval: string, options) => {
      const { useGlassCommand } = await import('./break-glass.ts');
      return exitWith(useGlassCommand(approval, options, io));
    });
  add('review', 'say that you have looked at how somebody else used it')
    .argument('<use>')
    .requiredOption('--note <text>', 'what you found, kept for ever')
    .action(async (use: string, options) => {
      const { reviewGlassCommand } = await import('./break-glass.ts');
      return exitWith(reviewGlassCommand(use, options, io));
    });
  add('list', 'every use there ever was, the newest first').action(async (options) => {
    const { listGlassCommand } = await import('./break-glass.ts');
    return exitWith(listGlassCommand(options, io));
  });
}
