import { spawn } from 'node:child_process';

/** Ends what is left when the process of a run is gone, however it ended: its children do not watch it by themselves. */
export interface Reaper {
  began(pid: number): void;
  ended(pid: number): void;
  /** Nothing is left to be ended. */
  dismiss(): void;
}

/** Its input ends when this process does; what it was told of and not told the end of is killed then. */
const SCRIPT = `left=' '
while read -r what pid; do
  case $what in
    began) left="$left$pid " ;;
    ended) case $left in *" $pid "*) left="\${left%% $pid *} \${left#* $pid }" ;; esac ;;
  esac
done
[ "$left" = ' ' ] || kill -KILL $left 2>/dev/null
rm -rf "$0"`;

/** @param directory is removed when it is all over, if it is still there; null: it stays. */
export function startReaper(directory: string | null): Reaper {
  // In a session of its own: what is sent to all processes of a terminal must not end it first.
  const child = spawn('/bin/sh', ['-c', SCRIPT, directory ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  child.unref();
  child.stdin.on('error', () => undefined);
  return {
    began: (pid) => void child.stdin.write(`began ${pid}\n`),
    ended: (pid) => void child.stdin.write(`ended ${pid}\n`),
    dismiss: () => void child.stdin.end(),
  };
}
