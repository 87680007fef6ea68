import type { Event } from '../events/event.ts';
import type { DetectionContext, Finding, FindingChange, Rule } from './detector.ts';
import type { StoredState } from './registry.ts';
import { runDetectors, type DetectionResult } from './run.ts';
import { NO_EGRESS } from './test-event.ts';

/** A journal of states and findings in memory, for tests: what a caller of `runDetectors` does. */
export interface TestStore {
  readonly states: Map<string, StoredState>;
  readonly findings: Map<string, Finding>;
  readonly changes: FindingChange[];
}

export function testStore(): TestStore {
  return { states: new Map(), findings: new Map(), changes: [] };
}

/** Runs one batch and stores what came out. The state goes through JSON, as a row does. */
export function runBatch(
  store: TestStore,
  rules: readonly Rule[],
  events: readonly Event[],
  context: DetectionContext = NO_EGRESS,
): DetectionResult {
  const receivedAt = events.reduce((latest, event) => Math.max(latest, event.receivedAt), 0);
  const result = runDetectors({
    events,
    rules,
    context,
    receivedAt,
    chosenKeysStored: 0,
    loadState: (ruleId, key) => store.states.get(`${ruleId} ${key}`) ?? null,
  });
  for (const { ruleId, key, state } of result.states) {
    // Safe: a state is plain data, so it reads back as what it was.
    store.states.set(`${ruleId} ${key}`, JSON.parse(JSON.stringify(state)) as StoredState);
  }
  for (const change of result.changes) {
    store.changes.push(change);
    if (change.change !== 'opened' || !store.findings.has(change.finding.id)) {
      store.findings.set(change.finding.id, change.finding);
    }
  }
  return result;
}

/** What stands at the end, sorted by id. */
export function standing(store: TestStore): readonly Finding[] {
  return [...store.findings.values()].filter((finding) => !finding.superseded).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The standing findings of events taken in as one batch. */
export function findingsOf(rule: Rule, events: readonly Event[], context?: DetectionContext): readonly Finding[] {
  const store = testStore();
  runBatch(store, [rule], events, context);
  return standing(store);
}
