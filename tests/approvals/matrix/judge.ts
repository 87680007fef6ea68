import type { Case, Course } from './case.ts';
import { coursesOf } from './specification.ts';

/** What the specification does not allow of what happened; null when it does. */
export function objectionTo(given: Case, happened: Course): string | null {
  const allowed = allowedIn(given);
  if (allowed.some((course) => sameCourse(course, happened))) return null;
  return `${given.name}\n  happened ${textOf(happened)}\n${allowed.map((course) => `  allowed  ${textOf(course)}`).join('\n')}`;
}

/** A change at the moment of a vote may also come between its being let in and its being counted. */
function allowedIn(given: Case): readonly Course[] {
  const races = given.steps.some((step) => step.length > 1 && step.some((event) => event.do === 'change'));
  if (!races) return coursesOf(given);
  const letIn = given.steps.map((step) =>
    step.map((event) =>
      event.do === 'vote' && step.length > 1 ? { ...event, ballot: { ...event.ballot, letInEarlier: true } } : event,
    ),
  );
  return [...coursesOf(given), ...coursesOf({ ...given, steps: letIn })];
}

const sameCourse = (left: Course, right: Course): boolean => textOf(left) === textOf(right);

function textOf({ answers, status }: Course): string {
  const given = Object.entries(answers).sort(([left], [right]) => (left < right ? -1 : 1));
  return `${status}: ${given.map(([at, answer]) => `${at} ${answer}`).join(', ')}`;
}
