import { describe, expect, it } from 'vitest';
import { basisOf } from './basis.ts';
import { BUILTIN_CALENDARS } from './calendars/builtin.ts';
import { stagesOf, type ClockBasis } from './due.ts';
import { explainStage } from './explain.ts';
import { BUILTIN_RULES } from './rules/builtin.ts';
import { AMERICAN_CASES } from './test-cases-americas.ts';
import { EU_CASES } from './test-cases-eu.ts';
import { OTHER_CASES } from './test-cases-others.ts';
import { factsOf, type HandCase } from './test-cases.ts';

const CASES = [...EU_CASES, ...AMERICAN_CASES, ...OTHER_CASES];

function basisFor({ rule: id, calendar, timeZone, reliefs }: HandCase): ClockBasis {
  const rule = BUILTIN_RULES.find((each) => each.id === id);
  if (rule === undefined) throw new Error(`there is no rule ${id}`);
  const options = { ...(calendar === undefined ? {} : { calendar }), ...(timeZone === undefined ? {} : { timeZone }) };
  const basis = basisOf(rule, BUILTIN_CALENDARS, options, reliefs);
  if (basis === null) throw new Error(`${id} has no calendar`);
  return basis;
}

describe('deadlines worked out by hand', () => {
  it('are at least 60 cases, and look at every rule', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(60);
    const looked = new Set(CASES.map(({ rule }) => rule));
    const same = ['gdpr-34', 'uk-gdpr-34', 'cra-incident', 'hipaa-hhs-large', 'hipaa-business-associate'];
    const left = BUILTIN_RULES.map(({ id }) => id).filter((id) => !looked.has(id) && !same.includes(id));
    expect(left).toEqual(['circia-ransom', 'ch-isg']);
  });

  it.each(CASES.map((each) => [`${each.rule}: ${each.how}`, each] as const))('%s', (_name, each) => {
    const basis = basisFor(each);
    const stages = stagesOf(basis, factsOf(each));
    for (const [stage, wanted] of Object.entries(each.due)) {
      const found = stages.find((one) => one.stage === stage);
      const shown = found?.due === null || found === undefined ? found?.state : new Date(found.due).toISOString();
      const iso = /^\d/.test(wanted) ? new Date(wanted).toISOString() : wanted;
      expect(shown, `${stage}: ${found === undefined ? '' : explainStage(basis, found)}`).toBe(iso);
    }
  });
});
