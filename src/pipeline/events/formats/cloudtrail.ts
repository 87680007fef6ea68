import { refuse, type EventDraft, type Mapping, type PartyDraft } from '../draft.ts';
import type { EventKind, EventOutcome } from '../event.ts';
import { booleanAt, idAt, objectAt, textAt, type JsonObject } from '../read.ts';
import { readRfc3339 } from '../time.ts';
import { CLOUDTRAIL_EVENTS, CLOUDTRAIL_OTHER, type CloudtrailEvent } from './cloudtrail-events.ts';

/** What AWS writes instead of a name that may be a password typed into the wrong field. It is nobody. */
const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';

/** Error codes by which AWS says "not allowed"; every other error is a failure. */
const DENIALS = ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'Client.UnauthorizedOperation'];

/**
 * AWS CloudTrail records, bare or in the `detail` of an EventBridge event. People are keyed by ARN.
 * Tested against the published attack logs of stratus-red-team; not tested against the live service.
 */
export const mapCloudtrail: Mapping = (event) => {
  const record = objectAt(event, 'detail') ?? event;
  const eventName = textAt(record, 'eventName');
  const eventSource = textAt(record, 'eventSource');
  if (eventName === null) return refuse('missing_field', '/eventName', 'a CloudTrail record has an eventName');
  if (eventSource === null) return refuse('missing_field', '/eventSource', 'a CloudTrail record has an eventSource');
  const service = eventSource.replace(/\.amazonaws\.com$/, '');
  const type = CLOUDTRAIL_EVENTS.get(`${service}:${eventName}`) ?? CLOUDTRAIL_OTHER;
  const identity = objectAt(record, 'userIdentity');
  const actor = callerOf(record, identity);
  const draft: EventDraft = {
    id: idAt(record, 'eventID'),
    time: readRfc3339(record['eventTime']),
    kind: kindOf(record, type, eventName),
    action: eventName,
    outcome: outcomeOf(record, eventName),
    reason: textAt(record, 'errorMessage') ?? textAt(record, 'errorCode'),
    subject: concernedBy(record, type, actor),
    actor,
    ip: textAt(record, 'sourceIPAddress'),
    userAgent: textAt(record, 'userAgent'),
    session: idAt(identity, 'accessKeyId'),
    factor: consoleMfa(record) ? factorOf(record) : null,
    target: touchedBy(record, type),
    attributes: {
      change: type.change,
      providerUserId: type.account === undefined ? idAt(identity, 'principalId') : null,
      grantee: granteeOf(record, type),
      errorCode: textAt(record, 'errorCode'),
      service: eventSource,
      region: textAt(record, 'awsRegion'),
      accountId: accountOf(record),
      mfaAuthenticated: booleanAt(identity, 'sessionContext', 'attributes', 'mfaAuthenticated'),
      readOnly: booleanAt(record, 'readOnly'),
    },
  };
  return { ok: true, draft };
};

/** A failed console sign-in that used MFA failed at the second factor. */
function kindOf(record: JsonObject, type: CloudtrailEvent, eventName: string): EventKind {
  const failed = eventName === 'ConsoleLogin' && textAt(record, 'responseElements', 'ConsoleLogin') === 'Failure';
  return failed && consoleMfa(record) ? 'mfa_result' : type.kind;
}

function consoleMfa(record: JsonObject): boolean {
  return textAt(record, 'additionalEventData', 'MFAUsed')?.toLowerCase() === 'yes';
}

/** `...:u2f/user/...` is a security key; the resource type stands in the device's ARN. */
function factorOf(record: JsonObject): string {
  const device = textAt(record, 'additionalEventData', 'MFAIdentifier') ?? '';
  return /^arn:[^:]{0,30}:iam::\d{0,20}:([a-z0-9]{1,20})\//.exec(device)?.[1] ?? 'mfa';
}

function outcomeOf(record: JsonObject, eventName: string): EventOutcome {
  if (eventName === 'CheckMfa') return 'challenge';
  if (eventName === 'ConsoleLogin') {
    const answer = textAt(record, 'responseElements', 'ConsoleLogin');
    return answer === 'Success' ? 'success' : answer === 'Failure' ? 'failure' : 'unknown';
  }
  const errorCode = textAt(record, 'errorCode');
  if (errorCode !== null) return DENIALS.includes(errorCode) ? 'denied' : 'failure';
  if (textAt(record, 'errorMessage') !== null) return 'failure';
  // A record of a call that names no error is a call that was answered; anything else does not say.
  return textAt(record, 'eventType') === null ? 'unknown' : 'success';
}

function accountOf(record: JsonObject): string | null {
  return idAt(record, 'userIdentity', 'accountId') ?? idAt(record, 'recipientAccountId');
}

/**
 * Who called: by ARN; for an IAM user without one (failed console sign-ins have none) the ARN that user has without
 * a path, so that failures and successes meet; else by principal id. A hidden name is nobody.
 */
function callerOf(record: JsonObject, identity: JsonObject | null): PartyDraft | null {
  const type = textAt(identity, 'type');
  const userName = textAt(identity, 'userName');
  const name =
    userName === HIDDEN ? null : (userName ?? textAt(identity, 'sessionContext', 'sessionIssuer', 'userName'));
  const iamArn = type === 'IAMUser' && userName !== null && userName !== HIDDEN ? userArn(record, userName) : null;
  const id = textAt(identity, 'arn') ?? iamArn ?? textAt(identity, 'principalId') ?? textAt(identity, 'invokedBy');
  return id === null ? null : { id, name, actorType: type };
}

function concernedBy(record: JsonObject, type: CloudtrailEvent, actor: PartyDraft | null): PartyDraft | null {
  const isPerson =
    actor !== null && actor.actorType !== 'AWSService' && actor.id !== textAt(record, 'userIdentity', 'invokedBy');
  const own = isPerson ? actor : null;
  // A privilege of a role, or a factor that is nobody's yet: the caller is not the one it happened to.
  if (type.account === undefined) return type.kind === 'privilege_change' || type.kind === 'mfa_change' ? null : own;
  const userName = textAt(record, 'requestParameters', type.account);
  // AWS reads a missing user name as the caller's own.
  if (userName === null) return own;
  const arn = textAt(record, 'responseElements', 'user', 'arn') ?? userArn(record, userName);
  return arn === null ? null : { id: arn, name: userName };
}

/** The ARN of an IAM user of this account, as it is without a path. */
function userArn(record: JsonObject, userName: string): string | null {
  const account = accountOf(record);
  const region = textAt(record, 'awsRegion') ?? '';
  const partition = /^cn-(?:north|northwest)-\d$/.test(region)
    ? 'aws-cn'
    : region.startsWith('us-gov-')
      ? 'aws-us-gov'
      : 'aws';
  return account === null ? null : `arn:${partition}:iam::${account}:user/${userName}`;
}

/** A policy may go to a role or a group instead of an account. */
function granteeOf(record: JsonObject, type: CloudtrailEvent): string | null {
  if (type.account !== undefined || type.touches?.[0] !== 'policy') return null;
  return textAt(record, 'requestParameters', 'roleName') ?? textAt(record, 'requestParameters', 'groupName');
}

function touchedBy(record: JsonObject, type: CloudtrailEvent): EventDraft['target'] {
  if (type.touches === undefined) return null;
  const [what, ...path] = type.touches;
  const created = textAt(record, 'responseElements', 'accessKey', 'accessKeyId');
  const id = created ?? idAt(record, 'requestParameters', ...path);
  return id === null ? null : { type: what, id };
}
