import type { Change } from '../draft.ts';
import type { EventKind } from '../event.ts';

export interface CloudtrailEvent {
  readonly kind: EventKind;
  readonly change?: Change;
  /** Request parameter that names the account concerned; without it the caller is concerned. */
  readonly account?: string;
  /** Type of the thing touched, and the request parameter (a path) that names it. */
  readonly touches?: readonly [type: string, ...path: string[]];
}

const onUser = (kind: EventKind, change: Change, ...touches: [string, ...string[]]): CloudtrailEvent => ({
  kind,
  change,
  account: 'userName',
  touches,
});
const onThing = (kind: EventKind, change: Change, ...touches: [string, ...string[]]): CloudtrailEvent => ({
  kind,
  change,
  touches,
});

/**
 * CloudTrail events by `eventSource` (without `.amazonaws.com`) and `eventName`. Names and parameters of those that
 * occur in DataDog/stratus-red-team @7c9a7a5a are read from its logs, the others are from knowledge. An event that
 * is not here is `other`; routine calls (`AssumeRole`, `GetCallerIdentity`, reads) stay so on purpose.
 */
export const CLOUDTRAIL_EVENTS: ReadonlyMap<string, CloudtrailEvent> = new Map([
  ['signin:ConsoleLogin', { kind: 'login' }],
  ['signin:CheckMfa', { kind: 'mfa_prompt' }],
  ['signin:PasswordRecoveryRequested', { kind: 'password_change', change: 'reset' }],
  ['signin:PasswordRecoveryCompleted', { kind: 'password_change', change: 'reset' }],
  ['iam:ChangePassword', { kind: 'password_change', change: 'modify' }],
  ['iam:CreateLoginProfile', onUser('password_change', 'create', 'login_profile', 'userName')],
  ['iam:UpdateLoginProfile', onUser('password_change', 'modify', 'login_profile', 'userName')],
  ['iam:EnableMFADevice', onUser('mfa_change', 'add', 'mfa_device', 'serialNumber')],
  ['iam:DeactivateMFADevice', onUser('mfa_change', 'remove', 'mfa_device', 'serialNumber')],
  ['iam:ResyncMFADevice', onUser('mfa_change', 'modify', 'mfa_device', 'serialNumber')],
  ['iam:DeleteVirtualMFADevice', onThing('mfa_change', 'remove', 'mfa_device', 'serialNumber')],
  ['iam:AttachUserPolicy', onUser('privilege_change', 'grant', 'policy', 'policyArn')],
  ['iam:PutUserPolicy', onUser('privilege_change', 'grant', 'policy', 'policyName')],
  ['iam:AddUserToGroup', onUser('privilege_change', 'grant', 'group', 'groupName')],
  ['iam:DetachUserPolicy', onUser('privilege_change', 'revoke', 'policy', 'policyArn')],
  ['iam:DeleteUserPolicy', onUser('privilege_change', 'revoke', 'policy', 'policyName')],
  ['iam:RemoveUserFromGroup', onUser('privilege_change', 'revoke', 'group', 'groupName')],
  ['iam:DeleteUserPermissionsBoundary', onUser('privilege_change', 'grant', 'permissions_boundary', 'userName')],
  ['iam:AttachRolePolicy', onThing('privilege_change', 'grant', 'policy', 'policyArn')],
  ['iam:PutRolePolicy', onThing('privilege_change', 'grant', 'policy', 'policyName')],
  ['iam:AttachGroupPolicy', onThing('privilege_change', 'grant', 'policy', 'policyArn')],
  ['iam:PutGroupPolicy', onThing('privilege_change', 'grant', 'policy', 'policyName')],
  ['iam:DetachRolePolicy', onThing('privilege_change', 'revoke', 'policy', 'policyArn')],
  ['iam:DetachGroupPolicy', onThing('privilege_change', 'revoke', 'policy', 'policyArn')],
  ['iam:UpdateAssumeRolePolicy', onThing('privilege_change', 'modify', 'role', 'roleName')],
  ['iam:CreatePolicyVersion', onThing('privilege_change', 'modify', 'policy', 'policyArn')],
  ['iam:SetDefaultPolicyVersion', onThing('privilege_change', 'modify', 'policy', 'policyArn')],
  ['iam:AddRoleToInstanceProfile', onThing('privilege_change', 'grant', 'role', 'roleName')],
  ['rolesanywhere:CreateTrustAnchor', onThing('privilege_change', 'create', 'trust_anchor', 'name')],
  ['rolesanywhere:CreateProfile', onThing('privilege_change', 'create', 'profile', 'name')],
  ['iam:CreateUser', onUser('other', 'create', 'user', 'userName')],
  ['iam:DeleteUser', onUser('other', 'delete', 'user', 'userName')],
  ['iam:DeleteLoginProfile', onUser('other', 'delete', 'login_profile', 'userName')],
  ['iam:CreateRole', onThing('other', 'create', 'role', 'roleName')],
  ['iam:CreateAccessKey', onUser('token_create', 'create', 'access_key', 'userName')],
  ['iam:CreateServiceSpecificCredential', onUser('token_create', 'create', 'credential', 'serviceName')],
  ['iam:UploadSigningCertificate', onUser('token_create', 'create', 'certificate', 'userName')],
  ['iam:UploadSSHPublicKey', onUser('token_create', 'create', 'ssh_key', 'userName')],
  ['sts:GetFederationToken', onThing('token_create', 'create', 'federated_user', 'name')],
  ['cloudtrail:StopLogging', onThing('logging_change', 'disable', 'trail', 'name')],
  ['cloudtrail:StartLogging', onThing('logging_change', 'enable', 'trail', 'name')],
  ['cloudtrail:CreateTrail', onThing('logging_change', 'create', 'trail', 'name')],
  ['cloudtrail:DeleteTrail', onThing('logging_change', 'delete', 'trail', 'name')],
  ['cloudtrail:UpdateTrail', onThing('logging_change', 'modify', 'trail', 'name')],
  ['cloudtrail:PutEventSelectors', onThing('logging_change', 'modify', 'trail', 'trailName')],
  ['cloudtrail:DeleteEventDataStore', onThing('logging_change', 'delete', 'event_data_store', 'eventDataStore')],
  [
    'ec2:DeleteFlowLogs',
    onThing('logging_change', 'delete', 'flow_log', 'DeleteFlowLogsRequest', 'FlowLogId', 'content'),
  ],
  [
    'route53resolver:DeleteResolverQueryLogConfig',
    onThing('logging_change', 'delete', 'query_log', 'resolverQueryLogConfigId'),
  ],
  ['logs:DeleteLogGroup', onThing('logging_change', 'delete', 'log_group', 'logGroupName')],
  ['logs:DeleteLogStream', onThing('logging_change', 'delete', 'log_stream', 'logStreamName')],
  ['guardduty:DeleteDetector', onThing('logging_change', 'delete', 'detector', 'detectorId')],
  ['guardduty:UpdateDetector', onThing('logging_change', 'modify', 'detector', 'detectorId')],
  ['config:StopConfigurationRecorder', onThing('logging_change', 'disable', 'recorder', 'configurationRecorderName')],
  ['config:DeleteConfigurationRecorder', onThing('logging_change', 'delete', 'recorder', 'configurationRecorderName')],
  ['config:DeleteDeliveryChannel', onThing('logging_change', 'delete', 'delivery_channel', 'deliveryChannelName')],
  ['securityhub:DisableSecurityHub', { kind: 'logging_change', change: 'disable' }],
  // An account that leaves its organisation leaves the organisation's trails and guard rails.
  ['organizations:LeaveOrganization', { kind: 'logging_change', change: 'disable' }],
  ['ec2:ModifySnapshotAttribute', onThing('data_export', 'grant', 'snapshot', 'snapshotId')],
  ['ec2:ModifyImageAttribute', onThing('data_export', 'grant', 'image', 'imageId')],
  ['ec2:CreateInstanceExportTask', onThing('data_export', 'create', 'instance', 'instanceId')],
  ['rds:ModifyDBSnapshotAttribute', onThing('data_export', 'grant', 'db_snapshot', 'dBSnapshotIdentifier')],
  [
    'rds:ModifyDBClusterSnapshotAttribute',
    onThing('data_export', 'grant', 'db_snapshot', 'dBClusterSnapshotIdentifier'),
  ],
  ['rds:StartExportTask', onThing('data_export', 'create', 'db_snapshot', 'sourceArn')],
  ['dynamodb:ExportTableToPointInTime', onThing('data_export', 'create', 'table', 'tableArn')],
] satisfies readonly (readonly [string, CloudtrailEvent])[]);

export const CLOUDTRAIL_OTHER: CloudtrailEvent = { kind: 'other' };
