import type { DocumentKind } from './validate-text.ts';

/** Longest part of a text that is looked at, in UTF-16 units: the members are named early. */
const LOOKED_AT = 64 * 1024;

/** What a text seems to be, also where it cannot be parsed; null when it is neither a runbook nor a playbook. */
export function documentKind(text: string): DocumentKind | null {
  const start = text.slice(0, LOOKED_AT);
  if (/^\s{0,4}["']?playbooks["']?\s{0,4}:/m.test(start) || /"playbooks"\s{0,4}:/.test(start)) return 'runbook';
  if (/^\s{0,4}["']?(?:playbookType|playbookId)["']?\s{0,4}:/m.test(start) || /"playbookType"\s{0,4}:/.test(start))
    return 'playbook';
  return null;
}
