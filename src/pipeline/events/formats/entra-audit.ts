import type { Change, EventDraft, MappingResult, PartyDraft } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';
import { idAt, objectAt, objectsAt, textAt, type JsonObject } from '../read.ts';
import { readRfc3339 } from '../time.ts';

interface Activity {
  readonly kind: EventKind;
  readonly change?: Change;
}

const grant: Activity = { kind: 'privilege_change', change: 'grant' };
const revoke: Activity = { kind: 'privilege_change', change: 'revoke' };
const trust: Activity = { kind: 'privilege_change', change: 'modify' };
const addFactor: Activity = { kind: 'mfa_change', change: 'add' };
const removeFactor: Activity = { kind: 'mfa_change', change: 'remove' };
const password: Activity = { kind: 'password_change' };
const secret: Activity = { kind: 'token_create', change: 'create' };
const bulkExport: Activity = { kind: 'data_export' };

/**
 * Activities by their display name, in lower case with plain hyphens. Role members, disabled strong authentication,
 * registered security info, secrets and federation are named by published rules (SigmaHQ/sigma @8eaafff1); the others
 * are from knowledge. What is not here is `other`.
 */
const ACTIVITIES: ReadonlyMap<string, Activity> = new Map([
  ['add member to role', grant],
  ['add eligible member to role', grant],
  ['add scoped member to role', grant],
  ['add member to role completed (pim activation)', grant],
  ['add member to group', grant],
  ['add owner to group', grant],
  ['add owner to application', grant],
  ['add owner to service principal', grant],
  ['add app role assignment to service principal', grant],
  ['add app role assignment grant to user', grant],
  ['add delegated permission grant', grant],
  ['consent to application', grant],
  ['remove member from role', revoke],
  ['remove eligible member from role', revoke],
  ['remove member from group', revoke],
  ['remove app role assignment from service principal', revoke],
  ['set federation settings on domain', trust],
  ['set domain authentication', trust],
  ['user registered security info', addFactor],
  ['admin registered security info', addFactor],
  ['enable strong authentication', addFactor],
  ['disable strong authentication', removeFactor],
  ['user deleted security info', removeFactor],
  ['admin deleted security info', removeFactor],
  ['change user password', password],
  ['change password (self-service)', password],
  ['reset user password', password],
  ['reset password (by admin)', password],
  ['reset password (self-service)', password],
  ['add service principal credentials', secret],
  ['update application - certificates and secrets management', secret],
  ['download users', bulkExport],
  ['bulk download users - finished (bulk)', bulkExport],
  ['download users - finished (bulk)', bulkExport],
]);

const OTHER: Activity = { kind: 'other' };

/** One directory audit: `initiatedBy` acted, the account among `targetResources` is concerned. */
export function mapEntraAudit(record: JsonObject): MappingResult {
  const action = textAt(record, 'activityDisplayName') ?? '';
  const activity = activityOf(record, action);
  const actor = actorOf(record);
  const users = objectsAt(record, 'targetResources').filter(
    (each) => textAt(each, 'type') === 'User' || textAt(each, 'userPrincipalName') !== null,
  );
  const user = users[0] ?? null;
  const userId = textAt(user, 'userPrincipalName') ?? idAt(user, 'id');
  // These always happen to somebody: without a named user nobody is concerned, least of all the actor.
  const needsTarget = ['mfa_change', 'password_change', 'privilege_change'].includes(activity.kind);
  const fallback = needsTarget || actor?.actorType !== 'User' ? null : actor;
  const draft: EventDraft = {
    id: idAt(record, 'id'),
    time: readRfc3339(record['activityDateTime']),
    kind: activity.kind,
    action,
    outcome: outcomeOf(textAt(record, 'result')),
    reason: textAt(record, 'resultReason'),
    subject: userId === null ? fallback : { id: userId, name: textAt(user, 'displayName') },
    actor,
    ip: textAt(record, 'initiatedBy', 'user', 'ipAddress'),
    target: targetOf(record),
    attributes: {
      change: activity.change,
      correlationId: idAt(record, 'correlationId'),
      providerUserId: idAt(user, 'id'),
      grantee: user === null && activity.kind === 'privilege_change' ? granteeOf(record) : null,
      accounts:
        users.length > 1 ? users.map((each) => textAt(each, 'userPrincipalName') ?? idAt(each, 'id') ?? '') : null,
      category: textAt(record, 'category'),
    },
  };
  return { ok: true, draft };
}

function activityOf(record: JsonObject, action: string): Activity {
  const name = action
    .slice(0, 200)
    .toLowerCase()
    .replace(/[\u2010-\u2015]/g, '-');
  const known = ACTIVITIES.get(name);
  if (known !== undefined || name !== 'update user') return known ?? OTHER;
  // Per-user MFA is switched by an ordinary update of the account; state 0 is off.
  const requirement = modifiedProperty(record, 'StrongAuthenticationRequirement');
  if (requirement === null) return OTHER;
  return requirement.includes('State":0') || requirement === '[]'
    ? removeFactor
    : { kind: 'mfa_change', change: 'modify' };
}

function outcomeOf(result: string | null): EventOutcome {
  if (result === 'success') return 'success';
  return result === 'failure' || result === 'timeout' ? 'failure' : 'unknown';
}

function actorOf(record: JsonObject): PartyDraft | null {
  const user = objectAt(record, 'initiatedBy', 'user');
  const userId = textAt(user, 'userPrincipalName') ?? idAt(user, 'id');
  if (userId !== null) return { id: userId, name: textAt(user, 'displayName'), actorType: 'User' };
  const app = objectAt(record, 'initiatedBy', 'app');
  const appId = idAt(app, 'servicePrincipalId') ?? idAt(app, 'appId') ?? textAt(app, 'displayName');
  return appId === null ? null : { id: appId, name: textAt(app, 'displayName'), actorType: 'Application' };
}

/** The role or group that was granted, from the modified properties; else the first target that is no user. */
function targetOf(record: JsonObject): EventDraft['target'] {
  const role = modifiedProperty(record, 'Role.DisplayName');
  if (role !== null) return { type: 'role', id: modifiedProperty(record, 'Role.TemplateId') ?? role, name: role };
  const group = modifiedProperty(record, 'Group.DisplayName');
  if (group !== null) return { type: 'group', id: modifiedProperty(record, 'Group.ObjectID') ?? group, name: group };
  const other = objectsAt(record, 'targetResources').find(
    (each) => textAt(each, 'type') !== 'User' && textAt(each, 'userPrincipalName') === null,
  );
  const id = idAt(other, 'id') ?? textAt(other, 'displayName');
  if (other === undefined || id === null) return null;
  return { type: (textAt(other, 'type') ?? 'unknown').toLowerCase(), id, name: textAt(other, 'displayName') };
}

/** A privilege may go to an application or a group. */
function granteeOf(record: JsonObject): string | null {
  const first = objectsAt(record, 'targetResources')[0];
  return textAt(first, 'displayName') ?? idAt(first, 'id');
}

/**
 * A modified property's new value (the old one when it was taken away), which Graph gives as JSON inside a text:
 * `"\"Global Administrator\""`. The outer quotes are taken off.
 */
function modifiedProperty(record: JsonObject, name: string): string | null {
  for (const resource of objectsAt(record, 'targetResources')) {
    const property = objectsAt(resource, 'modifiedProperties').find((each) => textAt(each, 'displayName') === name);
    const value = unquoted(textAt(property, 'newValue')) ?? unquoted(textAt(property, 'oldValue'));
    if (value !== null) return value;
  }
  return null;
}

function unquoted(text: string | null): string | null {
  const bare = (text ?? '').replace(/^"(.*)"$/s, '$1').trim();
  return bare === '' || bare === 'null' ? null : bare;
}
