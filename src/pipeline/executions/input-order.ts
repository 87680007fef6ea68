import type { NewInput } from './core/inputs.ts';

/** Inputs whose order among each other is chance: answers of targets that worked side by side. */
const ANSWERS: ReadonlySet<string> = new Set([
  'observed',
  'performed',
  'verified',
  'checked',
  'undone',
  'paused',
  'resumed',
  'reserved',
  'spawned',
  'child',
]);

/**
 * Puts inputs that are taken up together into one order. People and timers keep the order of their arrival;
 * answers of targets, which settle side by side, are ordered by what they answer, so that the same answers give
 * the same records however they raced. Stable; answers only move past answers.
 */
export function inArrivalOrder<Item>(items: readonly Item[], inputOf: (item: Item) => NewInput): readonly Item[] {
  const ordered: Item[] = [];
  let answers: Item[] = [];
  const flush = (): void => {
    ordered.push(...answers.sort((left, right) => compare(nameOf(inputOf(left)), nameOf(inputOf(right)))));
    answers = [];
  };
  for (const item of items) {
    if (ANSWERS.has(inputOf(item).type)) {
      answers.push(item);
      continue;
    }
    flush();
    ordered.push(item);
  }
  flush();
  return ordered;
}

function nameOf(input: NewInput): string {
  const actionId = 'actionId' in input ? input.actionId : '';
  const childId = 'childId' in input ? input.childId : '';
  return `${actionId}\n${childId}\n${input.type}`;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
