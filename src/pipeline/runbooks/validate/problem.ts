import type { Place } from '../../playbooks/placed-document.ts';
import type { TextEdit } from './text-edit.ts';

/** Something in a file that somebody should look at. */
export interface Problem extends Place {
  /** What kind it is; see `RULES`. */
  readonly rule: string;
  readonly severity: 'error' | 'warning';
  /** JSON pointer of what it is about; empty where the text could not be read that far. */
  readonly pointer: string;
  /** One sentence. Holds no secret. */
  readonly message: string;
  /** What to do, one sentence. */
  readonly fix: string;
  /** Changes that would mend it, the most likely first; whoever applies one judges the result. Empty: a person has to. */
  readonly repairs: readonly (readonly TextEdit[])[];
}

/** What a finding needs before it is a problem: the rest comes from the rule. */
export interface Finding {
  readonly rule: RuleId;
  readonly pointer: string;
  readonly message: string;
  readonly fix: string;
  /** Where it is shown; at the value of the pointer when absent. */
  readonly place?: Place;
  readonly severity?: 'error' | 'warning';
  readonly repairs?: readonly (readonly TextEdit[])[];
}

interface Rule {
  readonly severity: 'error' | 'warning';
  readonly about: string;
}

/** Every rule: how bad it is when broken, and what it asks for. */
export const RULES = {
  syntax: error('The file is well-formed YAML 1.2 or JSON.'),
  tab: error('YAML is indented by blanks.'),
  tag: error('YAML tags are not used.'),
  'several-documents': error('A file holds one document.'),
  'duplicate-key': error('A member is given once.'),
  'duplicate-id': error('Steps have different ids.'),
  aliases: error('Anchors are used sparingly.'),
  'too-large': error('A file has at most 1 MiB.'),
  'too-deep': error('A document is flat enough to be read.'),
  'forbidden-name': error('No member is named like a part of JavaScript objects.'),
  'not-recordable': error('Numbers are whole, texts well-formed.'),
  'unquoted-template': error('Templates stand in quotes: a brace opens a map in YAML.'),
  'unclosed-quote': error('Quotes are closed.'),
  'unclosed-list': error('Lists in brackets are closed.'),
  indentation: error('Members of one map begin in one column.'),
  'missing-space': error('A blank follows the colon of a member.'),
  'unknown-member': error('Members are known.'),
  'unknown-severity': error('Playbooks are keyed by low, medium, high and critical.'),
  'unknown-action': error('Actions are known.'),
  'unknown-channel': error('Channels are known.'),
  'unknown-role': error('Roles are known.'),
  'unknown-source': error('Event formats are known.'),
  'unknown-word': error('Words of a closed list are known.'),
  'unknown-connector': error('Connectors are known.'),
  'missing-member': error('What is needed is there.'),
  'wrong-type': error('Values have the type of their member.'),
  'out-of-range': error('Numbers and lengths are within their limits.'),
  'bad-format': error('Texts have the form of their member.'),
  'empty-target': error('A target is never empty: that could mean all.'),
  'misplaced-member': error('Members say something about their action.'),
  'approval-contradiction': error('What is said about approval agrees.'),
  'rollback-cycle': error('A rollback does not lead back to its action.'),
  'rollback-mismatch': error('A rollback names the inverse of its own action.'),
  'rollback-unknown': error('A rollback names an inverse.'),
  'too-many-steps': error('A playbook fits into one execution.'),
  template: error('Templates are paths in double braces.'),
  'forbidden-path': error('Templates read data, not JavaScript objects.'),
  'unknown-name': error('Templates and conditions name what is known.'),
  'unknown-event-field': warning('Event fields are those of the declared sources.'),
  condition: error('Conditions are expressions with a truth value.'),
  'unreachable-step': error('Every step can run.'),
  'irreversible-without-approval': error('What cannot be undone is approved by people.'),
  'containment-without-rollback': warning('Containment says how it is taken back, or ends by itself.'),
  'missing-regulatory-step': error('A declared duty to notify has its step in high and critical.'),
  'deadline-too-late': error('A deadline is not later than the law allows.'),
  'unknown-tag': warning('Compliance tags are known regimes.'),
  secret: error('Secrets are not written into files.'),
  'artifact-path': error('Artefacts are named by absolute paths without `..`.'),
  parameters: error('Parameters fit their action.'),
  playbook: error('A playbook document is valid.'),
  'playbook-warning': warning('A playbook document says nothing that surprises.'),
} as const satisfies Record<string, Rule>;
export type RuleId = keyof typeof RULES;

export function isRule(name: string): name is RuleId {
  return Object.hasOwn(RULES, name);
}

function error(about: string): Rule {
  return { severity: 'error', about };
}

function warning(about: string): Rule {
  return { severity: 'warning', about };
}
