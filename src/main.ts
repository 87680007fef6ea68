#!/usr/bin/env node
import { Command, Option } from 'commander';
import { addAssetCommands } from './cli/asset-commands.ts';
import { addBundleCommands } from './cli/evidence-bundle-commands.ts';
import { addEvidenceCommands } from './cli/evidence-commands.ts';
import { addDeadlineCommands } from './cli/deadline-commands.ts';
import { addGovernanceCommands } from './cli/governance-commands.ts';
import { addJournalCommands } from './cli/journal-commands.ts';
import { addPlanningCommands } from './cli/planning-commands.ts';
import { addRegulatoryCommands } from './cli/regulatory-commands.ts';
import { addRunbookCommands } from './cli/runbook-commands.ts';
import { addLawfulBasisCommands } from './cli/lawful-basis-commands.ts';
import { addPersonCommands } from './cli/person-commands.ts';
import { addTaskCommands } from './cli/task-commands.ts';
import { addBreakGlass } from './cli/break-glass-commands.ts';
import { processIo } from './cli/io.ts';
import { ROLES } from './start/role.ts';
import { ConfigError } from './platform/config.ts';
import { FirebreakError, messageOf } from './platform/errors.ts';
import { EVENT_FORMATS, type EventFormat } from './pipeline/events/event.ts';
import { VERSION } from './version.ts';

/**
 * The commands of `firebreak`. Each lives in a file of its own, which is loaded when it is called (a server need not wait
 * for the demo's code), and answers with its exit code.
 */
const program = new Command('firebreak')
  .description('Contains security incidents by itself inside limits that people set, and proves what it did and why.')
  .version(VERSION);

/** Of commands that ask a running server. */
const server = new Option('--url <url>', 'server').default('http://127.0.0.1:3000');

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
  .addOption(
    new Option('--role <role>', 'api: takes in and answers; worker: performs, waits and keeps the log (DATABASE_URL)')
      .choices(ROLES)
      .default('all'),
  )
  .action(async (options) => {
    const { serveCommand } = await import('./cli/serve.ts');
    return exitWith(serveCommand(options, io));
  });

program
  .command('seed')
  .description('install the built-in playbooks; does nothing when any playbook exists')
  .addOption(server)
  .option('--missing', 'add those built-ins that are absent', false)
  .option('--json', 'one JSON line', false)
  .action(async (options) => {
    const { seedCommand } = await import('./cli/seed.ts');
    return exitWith(seedCommand(options, io));
  });

program
  .command('ingest')
  .description('send events from a file (JSON, array or NDJSON; - for standard input)')
  .argument('<file>')
  .addOption(server)
  .option('--format <name>', 'event format; told by the shape when absent')
  .option('--source <name>', 'source instance, for example okta:acme')
  .option('--json', 'one JSON line', false)
  .action(async (file: string, options) => {
    const { ingestCommand } = await import('./cli/ingest.ts');
    return exitWith(ingestCommand({ ...options, file }, io));
  });

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
  .action(async (file: string, options) => {
    const { detectCommand } = await import('./cli/detect.ts');
    return exitWith(detectCommand({ ...options, file, ...detectInput(options) }, detectIo));
  });

const approvals = program.command('approvals').description('what waits for people; votes are given with your own key');
approvals
  .command('list')
  .description('what waits, one line each')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (options) => {
    const { listApprovalsCommand } = await import('./cli/approvals.ts');
    return exitWith(listApprovalsCommand(options, io));
  });
approvals
  .command('show')
  .description('everything that a vote would be about, and its intent')
  .argument('<approval>')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { showApprovalCommand } = await import('./cli/approvals.ts');
    return exitWith(showApprovalCommand(id, options, io));
  });
approvals
  .command('approve')
  .description('vote for exactly what was shown')
  .argument('<approval>')
  .requiredOption('--intent <hash>', 'the intent that `approvals show` printed')
  .option('--comment <text>', 'kept with the vote')
  .option('--for <delegation or user>', 'in whose place; by itself as yourself, else for whom you can')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { voteCommand } = await import('./cli/approvals.ts');
    return exitWith(voteCommand('approve', id, options, io));
  });
approvals
  .command('deny')
  .description('vote against it: one denial is enough')
  .argument('<approval>')
  .option('--comment <text>', 'kept with the vote')
  .option('--for <delegation or user>', 'in whose place; by itself as yourself, else for whom you can')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { voteCommand } = await import('./cli/approvals.ts');
    return exitWith(voteCommand('deny', id, options, io));
  });
approvals
  .command('withdraw')
  .description('take your vote back, or what was said in your place, as long as nothing is decided')
  .argument('<approval>')
  .option('--reason <text>', 'kept with it')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { withdrawCommand } = await import('./cli/approvals.ts');
    return exitWith(withdrawCommand(id, options, io));
  });

const delegations = program.command('delegations').description('who may vote in whose place, and until when');
delegations
  .command('list')
  .description('all of them, the latest end first')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (options) => {
    const { listDelegationsCommand } = await import('./cli/delegations.ts');
    return exitWith(listDelegationsCommand(options, io));
  });
delegations
  .command('create')
  .description('let another person vote in your place')
  .requiredOption('--to <user>', 'who stands in for you')
  .requiredOption('--until <time>', 'RFC 3339 time at which it ends; at most 90 days')
  .requiredOption('--reason <text>', 'for whoever reads the record')
  .option('--from <time>', 'RFC 3339 time at which it begins; now without it')
  .option('--role <role...>', 'only as one of these roles')
  .option('--playbook <id...>', 'only on requests of these playbooks')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (options) => {
    const { delegateCommand } = await import('./cli/delegations.ts');
    return exitWith(delegateCommand(options, io));
  });
delegations
  .command('revoke')
  .description('end a delegation at once; votes that were given stand')
  .argument('<delegation>')
  .option('--reason <text>', 'kept with it')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { revokeDelegationCommand } = await import('./cli/delegations.ts');
    return exitWith(revokeDelegationCommand(id, options, io));
  });

const oncall = program.command('oncall').description('who is on call when; gates name a schedule as oncall:<schedule>');
oncall
  .command('list')
  .description('the schedules, one line each')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (options) => {
    const { listSchedulesCommand } = await import('./cli/oncall.ts');
    return exitWith(listSchedulesCommand(options, io));
  });
oncall
  .command('who')
  .description('who is on call now, or at a time; exit code 1 where nobody is')
  .argument('<schedule>')
  .option('--at <time>', 'RFC 3339 time')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { whoIsOnCallCommand } = await import('./cli/oncall.ts');
    return exitWith(whoIsOnCallCommand(id, options, io));
  });
oncall
  .command('set')
  .description('make a schedule of a YAML or JSON file, or replace the whole of it')
  .argument('<schedule>')
  .argument('<file>', '- reads the standard input')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, file: string, options) => {
    const { setScheduleCommand } = await import('./cli/oncall.ts');
    return exitWith(setScheduleCommand(id, file, options, io));
  });

addGovernanceCommands({ program, io, exitWith });
addPlanningCommands({ program, io, exitWith });

addRegulatoryCommands({ program, io, exitWith });
addAssetCommands({ program, io, exitWith });
addRunbookCommands({ program, io, exitWith });
addDeadlineCommands({ program, io, exitWith });
addTaskCommands({ program, io, exitWith });
addPersonCommands({ program, io, exitWith });
addLawfulBasisCommands({ program, io, exitWith });

addBreakGlass(program, server, io, exitWith);

const evidence = program.command('evidence').description('what was preserved, and bundles of it for others');
addEvidenceCommands(evidence, { io, exitWith });
addBundleCommands(evidence, { io, exitWith });

const changes = program
  .command('changes')
  .description('changes that take a safeguard away and wait for a second person (POLICY_CHANGES_BY_TWO)');
changes
  .command('list')
  .description('what waits, one line each')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (options) => {
    const { listChangesCommand } = await import('./cli/changes.ts');
    return exitWith(listChangesCommand(options, io));
  });
changes
  .command('show')
  .description('what it takes away, how it would read, and its hash')
  .argument('<change>')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { showChangeCommand } = await import('./cli/changes.ts');
    return exitWith(showChangeCommand(id, options, io));
  });
changes
  .command('confirm')
  .description('put in force exactly what was shown, as another person than the one who proposed it')
  .argument('<change>')
  .requiredOption('--hash <hash>', 'the hash that `changes show` printed')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { confirmChangeCommand } = await import('./cli/changes.ts');
    return exitWith(confirmChangeCommand(id, options, io));
  });
changes
  .command('reject')
  .description('reject it, or withdraw your own')
  .argument('<change>')
  .requiredOption('--reason <text>', 'kept with the record')
  .addOption(server)
  .option('--json', 'one JSON line', false)
  .action(async (id: string, options) => {
    const { rejectChangeCommand } = await import('./cli/changes.ts');
    return exitWith(rejectChangeCommand(id, options, io));
  });

const audit = program.command('audit').description('the tamper-evident record');
audit
  .command('verify')
  .description('verify a journal or an export, offline')
  .argument('[export]', 'directory of an export')
  .option('--data <dir>', 'data directory of a journal (DATA_DIR)', dataDir)
  .option('--keys <file>', 'trusted public keys; without it those beside the journal or in the export')
  .option('--anchor <file>', 'checkpoints that were published elsewhere')
  .option('--witness <file or url>', 'checkpoints that a witness cosigned, or its address')
  .option('--witness-key <key>', 'public key of the witness, or a file that holds it')
  .option('--archive <directory...>', 'archives to join: what retention took out is verified with the rest')
  .option('--json', 'one JSON line', false)
  .action(async (directory: string | undefined, options) => {
    const { auditVerifyCommand } = await import('./cli/audit.ts');
    return exitWith(auditVerifyCommand({ ...options, directory }, io));
  });
audit
  .command('export')
  .description('write everything that a verifier needs into a directory')
  .argument('<directory>')
  .option('--data <dir>', 'data directory of the journal (DATA_DIR)', dataDir)
  .option('--open', 'with what opens personal texts: only for those who may read them', false)
  .action(async (directory: string, options) => {
    const { auditExportCommand } = await import('./cli/audit.ts');
    return exitWith(auditExportCommand({ ...options, directory }, io));
  });

audit
  .command('key')
  .description('print the public key that signs the log, for witnesses and auditors')
  .option('--data <dir>', 'data directory of the journal (DATA_DIR)', dataDir)
  .action(async (options) => {
    const { auditKeyCommand } = await import('./cli/audit.ts');
    return exitWith(auditKeyCommand(options, io));
  });

program
  .command('witness')
  .description('run a witness: it cosigns checkpoints of logs that only grow, with a key and a store of its own')
  .requiredOption('--data <dir>', 'where its key and what it cosigned lie; not on the machine of the log')
  .requiredOption('--log-key <key...>', 'keys of the logs it vouches for: as audit key prints them, or files of them')
  .option('--name <name>', 'name that it signs with', 'firebreak-witness')
  .option('--host <host>', 'address to listen on', '127.0.0.1')
  .option('--port <number>', 'port to listen on; 0 takes any', '3100')
  .action(async (options) => {
    const { witnessCommand } = await import('./cli/witness.ts');
    return exitWith(witnessCommand(options, io));
  });

program
  .command('version')
  .description('say the version, and the hash of the code that decides')
  .option('--json', 'one JSON line', false)
  .action(async (options) => {
    const { versionCommand } = await import('./cli/version.ts');
    process.exitCode = versionCommand(options, io);
  });

program
  .command('replay')
  .description('derive every decision of an execution again and compare')
  .argument('<execution>')
  .option('--data <dir>', 'data directory of the journal (DATA_DIR)', dataDir)
  .option('--export <dir>', 'read an export or archive instead; see `audit verify` for whether it is sound')
  .addOption(
    new Option('--core <which>', 'recorded: each record by the code that decided it; current: by this program')
      .choices(['recorded', 'current'] as const)
      .default('recorded' as const),
  )
  .option('--json', 'one JSON line', false)
  .action(async (execution: string, options) => {
    const { replayCommand } = await import('./cli/replay.ts');
    return exitWith(replayCommand({ ...options, execution }, io));
  });

addJournalCommands({ program, io, exitWith }, dataDir);

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
  .action(async (options) => {
    const { demoCommand } = await import('./demo/demo.ts');
    return exitWith(demoCommand(options, io));
  });

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
