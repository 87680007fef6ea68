/**
 * The one catalogue of errors that a caller can meet. Each code has one HTTP status and one title;
 * `docs/errors.md` explains each to people. An expected failure is a `FirebreakError`; anything else is a bug.
 */
export const ERRORS = {
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_request: { status: 400, title: 'The request does not have the expected shape' },
  unknown_format: { status: 400, title: 'The event format is not known' },
  batch_too_large: { status: 413, title: 'The batch holds too many events' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  invalid_playbook: { status: 422, title: 'The playbook is not valid' },
  invalid_runbook: { status: 422, title: 'The runbook is not valid' },
  invalid_policy: { status: 422, title: 'The policy is not valid' },
  invalid_guard: { status: 422, title: 'The guard is not valid' },
  invalid_schedule: { status: 422, title: 'The on-call schedule is not valid' },
  invalid_contact: { status: 422, title: 'The regulatory contact is not valid' },
  invalid_inventory: { status: 422, title: 'The inventory is not valid' },
  invalid_draft: { status: 422, title: 'The draft or its proof is not valid' },
  invalid_vendor: { status: 422, title: 'The vendor is not valid' },
  invalid_exemption: { status: 422, title: 'The exemption is not valid' },
  invalid_lawful_basis: { status: 422, title: 'The lawful bases are not valid' },
  lawful_basis_missing: { status: 409, title: 'No lawful basis is on record' },
  invalid_task: { status: 422, title: 'The task is not valid' },
  invalid_deadline: { status: 422, title: 'The deadline is not valid' },
  invalid_expression: { status: 422, title: 'The expression is not valid' },
  invalid_template: { status: 422, title: 'The template cannot be resolved' },
  weak_password: { status: 422, title: 'The password cannot be used' },
  idempotency_mismatch: { status: 422, title: 'The idempotency key was used with another body' },
  unauthenticated: { status: 401, title: 'No valid credential' },
  forbidden: { status: 403, title: 'The role does not allow this' },
  cross_site: { status: 403, title: 'The request came from another site' },
  cannot_vote: { status: 403, title: 'This person cannot vote here' },
  passkey_needed: { status: 403, title: 'A passkey is needed' },
  passkey_refused: { status: 403, title: 'The passkey does not prove it' },
  not_found: { status: 404, title: 'There is no such thing' },
  archived: { status: 410, title: 'It lies in an archive' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  conflict: { status: 409, title: 'The present state does not allow this' },
  already_decided: { status: 409, title: 'The decision was already taken' },
  stale_version: { status: 412, title: 'Somebody changed it in the meantime' },
  precondition_required: { status: 428, title: 'If-Match is required' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Firebreak made a mistake' },
  store_unavailable: { status: 503, title: 'The journal cannot be written' },
  overloaded: { status: 503, title: 'Too much work is waiting' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One fault of an input: `pointer` is a JSON pointer (`/actions/0/stage`), `detail` says what is wrong and the fix. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** An expected failure. `message` may be shown to the caller; `cause` may not. */
export class FirebreakError extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];
  constructor(code: ErrorCode, message: string, faults: readonly Fault[] = [], options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FirebreakError';
    this.code = code;
    this.faults = faults;
  }
  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** The text of anything that was thrown, for logs and internal causes. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** A condition that only a bug can break. It stops the work at hand, never the process. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}
