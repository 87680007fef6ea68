import { applyEdits, type TextEdit } from './text-edit.ts';
import { validateText, type DocumentKind, type Judgement } from './validate-text.ts';
import type { Problem } from './problem.ts';
import type { Surroundings } from './lint-steps.ts';

/** Changes of one text: more than a file of 64 steps can need. */
const MAX_FIXES = 200;

/** What is judged of one file in all while its repairs are tried, in UTF-16 units: 1,600 times a file of 5,000. */
const MAX_JUDGED = 8_000_000;

/** Null when enough was judged: what was not tried until then is left to people. */
export type Judge = (text: string) => Judgement | null;

/** Judges until so much was judged that a person waits for it. */
export function judgeFor(format: 'json' | 'yaml', kind: DocumentKind, surroundings: Surroundings): Judge {
  let judged = 0;
  return (text) => {
    judged += text.length;
    return judged > MAX_JUDGED ? null : validateText(text, format, kind, surroundings);
  };
}

export interface FixedText {
  readonly text: string;
  /** What was mended, in this order. */
  readonly fixed: readonly Problem[];
  readonly judgement: Judgement;
}

/**
 * The text with everything mended that can be mended by itself. Each change is judged before it counts: the text has to
 * be read further than before, or have fewer problems. A text that none improves is given back as it was.
 */
export function fixText(text: string, before: Judgement, judge: Judge): FixedText {
  const fixed: Problem[] = [];
  let present: Pick<FixedText, 'text' | 'judgement'> = { text, judgement: before };
  while (fixed.length < MAX_FIXES) {
    const step = improvement(present, judge);
    if (step === null) break;
    fixed.push(step.problem);
    present = step;
  }
  return { text: present.text, judgement: present.judgement, fixed };
}

export interface SoundRepair {
  readonly edits: readonly TextEdit[];
  readonly text: string;
  readonly judgement: Judgement;
}

/** The repair of a problem that makes the text best, the first of equals; null where none makes it better. */
export function soundRepair(text: string, problem: Problem, before: Judgement, judge: Judge): SoundRepair | null {
  let best: SoundRepair | null = null;
  for (const edits of problem.repairs) {
    const changed = applyEdits(text, edits);
    if (changed === null || changed === text) continue;
    const judgement = judge(changed);
    if (judgement === null) break;
    if (best !== null ? !isBetter(judgement, best.judgement) : !isImproved(judgement, before, problem)) continue;
    best = { edits, text: changed, judgement };
    if (judgement.depth === 3 && judgement.problems.length === 0) break;
  }
  return best;
}

function isImproved(after: Judgement, before: Judgement, problem: Problem): boolean {
  return isBetter(after, before) || isFurther(after, before, problem) || isRevealed(after, before, problem);
}

/** What stands below an unknown severity is looked at when its name is right: what is found there was there before. */
function isRevealed(after: Judgement, before: Judgement, { rule, line }: Problem): boolean {
  if (rule !== 'unknown-severity' || after.depth !== before.depth) return false;
  const known = new Set(before.problems.map((problem) => `${problem.rule} ${problem.line}`));
  const stays = after.problems.some((problem) => problem.rule === rule && problem.line === line);
  return (
    !stays && after.problems.every((problem) => problem.line > line || known.has(`${problem.rule} ${problem.line}`))
  );
}

function improvement(
  { text, judgement }: { readonly text: string; readonly judgement: Judgement },
  judge: Judge,
): { readonly text: string; readonly judgement: Judgement; readonly problem: Problem } | null {
  for (const problem of judgement.problems) {
    const sound = soundRepair(text, problem, judgement, judge);
    if (sound !== null) return { text: sound.text, judgement: sound.judgement, problem };
  }
  return null;
}

/** Read further, or as far with fewer errors, or with as many errors and fewer warnings. */
function isBetter(after: Judgement, before: Judgement): boolean {
  if (after.depth !== before.depth) return after.depth > before.depth;
  const [errorsAfter, errorsBefore] = [errorsOf(after), errorsOf(before)];
  if (errorsAfter !== errorsBefore) return errorsAfter < errorsBefore;
  return after.problems.length < before.problems.length;
}

/** The parser stops at the first slip; when that is mended, it stops at the next. */
function isFurther(after: Judgement, before: Judgement, { rule }: Problem): boolean {
  if (after.depth !== 0 || before.depth !== 0 || rule === 'syntax') return false;
  const [first, then] = [syntaxLine(before), syntaxLine(after)];
  return first !== null && then !== null && then > first;
}

function syntaxLine({ problems }: Judgement): number | null {
  return problems.find(({ rule }) => rule !== 'secret')?.line ?? null;
}

function errorsOf({ problems }: Judgement): number {
  return problems.filter(({ severity }) => severity === 'error').length;
}
