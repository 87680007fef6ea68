#!/usr/bin/env node
import { Command, Option } from 'commander';
import { auditExportCommand, auditVerifyCommand } from './cli/audit.ts';
import { demoCommand } from './demo/demo.ts';
import { detectCommand } from './cli/detect.ts';
import { ingestCommand } from './cli/ingest.ts';
import { processIo } from './cli/io.ts';
import { replayCommand } from './cli/replay.ts';
import { seedCommand } from './cli/seed.ts';
import { serveCommand } from './cli/serve.ts';
import { ConfigError } from './platform/config.ts';
import { FirebreakError, messageOf } from './platform/errors.ts';
import { EVENT_FORMATS, type EventFormat } from './pipeline/events/event.ts';
import { VERSION } from './version.ts';

/** The commands of `firebreak`. Each lives in a file of its own and answers with its exit code. */
const program = new Command('firebreak')
  .description('Contains security incidents by itself inside limits that people set, and proves what it did and why.')
  .version(VERSION);

const io = processIo();
const dataDir = io.env['DATA_DIR'] ?? './data';
const exitWith = async (code: Promise<number>): Promise<void> => {
  process.exitCode = await code;
};

const detectIo = {
  stdout: (text: string) => void io.stdout.write(text),
  stderr: (text: string) => void io.stderr.write(text),
  readInput: io.readInput,
};

/** The options of `detect` as it takes them. @throws FirebreakError for a format or a time that is none. */
function detectInput({ format, receivedAt }: { format?: string; receivedAt?: string }): {
  format: EventFormat | null;
  receivedAt: number;
} {
  const known = EVENT_FORMATS.find((name) => name === format) ?? null;
  if (format !== undefined && known === null)
    throw new FirebreakError('unknown_format', `unknown format ${format}; use one of ${EVENT_FORMATS.join(', ')}`);
  const at = receivedAt === undefined ? Date.now() : Date.parse(receivedAt);
  if (Number.isNaN(at)) throw new FirebreakError('invalid_request', `--received-at ${receivedAt} is no RFC 3339 time`);
  return { format: known, receivedAt: at };
}

program
  .command('serve')
  .description('run the server: API, detection, executions')
  .option('--data <dir>', 'where the journal lies (DATA_DIR)')
  .option('--port <number>', 'port to listen on; 0 takes any (PORT)')
  .option('--with-sandbox', 'start a sandbox company to act in', false)
  .option('--sandbox <url>', 'sandbox company to act in; its token in SANDBOX_TOKEN')
  .addOption(
    new Option('--clock <kind>', 'accelerated: business time jumps to the next timer')
      .choices(['wall', 'accelerated'])
      .default('wall'),
  )
  .option('--start-at <time>', 'RFC 3339 time at which an accelerated clock begins')
  .action((options) => exitWith(serveCommand(options, io)));

program
  .command('seed')
  .description('install the built-in playbooks; does nothing when any playbook exists')
  .option('--url <url>', 'server', 'http://127.0.0.1:3000')
  .option('--missing', 'add those built-ins that are absent', false)
  .option('--json', 'one JSON line', false)
  .action((options) => exitWith(seedCommand(options, io)));

program
  .command('ingest')
  .description('send events from a file (JSON, array or NDJSON; - for standard input)')
  .argument('<file>')
  .option('--url <url>', 'server', 'http://127.0.0.1:3000')
  .option('--format <name>', 'event format; told by the shape when absent')
  .option('--source <name>', 'source instance, for example okta:acme')
  .option('--json', 'one JSON line', false)
  .action((file: string, options) => exitWith(ingestCommand({ ...options, file }, io)));

program
  .command('detect')
  .description('run detection alone over a file, without a server')
  .argument('<file>')
  .option('--format <name>', 'event format; told by the shape when absent')
  .option('--rules <file>', 'rules instead of the defaults')
  .option('--geo-db <file>', 'city database (MaxMind DB format)')
  .option('--egress <file>', 'list of shared addresses (VPN, offices)')
  .option('--json', 'findings as NDJSON', false)
  .option('--received-at <time>', 'RFC 3339 time at which the events are taken to have come in; now when absent')
  .action((file: string, options) => exitWith(detectCommand({ ...options, file, ...detectInput(options) }, detectIo)));

const audit = program.command('audit').description('the tamper-evident record');
audit
  .command('verify')
  .description('verify a journal or an export, offline')
  .argument('[export]', 'directory of an export')
  .option('--data <dir>', 'data directory of a journal (DATA_DIR)', dataDir)
  .option('--keys <file>', 'trusted public keys; without it those beside the journal or in the export')
  .option('--anchor <file>', 'checkpoints that were published elsewhere')
  .option('--json', 'one JSON line', false)
  .action((directory: string | undefined, options) => exitWith(auditVerifyCommand({ ...options, directory }, io)));
audit
  .command('export')
  .description('write everything that a verifier needs into a directory')
  .argument('<directory>')
  .option('--data <dir>', 'data directory of the journal (DATA_DIR)', dataDir)
  .action((directory: string, options) => exitWith(auditExportCommand({ ...options, directory }, io)));

program
  .command('replay')
  .description('derive every decision of an execution again and compare')
  .argument('<execution>')
  .option('--data <dir>', 'data directory of the journal (DATA_DIR)', dataDir)
  .option('--json', 'one JSON line', false)
  .action((execution: string, options) => exitWith(replayCommand({ ...options, execution }, io)));

program
  .command('demo')
  .description('four attacks against a sandbox company, contained and verified')
  .option('--once', 'end after the scenarios; exit code 0 when all were contained and verified', false)
  .option('--json', 'one JSON line for each scenario', false)
  .option('--seed <number>', 'draws people, addresses, order and times', '1')
  .option('--data <dir>', 'data directory; a temporary one when absent')
  .addOption(
    new Option('--sabotage <kind>', 'break something on purpose').choices([
      'lying-kill',
      'tampered-record',
      'missed-event',
    ]),
  )
  .action((options) => exitWith(demoCommand(options, io)));

try {
  await program.parseAsync();
} catch (thrown) {
  const faults =
    thrown instanceof FirebreakError ? thrown.faults.map(({ pointer, detail }) => `  ${pointer}: ${detail}\n`) : [];
  io.stderr.write(`firebreak: ${messageOf(thrown)}\n${faults.join('')}`);
  if (!(thrown instanceof FirebreakError) && !(thrown instanceof ConfigError) && thrown instanceof Error)
    io.stderr.write(`${thrown.stack ?? ''}\n`);
  process.exitCode = 1;
}
