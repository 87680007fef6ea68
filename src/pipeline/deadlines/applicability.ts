import {
  INCIDENT_QUESTIONS,
  ORGANISATION_QUESTIONS,
  type Answers,
  type AnswerWord,
  type Question,
} from './questions.ts';
import type { DeadlineRule } from './rule.ts';

/** Whether a rule applies, and why, for people to read. Nothing that is not answered ever counts as a no. */
export interface Verdict {
  readonly ruleId: string;
  readonly regime: string;
  readonly verdict: 'applies' | 'undecided' | 'does_not_apply';
  readonly reason: string;
  /** Ids of questions that are open; of an organisation or of the incident. */
  readonly open: readonly string[];
}

export function verdictOf(rule: DeadlineRule, organisation: Answers, incident: Answers): Verdict {
  const asked = [
    ...conditions(rule.appliesWhen.organisation, organisation, ORGANISATION_QUESTIONS),
    ...conditions(rule.appliesWhen.incident, incident, INCIDENT_QUESTIONS),
  ];
  const common = { ruleId: rule.id, regime: rule.regime };
  const against = asked.filter(({ given, wanted }) => given !== 'unknown' && given !== wanted);
  if (against.length > 0) return { ...common, verdict: 'does_not_apply', reason: sentence(against), open: [] };
  const open = asked.filter(({ given }) => given === 'unknown');
  if (open.length > 0)
    return {
      ...common,
      verdict: 'undecided',
      reason: `Not answered: ${open.map(({ text }) => text).join(' ')}`,
      open: open.map(({ id }) => id),
    };
  return { ...common, verdict: 'applies', reason: sentence(asked), open: [] };
}

interface Condition extends Question {
  readonly given: AnswerWord;
  readonly wanted: 'yes' | 'no';
}

function conditions(
  wanted: { readonly [question: string]: 'yes' | 'no' },
  answers: Answers,
  questions: readonly Question[],
): readonly Condition[] {
  return Object.entries(wanted).map(([id, value]) => ({
    id,
    text: questions.find((question) => question.id === id)?.text ?? id,
    given: Object.hasOwn(answers, id) ? (answers[id] ?? 'unknown') : 'unknown',
    wanted: value,
  }));
}

function sentence(conditions: readonly Condition[]): string {
  return conditions.map(({ text, given }) => `${text} ${given === 'yes' ? 'Yes.' : 'No.'}`).join(' ');
}
