import { expect, it } from 'vitest';
import { runWorld } from '../../simulation/world/world.ts';

/**
 * Worlds in which the engine once broke a promise. What a seed means changes when the simulation itself changes, so each
 * bug also has its own unit test or planted bug where one could be written; these stay because they cost nothing. They are
 * from a time when all targets remembered the key of every call.
 */
it.each([
  [12, 'a process asked without pause whether a slow commit was over'],
  [14, 'a call without an answer took effect after its action was said to have failed'],
  [18, 'a call without an answer took effect after its action was undone'],
  [95, 'the second end of a child was taken for told when the first was'],
  [259, 'what was taken over while the store was full was begun as if it had never been sent'],
  [293, 'a read that was older than the settling time counted as one after it'],
  [372, 'after an outage a process began what another one held'],
  [405, 'a call was sent after its caller had given up on it'],
  [663, 'a call that landed after the last read was taken for failed'],
  [1621, 'the row of a shared hold kept the state that its own holder had brought about'],
  [995, 'a hold that was being undone was taken for an effect that stays'],
  [2965, 'the containment of a hold that was being undone was taken for the state before'],
  [3030, 'what was answered while an outage was caught up with was asked for once more'],
  [3539, 'an answer that was handed in twice passed for that of the next read'],
  [4671, 'a parent waited for a child that ran again when it was told to undo'],
  [8585, 'a hold was shared while it was being undone'],
  [12956, 'an execution that had only looked kept another one from taking its hold back'],
  [20195, 'a shared hold was not recognised when the one who made it was gone'],
  [20714, 'a process that had been taken for dead began what it had claimed before'],
  [31934, 'the row of a hold kept the key of the run before a retry'],
])('seed %i: %s', async (seed) => {
  const { broken } = await runWorld({
    seed,
    steps: 60,
    marks: 'every',
    lateUndos: false,
    queues: false,
    pauses: false,
  });
  expect(broken).toEqual([]);
});

it.each([
  [5360, 'a hold about which a question was asked passed for one that nobody relies on'],
  [10902, 'a slow read hid what was committed while it was under way'],
  [20444, 'what was read was dropped by a process that was slow to say that it lives, and nobody asked again'],
  [27435, 'a target that could not tell whose effect it shows was taken to show nobody’s'],
  [2662, 'a call was sent on behalf of a state that had gone on while its process was not sure that it lives'],
  [235896, 'news that could not be told because a read failed, and no commit, were told never'],
  [
    255736,
    'a read that was older than the hold of another execution passed for what shows now, and its hold was undone',
  ],
  [258446, 'what was being taken over passed for what this process had never begun'],
  [263626, 'an action that ran out of time between two tries kept another one from being undone'],
  [1_000_685, 'what an undo that was cut off could still take away passed for contained'],
  [12091, 'what an outage left was begun once more when its commit was heard of'],
])('seed %i: %s', async (seed) => {
  const { broken } = await runWorld({ seed, steps: 60, lateUndos: false, queues: false, pauses: false, limits: false });
  expect(broken).toEqual([]);
});

it.each([
  [
    1_301_191,
    'an undo was over when there was nothing to send, and the one before it that was cut off landed afterwards',
  ],
])('seed %i, where undos land late: %s', async (seed) => {
  const { broken } = await runWorld({ seed, steps: 60, lateUndos: true, queues: false, pauses: false, limits: false });
  expect(broken).toEqual([]);
});

it.each([
  [3_011_962, 'who may answer was never told when an execution started while a process looked at what it holds'],
  [3_023_793, 'the same'],
  [3_025_977, 'nobody was told of a decision that was recorded by a process under its new name'],
  [137, 'news that were asked for once more while they were told stayed in the queue'],
  [
    9_600_062,
    'the judge took a retry of actions for accounts, counted under a name of its own, for one that nobody counted',
  ],
])('seed %i, as it draws its world: %s', async (seed) => {
  const { broken } = await runWorld({ seed, steps: 60 });
  expect(broken).toEqual([]);
});

it.each([
  [7_100_280, 'votes that were enough by an escalation decided nothing, and more were refused'],
  [7_200_680, 'whether what was only looked at is undone depended on what became of the look'],
])('seed %i, in a long world: %s', async (seed) => {
  const { broken } = await runWorld({ seed, steps: 1_000 });
  expect(broken).toEqual([]);
});
