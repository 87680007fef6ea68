import type { AlertSeverity, Change } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';

export interface GoogleEvent {
  readonly kind: EventKind;
  readonly outcome: EventOutcome;
  readonly change?: Change;
  /** What the change is when the parameter NEW_VALUE says false. */
  readonly switch?: Change;
  /** Nobody is concerned when the event names no user (the actor is an administrator). */
  readonly needsUser?: boolean;
  /** Type of the thing touched and the parameter that names it, best first. */
  readonly touches?: readonly (readonly [type: string, parameter: string])[];
  readonly severity?: AlertSeverity;
}

const ROLE = [
  ['role', 'ROLE_ID'],
  ['role', 'ROLE_NAME'],
  ['privilege', 'PRIVILEGE_NAME'],
] as const;
const GROUP = [['group', 'GROUP_EMAIL']] as const;

const alert = (severity: AlertSeverity): GoogleEvent => ({ kind: 'alert', outcome: 'unknown', severity });
const own = (kind: EventKind, change: Change): GoogleEvent => ({ kind, outcome: 'success', change });
const admin = (kind: EventKind, change: Change, touches: GoogleEvent['touches'] = []): GoogleEvent => ({
  kind,
  outcome: 'success',
  change,
  touches,
  needsUser: kind === 'privilege_change' || kind === 'mfa_change',
});
const onUser = (kind: EventKind, change: Change): GoogleEvent => ({
  kind,
  outcome: 'success',
  change,
  needsUser: true,
});

/**
 * Events by application and name, from the vendor's list (developers.google.com, Reports API: login audit activity,
 * delegated admin settings) and, for the other admin settings, from knowledge. Google records an admin event when it
 * was done, so these are successes. What is not here is `other`. Google has no admin event for "logging off".
 */
export const GOOGLE_EVENTS: ReadonlyMap<string, GoogleEvent> = new Map([
  ['login:login_success', { kind: 'login', outcome: 'success' }],
  ['login:login_failure', { kind: 'login', outcome: 'failure' }],
  ['login:login_challenge', { kind: 'mfa_result', outcome: 'unknown' }],
  ['login:login_verification', { kind: 'mfa_result', outcome: 'unknown' }],
  ['login:logout', { kind: 'logout', outcome: 'success' }],
  ['login:2sv_enroll', own('mfa_change', 'add')],
  ['login:2sv_disable', own('mfa_change', 'remove')],
  ['login:recovery_email_edit', own('mfa_change', 'modify')],
  ['login:recovery_phone_edit', own('mfa_change', 'modify')],
  ['login:recovery_secret_qa_edit', own('mfa_change', 'modify')],
  ['login:password_edit', own('password_change', 'modify')],
  ['login:suspicious_login', alert('MEDIUM')],
  ['login:suspicious_login_less_secure_app', alert('MEDIUM')],
  ['login:suspicious_programmatic_login', alert('MEDIUM')],
  ['login:user_signed_out_due_to_suspicious_session_cookie', alert('HIGH')],
  ['login:account_disabled_password_leak', alert('MEDIUM')],
  ['login:account_disabled_hijacked', alert('HIGH')],
  ['login:gov_attack_warning', alert('HIGH')],
  ['admin:ASSIGN_ROLE', admin('privilege_change', 'grant', ROLE)],
  ['admin:UNASSIGN_ROLE', admin('privilege_change', 'revoke', ROLE)],
  ['admin:ADD_PRIVILEGE', admin('privilege_change', 'grant', ROLE)],
  ['admin:REMOVE_PRIVILEGE', admin('privilege_change', 'revoke', ROLE)],
  ['admin:CREATE_ROLE', admin('privilege_change', 'create', ROLE)],
  ['admin:GRANT_ADMIN_PRIVILEGE', admin('privilege_change', 'grant')],
  ['admin:REVOKE_ADMIN_PRIVILEGE', admin('privilege_change', 'revoke')],
  ['admin:GRANT_DELEGATED_ADMIN_PRIVILEGES', { ...admin('privilege_change', 'grant'), switch: 'revoke' }],
  ['admin:ADD_GROUP_MEMBER', admin('privilege_change', 'grant', GROUP)],
  ['admin:REMOVE_GROUP_MEMBER', admin('privilege_change', 'revoke', GROUP)],
  ['admin:CHANGE_PASSWORD', onUser('password_change', 'modify')],
  ['admin:UNENROLL_USER_FROM_STRONG_AUTH', onUser('mfa_change', 'remove')],
  ['admin:TURN_OFF_2_STEP_VERIFICATION', onUser('mfa_change', 'remove')],
  ['admin:REVOKE_SECURITY_KEY', onUser('mfa_change', 'remove')],
  ['admin:GENERATE_2SV_SCRATCH_CODES', onUser('mfa_change', 'add')],
  ['admin:ALLOW_STRONG_AUTHENTICATION', { ...admin('mfa_change', 'enable'), switch: 'disable' }],
  ['admin:ENFORCE_STRONG_AUTHENTICATION', { ...admin('mfa_change', 'enable'), switch: 'disable' }],
  ['admin:AUTHORIZE_API_CLIENT_ACCESS', admin('token_create', 'create', [['api_client', 'API_CLIENT_NAME']])],
  ['admin:CUSTOMER_TAKEOUT_CREATED', admin('data_export', 'create')],
  ['admin:CREATE_DATA_TRANSFER_REQUEST', admin('data_export', 'create', [['application', 'APPLICATION_NAME']])],
  ['admin:DOWNLOAD_USERLIST_CSV', admin('data_export', 'create')],
] satisfies readonly (readonly [string, GoogleEvent])[]);

export const GOOGLE_OTHER: GoogleEvent = { kind: 'other', outcome: 'unknown' };
