/*
 * Adds up what was lost, done twice and left over. Shares nothing with the server: it reads what was acknowledged
 * (ledger.jsonl), what really happened (company.json, receiver.jsonl), what the server says became of it (journal.json)
 * and what its verifiers said (audit.json). `node torture/check.js DIRECTORY`; exit code 1 when any figure is not zero.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How much later than it was sent a call may be seen, in ms: the receiver's process is busy with other things too. */
const LATE_MS = 500;

const text = (name) => readFileSync(join(process.argv[2] ?? '.', name), 'utf8');
const json = (name) => JSON.parse(text(name));
const lines = (name) =>
  existsSync(join(process.argv[2] ?? '.', name))
    ? text(name)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
const countBy = (items, nameOf) => {
  const counts = new Map();
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1);
  return counts;
};

const [acknowledged, calls] = [lines('ledger.jsonl'), lines('receiver.jsonl')];
const [company, journal, audit] = [json('company.json'), json('journal.json'), json('audit.json')];
const found = { lost: [], duplicated: [], stuck: [], 'chain-errors': [] };
const note = (what, condition, says) => condition && found[what].push(says);
const twice = (counts, says) => {
  for (const [name, count] of counts)
    for (let more = 1; more < count; more += 1) found.duplicated.push(`${says} ${name}`);
};

// Effects: each key once, each person of one execution only once, each call of what knows no keys once.
const isOwn = (person) => person.startsWith('p');
twice(
  countBy(
    company.effects.filter(({ target }) => !isOwn(target)),
    ({ key, effect, target }) => `${key} ${effect} ${target}`,
  ),
  'effect under one key:',
);
twice(
  countBy(
    company.effects.filter(({ target }) => isOwn(target)),
    ({ effect, target }) => `${effect} ${target}`,
  ),
  'effect:',
);
twice(
  countBy(calls, ({ order, step }) => `${order} ${step}`),
  'webhook:',
);
// Who was taken for dead must not call any more: what it did would be done again, or be said not to have been done.
const settledAt = new Map(
  journal.executions.flatMap(({ actions }) => actions.map((each) => [each.key, each.settledAt])),
);
for (const { key, at, order, step } of calls)
  note(
    'duplicated',
    (settledAt.get(key) ?? Infinity) + LATE_MS < at,
    `webhook: ${order} ${step} ${at - (settledAt.get(key) ?? 0)} ms after it was settled`,
  );
const roots = journal.executions.filter(({ parent, playbookId }) => parent === null && playbookId !== 'shared');
// What joins a campaign later gets a follow-up; its accounts are counted above, each by itself.
const once = roots.filter(({ playbookId }) => playbookId !== 'campaign');
twice(
  countBy(once, ({ playbookId, userId }) => `${playbookId} ${userId}`),
  'execution:',
);

// What was acknowledged is there; what is said to be done was done; what was undone is undone.
const ids = new Set(journal.executions.map(({ id }) => id));
const runs = new Set(roots.map(({ playbookId, userId }) => `${playbookId} ${userId}`));
const voters = new Map(journal.approvals.map((approval) => [approval.id, approval.voters]));
for (const entry of acknowledged) {
  if (entry.kind === 'execution') note('lost', !ids.has(entry.id), `execution ${entry.id}`);
  if (entry.kind === 'attack')
    note('lost', !runs.has(`${entry.playbookId} ${entry.userId}`), `${entry.playbookId} of ${entry.userId}`);
  if (entry.kind === 'events') note('lost', journal.acceptedAgain[entry.batch] !== 0, `events of batch ${entry.batch}`);
  if (entry.kind === 'vote') {
    const times = (voters.get(entry.approvalId) ?? []).filter((voter) => voter === entry.voterId).length;
    note('lost', times === 0, `vote of ${entry.voterId} on ${entry.approvalId}`);
    note('duplicated', times > 1, `vote of ${entry.voterId} on ${entry.approvalId}`);
  }
}
const keys = new Set(company.effects.map(({ key }) => key));
const called = new Set(calls.map(({ key }) => key));
const suspended = new Set(company.suspended);
for (const { id, status, playbookId, actions } of journal.executions) {
  const over = !['INITIATED', 'RUNNING', 'AWAITING_APPROVAL', 'COMPENSATING'].includes(status);
  note('stuck', !over, `execution ${id} is ${status}`);
  for (const { actionId, actionType, status: became, verification, target, key } of actions) {
    const held = actionType === 'ACCOUNT_SUSPEND' && target !== null && isOwn(target);
    const name = `${actionId} of ${playbookId} ${id} (${became})`;
    note('lost', became === 'SUCCESS' && verification === 'holds' && !keys.has(key), name);
    note('lost', became === 'SUCCESS' && actionType === 'CUSTOM_WEBHOOK' && !called.has(key), name);
    note(
      'lost',
      became === 'SUCCESS' && held && verification === 'holds' && !suspended.has(target),
      `${name}: nothing is held`,
    );
    note('lost', became === 'COMPENSATED' && held && suspended.has(target), `${name}: it was not undone`);
    note('stuck', over && became === 'SUCCESS' && playbookId === 'lasting', `${name}: its end never came`);
  }
}
// Whose undo failed for good, or was never due, says so: a person has to look at it, and it is no loss. All others undo.
const SAYS_SO = ['SUCCESS', 'UNKNOWN', 'COMPENSATION_FAILED', 'SKIPPED'];
const holders = new Set(
  journal.executions.flatMap(({ actions }) =>
    actions
      .filter(({ actionType, status }) => actionType === 'ACCOUNT_SUSPEND' && SAYS_SO.includes(status))
      .map(({ target }) => target),
  ),
);
const shared = company.suspended.filter((person) => !isOwn(person));
for (const person of shared) note('stuck', !holders.has(person), `${person} is held and nobody holds`);
for (let left = 0; left < audit.queued; left += 1) note('stuck', true, 'an effect is owed and nobody performs it');
note('chain-errors', audit.verify.intact !== true, `audit verify: ${JSON.stringify(audit.verify)}`);
for (const stream of audit.replays.differing) note('chain-errors', true, `replay: ${stream}`);

for (const [what, all] of Object.entries(found))
  for (const says of all.slice(0, 20)) process.stderr.write(`${what}: ${says}\n`);
const figures = Object.entries(found).map(([what, all]) => `${what} ${all.length}`);
process.stdout.write(`executions ${journal.executions.length} ${figures.join(' ')}\n`);
process.exitCode = Object.values(found).some((all) => all.length > 0) ? 1 : 0;
