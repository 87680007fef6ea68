import { parseArgs } from 'node:util';
import { openWorkshop } from './children.ts';
import { benchEvents } from './events.ts';
import { benchExecutions } from './executions.ts';
import { machine } from './measure.ts';
import { PROGRAM } from './product.ts';

/** `npm run bench -- events|executions [--json] [--seconds N] [--warmup N] [--program FILE] [--profile DIR]` */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '6' },
    warmup: { type: 'string', default: '2' },
    program: { type: 'string', default: PROGRAM },
    profile: { type: 'string' },
  },
});

const BENCHES = new Map([
  ['events', benchEvents],
  ['executions', benchExecutions],
]);

const workshop = openWorkshop();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void workshop.close().finally(() => process.exit(130)));
}
try {
  const bench = BENCHES.get(positionals[0] ?? '');
  if (bench === undefined) throw new Error('say which one: npm run bench -- events | executions [--json]');
  const options = {
    seconds: positive('seconds', values.seconds),
    warmup: positive('warmup', values.warmup),
    program: values.program,
    profileDir: values.profile ?? null,
  };
  const startedAt = new Date().toISOString();
  const result = { ...(await bench(workshop, options)), machine: machine(), startedAt, seconds: options.seconds };
  process.stdout.write(`${values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
} catch (thrown) {
  process.stderr.write(`bench: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
} finally {
  await workshop.close();
}
// Sockets that are kept alive would hold the process for a while.
process.exit();

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && value <= 600) return value;
  throw new Error(`--${name} must be a number of seconds up to 600`);
}
