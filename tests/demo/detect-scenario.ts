import type { Rule, Finding } from '../../src/pipeline/detections/detector.ts';
import { DEFAULT_RULES, parseRules } from '../../src/pipeline/detections/rules.ts';
import { runDetectors } from '../../src/pipeline/detections/run.ts';
import type { StoredState } from '../../src/pipeline/detections/registry.ts';
import type { Event } from '../../src/pipeline/events/event.ts';
import { normaliseEvent } from '../../src/pipeline/events/normalise-event.ts';
import type { Scenario } from '../../src/demo/scenario.ts';
import { BUILTIN_PLAYBOOKS } from '../../src/pipeline/playbooks/builtin/builtins.ts';

/** Every event of the scenario through the events part; `refused` names each line that it did not take. */
export function normaliseScenario(scenario: Scenario, receivedAt: number): { events: Event[]; refused: string[] } {
  const events: Event[] = [];
  const refused: string[] = [];
  for (const { name, source, lines } of scenario.files) {
    for (const [index, { line }] of lines.entries()) {
      const raw = { bytes: Buffer.from(line), json: JSON.parse(line) as unknown };
      const result = normaliseEvent(raw, { format: null, source, receivedAt });
      if (result.ok) events.push(result.event);
      else refused.push(`${name}:${index + 1} ${result.reason}`);
    }
  }
  events.sort((a, b) => a.time - b.time);
  return { events, refused };
}

/** The rules of the playbooks that the demo installs, and the default ones for what no playbook looks for. */
export function rulesOfTheDemo(): readonly Rule[] {
  const rules = parseRules(BUILTIN_PLAYBOOKS.flatMap(({ rules: own = [] }) => own));
  const shapes = DEFAULT_RULES.filter(({ ruleId }) =>
    ['rule_password_spray', 'rule_credential_stuffing'].includes(ruleId),
  );
  return [...rules, ...shapes];
}

/** The detectors alone over all events, in batches, with the state kept in a map: the findings that stand at the end. */
export function detect(
  scenario: Scenario,
  events: readonly Event[],
  rules: readonly Rule[],
  receivedAt: number,
): Finding[] {
  const states = new Map<string, StoredState>();
  const findings = new Map<string, Finding>();
  const labels = new Map(scenario.egress.map(({ cidr, label }) => [cidr.split('/')[0] ?? '', label]));
  const context = { egressLabel: (ip: string | null) => (ip === null ? null : (labels.get(ip) ?? null)) };
  for (let from = 0; from < events.length; from += 400) {
    const result = runDetectors({
      events: events.slice(from, from + 400),
      rules,
      context,
      loadState: (ruleId, key) => states.get(`${ruleId} ${key}`) ?? null,
      receivedAt,
      chosenKeysStored: 0,
    });
    if (result.errors.length > 0) throw new Error(`a detector failed: ${JSON.stringify(result.errors[0])}`);
    for (const { ruleId, key, state } of result.states) states.set(`${ruleId} ${key}`, state);
    for (const { finding } of result.changes) findings.set(finding.id, finding);
  }
  return [...findings.values()].filter((finding) => !finding.superseded);
}
