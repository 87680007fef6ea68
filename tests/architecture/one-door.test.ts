import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Commits, calls of outside systems and writes of the log each pass through one function, where the crash points are. A
 * second way would be one that no crash test ever stops at.
 */

/** Every use of these members that there may be: `file receiver.member`, and why. */
const DOORS: ReadonlyMap<string, string> = new Map([
  ['src/journal/group-commit.ts journal.commit', 'the door of all commits'],
  ['src/pipeline/access/access-change.ts journal.commit', 'is given `throughCommitter`, see below'],
  ['src/pipeline/access/sessions.service.ts journal.commit', 'is given `throughCommitter`, see below'],
  ['src/pipeline/recovery/recovery.service.ts journal.commit', 'is given `throughCommitter`, see below'],
  ['src/api/idempotency.ts journal.commit', 'is given `throughCommitter`, see below'],
  ['src/journal/kept-frontier.ts journal.commit', "the log keeper's, which is given `throughCommitter`, see below"],
  ['src/journal/postgres/postgres-journal.ts writer.commit', 'the adapter itself'],
  ['src/journal/sqlite/sqlite-journal.ts store.commit', 'the adapter itself'],
  ['src/journal/sqlite/sqlite-journal.ts database).commit', 'its first record'],
  ['src/journal/sqlite/sqlite-log-store.ts store.place', 'the adapter itself'],
  ['src/journal/sqlite/sqlite-log-store.ts store.addCheckpoint', 'the adapter itself'],
  ['src/journal/sqlite/store.ts writer.commit', 'the adapter itself, wherever it writes'],
  ['src/journal/sqlite/store.ts log.place', 'the adapter itself, wherever it writes'],
  ['src/journal/sqlite/store.ts log.addCheckpoint', 'the adapter itself, wherever it writes'],
  ['src/journal/sqlite/store.ts store.commit', 'the adapter in the thread that asks'],
  ['src/journal/sqlite/store.ts store.place', 'the adapter in the thread that asks'],
  ['src/journal/sqlite/store.ts store.addCheckpoint', 'the adapter in the thread that asks'],
  ['src/journal/sqlite/store-thread.ts ).commit', 'the adapter in a thread of its own'],
  ['src/journal/sqlite/store-thread.ts ).place', 'the adapter in a thread of its own'],
  ['src/journal/sqlite/store-thread.ts ).addCheckpoint', 'the adapter in a thread of its own'],
  ['src/journal/copy/copy-journal.ts source.commit', 'a command that has the journal to itself'],
  [
    'src/journal/persons/personal-journal.ts inner.commit',
    'an adapter around an adapter: texts are encrypted on the way',
  ],
  ['src/archive/remove.ts journal.commit', 'a command in a process of its own, which may be run again'],
  ['src/cli/journal-copy.ts journal.commit', 'a command that has the journal to itself'],
  ['src/pipeline/executions/call-target.ts handler.observe', 'the door of all calls'],
  ['src/pipeline/executions/call-target.ts handler.perform', 'the door of all calls'],
  ['src/pipeline/executions/call-target.ts handler.verify', 'the door of all calls'],
  ['src/pipeline/executions/call-target.ts handler.check', 'the door of all calls'],
  ['src/pipeline/executions/call-target.ts handler.undo', 'the door of all calls'],
  ['src/pipeline/executions/target-holds.ts handler.verify', "only reads, for the door of all calls: others' holds"],
  ['src/connectors/define-handler.ts definition.perform', 'a handler made of a definition'],
  ['src/connectors/define-handler.ts definition.verify', 'a handler made of a definition'],
  ['src/journal/log-keeper.ts log.place', 'the door of the log'],
  ['src/journal/log-keeper.ts log.addCheckpoint', 'the door of the log'],
  // Other things of the same name.
  ['src/journal/sqlite/store.ts files.check', 'whether the files are still the own ones'],
  ['src/journal/sqlite/store-thread.ts files.check', 'whether the files are still the own ones'],
  ['src/journal/copy/copy-journal.ts options.verify', 'the verifier'],
  ['src/timestamps/time-stamp.ts signed.verify', 'the signature of a time stamp'],
  ['src/pipeline/detections/run.ts detector.observe', 'what a detector reads of an event'],
  ['src/pipeline/detections/registry.ts detector.observe', 'what a detector reads of an event'],
  ['src/pipeline/actions/registry.ts handler.verify', 'whether there is one'],
  ['src/pipeline/actions/registry.ts handler.undo', 'whether there is one'],
  ['src/pipeline/actions/registry.ts handler.check', 'whether there is one'],
  ['src/pipeline/playbooks/conditions.ts scope)).check', 'the types of an expression'],
  ['src/connectors/define-handler.ts {observe}', 'a handler made of a definition'],
  ['src/connectors/ssh/prefixes.ts list.check', 'whether an address is in a list'],
  ['src/demo/verifier.ts {check}', 'a check of the demo'],
  ['src/cli/sync.ts {check}', 'an option of the command'],
  ['src/pipeline/executions/core/attempts.ts input.undo', 'whether a call that was cut off was an undo'],
  ['src/pipeline/executions/core/pausing.ts input.undo', 'whether a call that was kept back was an undo'],
  ['src/witness/witness-server.ts witness.addCheckpoint', "the witness's own store"],
]);

const MEMBERS = 'commit|observe|perform|verify|check|undo|addCheckpoint';
/** `journal.commit`, called or handed on; `handler?.undo`, `journal['commit']`; a call that breaks its line before the dot. */
const ACCESS = new RegExp(String.raw`([\w$)\]]+)\s*\??\.\s*(${MEMBERS})\b(?!\s*:)`, 'g');
/** Many things have a place: here it is one that is called, or the log's. */
const PLACE = /([\w$)\]]+)\s*\??\.\s*(place)(?=\s*\()|\b(log)\s*\.\s*(place)\b(?!\s*\()/g;
/** Not of a type, which begins with a capital. */
const BY_NAME = new RegExp(
  String.raw`\b([a-z_$][\w$]*|[)\]])\s*(?:\?\.)?\[\s*['"\x60](${MEMBERS}|place)['"\x60]\s*\]`,
  'g',
);
/** `const { commit } = journal`, `({ commit }: Journal) =>`. */
const TAKEN_OUT = new RegExp(
  String.raw`[{,]\s*(${MEMBERS})\s*(?::\s*\w+\s*)?(?:,[^{}();]*)?\}\s*(?::[^=;{]+)?(?:=(?!>)|\)\s*=>|\)\s*\{)`,
  'g',
);

/** The uses in a source, comments and texts apart. */
function usesIn(file: string, source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
  const found = [ACCESS, PLACE, BY_NAME].flatMap((form) =>
    [...code.matchAll(form)].map((match) => `${file} ${match[1] ?? match[3] ?? ''}.${match[2] ?? match[4] ?? ''}`),
  );
  const takenOut = [...code.matchAll(TAKEN_OUT)].map(([, member = '']) => `${file} {${member}}`);
  return [...found, ...takenOut];
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    return entry.name.endsWith('.ts') && !/\.test\.ts$|\/(fake|test)-[^/]+\.ts$/.test(path) ? [path] : [];
  });
}

function unexplained(file: string, source: string): string[] {
  return usesIn(file, source).filter((use) => !DOORS.has(use));
}

describe('commits, calls and the log', () => {
  it('are reached through their doors only', () => {
    const sources = sourcesIn('src').map((path) => [path.replaceAll('\\', '/'), readFileSync(path, 'utf8')] as const);
    expect(sources.length).toBeGreaterThan(200);
    expect(sources.flatMap(([path, source]) => unexplained(path, source))).toEqual([]);
    // What is in the table and not in the tree would let a new way in unseen.
    const used = new Set(sources.flatMap(([path, source]) => usesIn(path, source)));
    expect([...DOORS.keys()].filter((door) => !used.has(door))).toEqual([]);
  });

  it('services that commit by themselves are given the journal that goes through the committer', () => {
    const root = readFileSync('src/server.ts', 'utf8');
    const signIn = readFileSync('src/start/sign-in.ts', 'utf8');
    expect(root).toMatch(/\bopenSignIn\(config, \{\s*journal: throughCommitter,/);
    for (const service of [
      'createSessionService',
      'createPasswordService',
      'createPasskeyService',
      'createSingleSignOnService',
    ]) {
      expect(signIn).toMatch(new RegExp(String.raw`\b${service}\(journal\b`));
      expect(root).not.toContain(service);
    }
    const rights = readFileSync('src/start/rights.ts', 'utf8');
    for (const service of ['createAccessService', 'createGroupService', 'createCustomRoleService']) {
      expect(rights).toMatch(new RegExp(String.raw`\b${service}\(journal\b`));
      expect(root).not.toContain(service);
    }
    for (const service of [
      'createSetupService',
      'openRights',
      'createIdempotencyStore',
      'createRecoveryService',
      'openLogKeeper',
    ]) {
      expect(root).toMatch(new RegExp(String.raw`\b${service}\(throughCommitter\b`));
      expect(root.match(new RegExp(String.raw`\b${service}\(`, 'g'))).toHaveLength(1);
    }
    const voting = readFileSync('src/start/voting.ts', 'utf8');
    expect(root).toMatch(/\bopenVoting\(\{ journal: throughCommitter,/);
    expect(voting).toMatch(/\bcreateDelegationService\(journal\b/);
    expect(root).not.toContain('createDelegationService');
    expect(root).toContain('const throughCommitter = throughTheDoor(journal, committer);');
    expect(readFileSync('src/start/through-the-door.ts', 'utf8')).toMatch(
      /commit: \(changes\) => Promise\.all\(changes\.map\(\(change\) => committer\.submit\(change\)\)\)/,
    );
  });

  it.each([
    ['a commit', 'await ports.journal.commit([change]);'],
    ['a commit on the next line', 'await journal\n  .commit([change]);'],
    ['a commit by name', `await journal['commit']([change]);`],
    ['a commit that is handed on', 'retry(journal.commit);'],
    ['a commit that is taken out', 'const { view, commit } = journal;'],
    ['a commit that is taken out of a parameter', 'const write = ({ commit }: Journal) => commit([change]);'],
    ['a call', 'await handler.perform(target, parameters, prior, context);'],
    ['an optional call', 'await handler.undo?.(target, parameters, prior, reply, context);'],
    ['a call of what was looked up', 'await registry.handlerFor(type).verify(target);'],
    ['a place in the log', 'await journal.log.place(size, leaves);'],
    ['a checkpoint', 'await log.addCheckpoint(checkpoint);'],
  ])('%s anywhere else is found', (_name, line) => {
    expect(unexplained('src/pipeline/intake/intake.ts', `export async function sneak() {\n${line}\n}\n`)).toHaveLength(
      1,
    );
  });

  it('words in comments and other members are not taken for them', () => {
    const source =
      '// journal.commit\n/** handler.perform */\nresult.committed();\nreturn { commit: (changes) => all(changes) };\n';
    expect(unexplained('src/x.ts', source)).toEqual([]);
  });
});
