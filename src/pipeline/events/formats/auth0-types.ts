import type { AlertSeverity, Change } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';

export interface Auth0Type {
  readonly kind: EventKind;
  readonly outcome: EventOutcome;
  readonly factor?: string;
  readonly change?: Change;
  readonly severity?: AlertSeverity;
  /** The event is about an address, not about the account it names. */
  readonly aboutAddress?: boolean;
}

const signIn = (outcome: EventOutcome): Auth0Type => ({ kind: 'login', outcome });
const prompt = (factor: string, outcome: EventOutcome = 'challenge'): Auth0Type => ({
  kind: 'mfa_prompt',
  outcome,
  factor,
});
const second = (outcome: EventOutcome, factor?: string): Auth0Type => ({
  kind: 'mfa_result',
  outcome,
  ...(factor === undefined ? {} : { factor }),
});
const factorChange = (change: Change, outcome: EventOutcome = 'success'): Auth0Type => ({
  kind: 'mfa_change',
  outcome,
  change,
});

/**
 * Auth0's log type codes. `s`, `f`, `fp`, `gd_send_pn` and `gd_auth_rejected` come from the study of the formats, the
 * others from the vendor's list of codes (auth0.com/docs, "Log Event Type Codes"). A code that is not here is `other`.
 */
export const AUTH0_TYPES: ReadonlyMap<string, Auth0Type> = new Map([
  ['s', signIn('success')],
  ['sepft', signIn('success')],
  ['scoa', signIn('success')],
  ['f', signIn('failure')],
  ['fp', signIn('failure')],
  ['fu', signIn('failure')],
  ['fc', signIn('failure')],
  ['fcoa', signIn('failure')],
  ['fens', signIn('failure')],
  ['fepft', signIn('failure')],
  ['slo', { kind: 'logout', outcome: 'success' }],
  ['flo', { kind: 'logout', outcome: 'failure' }],
  ['gd_send_pn', prompt('push')],
  ['gd_send_pn_failure', prompt('push', 'failure')],
  ['gd_send_sms', prompt('sms')],
  ['gd_send_sms_failure', prompt('sms', 'failure')],
  ['gd_send_voice', prompt('voice')],
  ['gd_send_voice_failure', prompt('voice', 'failure')],
  ['gd_send_email', prompt('email')],
  ['gd_auth_succeed', second('success')],
  ['gd_auth_failed', second('failure')],
  ['gd_auth_rejected', second('denied')],
  ['gd_otp_rate_limit_exceed', second('failure', 'otp')],
  ['gd_recovery_succeed', second('success', 'recovery-code')],
  ['gd_recovery_failed', second('failure', 'recovery-code')],
  ['gd_recovery_rate_limit_exceed', second('failure', 'recovery-code')],
  ['gd_webauthn_challenge_failed', second('failure', 'webauthn')],
  ['gd_enrollment_complete', factorChange('add')],
  ['gd_start_enroll_failed', factorChange('add', 'failure')],
  ['gd_webauthn_enrollment_failed', factorChange('add', 'failure')],
  ['gd_unenroll', factorChange('remove')],
  ['gd_update_device_account', factorChange('modify')],
  ['scp', { kind: 'password_change', outcome: 'success' }],
  ['fcp', { kind: 'password_change', outcome: 'failure' }],
  ['sapi', { kind: 'other', outcome: 'success' }],
  ['fapi', { kind: 'other', outcome: 'failure' }],
  ['pwd_leak', { kind: 'alert', outcome: 'denied', severity: 'MEDIUM' }],
  ['limit_wc', { kind: 'alert', outcome: 'denied', severity: 'LOW' }],
  ['limit_mu', { kind: 'alert', outcome: 'denied', severity: 'LOW', aboutAddress: true }],
] satisfies readonly (readonly [string, Auth0Type])[]);

export const AUTH0_OTHER: Auth0Type = { kind: 'other', outcome: 'unknown' };
