/** What a reply with status 200 says. */
export interface ReadAnswer {
  readonly answer: 'approved' | 'denied' | 'none';
  readonly why: string | null;
}

/**
 * An approval is the boolean `true` under `approved`, a denial the boolean `false`. The text "true", the number 1, another
 * spelling, a list of answers or no JSON at all are no answer: nobody's approval is guessed.
 */
export function answerIn(body: Uint8Array): ReadAnswer {
  const value = parsed(body);
  if (value === undefined) return { answer: 'none', why: 'not_json' };
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, 'approved'))
    return { answer: 'none', why: 'approved_is_missing' };
  const { approved } = value as { readonly approved: unknown }; // its own member, looked at right above
  if (approved === true) return { answer: 'approved', why: null };
  if (approved === false) return { answer: 'denied', why: null };
  return { answer: 'none', why: 'approved_is_no_boolean' };
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
