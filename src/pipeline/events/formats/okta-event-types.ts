import type { AlertSeverity, Change } from '../draft.ts';
import type { EventKind } from '../event.ts';

/**
 * Whose account an event is about. `actor`: the one who signs in. `target`: the account in `target[]`, and nobody when there is none (an administrator
 * must not be blamed for what happened to a user, and a privilege that went to a group is no grant to oneself). `target-or-actor`: the account in `target[]`, else the one who acted.
 */
export type Concerns = 'actor' | 'target' | 'target-or-actor';

export interface OktaEventType {
  readonly kind: EventKind;
  readonly concerns: Concerns;
  readonly change?: Change;
  /** Types of `target[]` that say what was granted or touched, best first. */
  readonly touches?: readonly string[];
  readonly severity?: AlertSeverity;
}

const LOGIN: OktaEventType = { kind: 'login', concerns: 'actor' };
const LOGOUT: OktaEventType = { kind: 'logout', concerns: 'actor' };
const PROMPT: OktaEventType = { kind: 'mfa_prompt', concerns: 'target-or-actor' };
const MFA: OktaEventType = { kind: 'mfa_result', concerns: 'actor' };
const PASSWORD: OktaEventType = { kind: 'password_change', concerns: 'target' };
const GROUPS = ['UserGroup', 'Group'];

const mfaChange = (change: Change): OktaEventType => ({
  kind: 'mfa_change',
  concerns: 'target',
  change,
  touches: ['AuthenticatorEnrollment', 'Authenticator', 'Factor'],
});
const privilege = (change: Change, touches: readonly string[]): OktaEventType => ({
  kind: 'privilege_change',
  concerns: 'target',
  change,
  touches,
});
const logging = (change: Change): OktaEventType => ({ kind: 'logging_change', concerns: 'target-or-actor', change });
const alert = (severity: AlertSeverity): OktaEventType => ({ kind: 'alert', concerns: 'target-or-actor', severity });

/**
 * Okta event types by name. The names of grants, factors, tokens, pushes and threats are those that published
 * detection rules use (event-formats study: elastic/detection-rules @14cf530f, SigmaHQ/sigma @8eaafff1); the others are
 * from knowledge of the catalogue. A type that is not here is `other`.
 */
export const OKTA_EVENT_TYPES: ReadonlyMap<string, OktaEventType> = new Map([
  ['user.session.start', LOGIN],
  ['user.authentication.sso', LOGIN],
  ['user.authentication.auth_via_IDP', LOGIN],
  ['user.authentication.auth_via_social', LOGIN],
  ['user.authentication.auth_via_inbound_SAML', LOGIN],
  ['user.authentication.auth_via_AD_agent', LOGIN],
  ['user.authentication.auth_via_LDAP_agent', LOGIN],
  ['user.authentication.auth_via_radius', LOGIN],
  ['user.authentication.auth_via_richclient', LOGIN],
  ['user.session.end', LOGOUT],
  ['user.session.expire', LOGOUT],
  ['user.authentication.slo', LOGOUT],
  ['user.authentication.auth_via_mfa', MFA],
  ['user.mfa.okta_verify.deny_push', MFA],
  ['user.mfa.attempt_bypass', MFA],
  ['system.push.send_factor_verify_push', PROMPT],
  ['system.sms.send_factor_verify_message', PROMPT],
  ['system.email.send_factor_verify_message', PROMPT],
  ['system.voice.send_mfa_challenge_call', PROMPT],
  ['user.account.update_password', PASSWORD],
  ['user.account.reset_password', PASSWORD],
  ['user.account.expire_password', PASSWORD],
  ['user.mfa.factor.activate', mfaChange('add')],
  ['user.mfa.factor.unsuspend', mfaChange('add')],
  ['user.mfa.factor.update', mfaChange('modify')],
  ['user.mfa.factor.deactivate', mfaChange('remove')],
  ['user.mfa.factor.suspend', mfaChange('remove')],
  ['user.mfa.factor.reset_all', mfaChange('reset')],
  ['system.mfa.factor.deactivate', mfaChange('remove')],
  ['security.authenticator.lifecycle.deactivate', mfaChange('remove')],
  ['user.account.privilege.grant', privilege('grant', ['ROLE', 'Role', 'CUSTOM_ROLE', ...GROUPS])],
  ['user.account.privilege.revoke', privilege('revoke', ['ROLE', 'Role', 'CUSTOM_ROLE', ...GROUPS])],
  ['group.privilege.grant', privilege('grant', ['ROLE', 'Role', 'CUSTOM_ROLE', ...GROUPS])],
  ['group.privilege.revoke', privilege('revoke', ['ROLE', 'Role', 'CUSTOM_ROLE', ...GROUPS])],
  ['group.user_membership.add', privilege('grant', GROUPS)],
  ['group.user_membership.remove', privilege('revoke', GROUPS)],
  ['iam.resourceset.bindings.add', privilege('grant', ['ROLE', 'Role', 'CUSTOM_ROLE', 'IAM_RESOURCE_SET'])],
  ['iam.resourceset.bindings.remove', privilege('revoke', ['ROLE', 'Role', 'CUSTOM_ROLE', 'IAM_RESOURCE_SET'])],
  ['user.session.impersonation.grant', privilege('grant', [])],
  ['user.session.impersonation.initiate', privilege('grant', [])],
  ['system.idp.lifecycle.create', privilege('create', ['IdentityProvider'])],
  [
    'system.api_token.create',
    { kind: 'token_create', concerns: 'target-or-actor', change: 'create', touches: ['Token'] },
  ],
  ['system.log_stream.lifecycle.create', logging('create')],
  ['system.log_stream.lifecycle.activate', logging('enable')],
  ['system.log_stream.lifecycle.update', logging('modify')],
  ['system.log_stream.lifecycle.deactivate', logging('disable')],
  ['system.log_stream.lifecycle.delete', logging('delete')],
  ['event_hook.deactivated', logging('disable')],
  ['event_hook.deleted', logging('delete')],
  ['analytics.reports.export.download', { kind: 'data_export', concerns: 'target-or-actor' }],
  ['security.threat.detected', alert('MEDIUM')],
  ['security.attack.start', alert('HIGH')],
  ['user.account.report_suspicious_activity_by_enduser', alert('HIGH')],
  ['user.risk.detect', alert('MEDIUM')],
] satisfies readonly (readonly [string, OktaEventType])[]);

/** For a type that is not in the list: the account in `target[]` if there is one, else who acted. */
export const OKTA_OTHER: OktaEventType = { kind: 'other', concerns: 'target-or-actor' };
