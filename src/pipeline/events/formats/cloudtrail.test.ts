import { describe, expect, it } from 'vitest';
import { eventOf, normalised, RECENT, RECENT_MS } from '../test-support.ts';

// Origin of the fixtures: hand-made after published records; not recorded from a live service.
const CAROL = {
  type: 'IAMUser',
  principalId: 'AIDACAROL',
  arn: 'arn:aws:iam::111122223333:user/Carol',
  accountId: '111122223333',
  accessKeyId: 'AKIACAROL',
  userName: 'Carol',
};

function record(eventName: string, source: string, changes: Record<string, unknown> = {}) {
  return {
    eventVersion: '1.10',
    eventID: 'c2a89408-0001',
    eventTime: RECENT,
    eventType: 'AwsApiCall',
    eventName,
    eventSource: `${source}.amazonaws.com`,
    awsRegion: 'eu-west-1',
    sourceIPAddress: '8.8.8.8',
    userAgent: 'aws-cli/2',
    readOnly: false,
    recipientAccountId: '111122223333',
    requestParameters: null,
    responseElements: null,
    userIdentity: CAROL,
    ...changes,
  };
}

const consoleLogin = (answer: string, changes: Record<string, unknown> = {}) =>
  record('ConsoleLogin', 'signin', {
    eventType: 'AwsConsoleSignIn',
    responseElements: { ConsoleLogin: answer },
    additionalEventData: { MFAUsed: 'No' },
    ...changes,
  });

describe('cloudtrail sign-ins', () => {
  it('maps a console sign-in', () => {
    const device = 'arn:aws:iam::111122223333:u2f/user/carol/default-AAAA';
    expect(
      eventOf(
        'cloudtrail',
        consoleLogin('Success', { additionalEventData: { MFAUsed: 'Yes', MFAIdentifier: device } }),
      ),
    ).toMatchObject({
      id: 'c2a89408-0001',
      mapping: 'cloudtrail/1',
      time: RECENT_MS,
      kind: 'login',
      action: 'ConsoleLogin',
      outcome: 'success',
      subject: { type: 'user', id: 'arn:aws:iam::111122223333:user/carol', name: 'Carol' },
      ip: '8.8.8.8',
      geo: null,
      mfa: { factor: 'u2f' },
      attributes: { providerUserId: 'AIDACAROL', region: 'eu-west-1', accountId: '111122223333' },
    });
  });

  it('calls a failure with MFA a failed second factor, and one without a failed sign-in', () => {
    expect(eventOf('cloudtrail', consoleLogin('Failure', { errorMessage: 'Failed authentication' }))).toMatchObject({
      kind: 'login',
      outcome: 'failure',
      reason: 'Failed authentication',
      mfa: null,
    });
    expect(eventOf('cloudtrail', consoleLogin('Failure', { additionalEventData: { MFAUsed: 'Yes' } }))).toMatchObject({
      kind: 'mfa_result',
      outcome: 'failure',
    });
    expect(eventOf('cloudtrail', record('CheckMfa', 'signin'))).toMatchObject({
      kind: 'mfa_prompt',
      outcome: 'challenge',
    });
    expect(eventOf('cloudtrail', consoleLogin('Later')).outcome).toBe('unknown');
  });

  it('keys a failure without an ARN as the same user as a success', () => {
    const userIdentity = {
      type: 'IAMUser',
      principalId: 'AIDACAROL',
      accountId: '111122223333',
      accessKeyId: '',
      userName: 'Carol',
    };
    expect(eventOf('cloudtrail', consoleLogin('Failure', { userIdentity })).subject?.id).toBe(
      'arn:aws:iam::111122223333:user/carol',
    );
    const chinese = eventOf('cloudtrail', consoleLogin('Failure', { userIdentity, awsRegion: 'cn-north-1' }));
    expect(chinese.subject?.id).toBe('arn:aws-cn:iam::111122223333:user/carol');
  });

  it('takes the hidden name for nobody', () => {
    const userIdentity = {
      type: 'IAMUser',
      accountId: '111122223333',
      accessKeyId: '',
      userName: 'HIDDEN_DUE_TO_SECURITY_REASONS',
    };
    expect(eventOf('cloudtrail', consoleLogin('Failure', { userIdentity }))).toMatchObject({
      subject: null,
      actor: null,
      outcome: 'failure',
    });
    const known = eventOf(
      'cloudtrail',
      consoleLogin('Failure', { userIdentity: { ...userIdentity, principalId: 'AIDACAROL' } }),
    );
    expect(known.subject).toEqual({ type: 'user', id: 'aidacarol' });
  });
});

describe('cloudtrail calls', () => {
  it.each([
    [
      'AttachUserPolicy',
      'iam',
      { userName: 'Mallory', policyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' },
      'privilege_change',
      'grant',
      'policy',
    ],
    ['AddUserToGroup', 'iam', { userName: 'Mallory', groupName: 'admins' }, 'privilege_change', 'grant', 'group'],
    ['CreateAccessKey', 'iam', { userName: 'Mallory' }, 'token_create', 'create', 'access_key'],
    ['UpdateLoginProfile', 'iam', { userName: 'Mallory' }, 'password_change', 'modify', 'login_profile'],
    [
      'DeactivateMFADevice',
      'iam',
      { userName: 'Mallory', serialNumber: 'arn:aws:iam::1:mfa/m' },
      'mfa_change',
      'remove',
      'mfa_device',
    ],
  ])(
    '%s concerns the user of the request, not the caller',
    (eventName, source, requestParameters, kind, change, target) => {
      expect(eventOf('cloudtrail', record(eventName, source, { requestParameters }))).toMatchObject({
        kind,
        outcome: 'success',
        subject: { id: 'arn:aws:iam::111122223333:user/mallory', name: 'Mallory' },
        actor: { id: 'arn:aws:iam::111122223333:user/carol', type: 'IAMUser' },
        target: { type: target },
        attributes: { change },
      });
    },
  );

  it.each([
    ['StopLogging', 'cloudtrail', { name: 'trail-1' }, 'disable', 'trail-1'],
    ['DeleteTrail', 'cloudtrail', { name: 'trail-1' }, 'delete', 'trail-1'],
    ['PutEventSelectors', 'cloudtrail', { trailName: 'trail-1' }, 'modify', 'trail-1'],
    ['DeleteFlowLogs', 'ec2', { DeleteFlowLogsRequest: { FlowLogId: { content: 'fl-1' } } }, 'delete', 'fl-1'],
  ])('%s is a change of logging by the caller', (eventName, source, requestParameters, change, target) => {
    expect(eventOf('cloudtrail', record(eventName, source, { requestParameters }))).toMatchObject({
      kind: 'logging_change',
      subject: { id: 'arn:aws:iam::111122223333:user/carol' },
      target: { id: target },
      attributes: { change },
    });
  });

  it('is its own user where the request names none', () => {
    const event = eventOf(
      'cloudtrail',
      record('CreateAccessKey', 'iam', {
        requestParameters: {},
        responseElements: { accessKey: { accessKeyId: 'AKIANEW' } },
      }),
    );
    expect(event).toMatchObject({ subject: { id: event.actor?.id }, target: { id: 'AKIANEW' }, session: 'AKIACAROL' });
  });

  it('shows who received a policy that went to no account', () => {
    const requestParameters = { roleName: 'backdoor', policyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' };
    expect(eventOf('cloudtrail', record('AttachRolePolicy', 'iam', { requestParameters }))).toMatchObject({
      subject: null,
      actor: { id: 'arn:aws:iam::111122223333:user/carol' },
      target: { id: 'arn:aws:iam::aws:policy/AdministratorAccess' },
      attributes: { grantee: 'backdoor' },
    });
  });

  it('tells refusals from failures, and says unknown when the record does not say', () => {
    expect(
      eventOf('cloudtrail', record('GetPasswordData', 'ec2', { errorCode: 'Client.UnauthorizedOperation' })).outcome,
    ).toBe('denied');
    expect(
      eventOf('cloudtrail', record('CreateUser', 'iam', { errorCode: 'EntityAlreadyExistsException' })).outcome,
    ).toBe('failure');
    expect(eventOf('cloudtrail', record('CreateUser', 'iam', { eventType: undefined })).outcome).toBe('unknown');
  });

  it('keys an assumed role by its ARN and flags an address with leading zeros', () => {
    const userIdentity = {
      type: 'AssumedRole',
      principalId: 'AROA:session',
      arn: 'arn:aws:sts::111122223333:assumed-role/Admin/session',
      sessionContext: { sessionIssuer: { userName: 'Admin' }, attributes: { mfaAuthenticated: 'true' } },
    };
    expect(
      eventOf('cloudtrail', record('DescribeInstances', 'ec2', { userIdentity, sourceIPAddress: '075.050.255.67' })),
    ).toMatchObject({
      kind: 'other',
      subject: { id: 'arn:aws:sts::111122223333:assumed-role/admin/session', name: 'Admin' },
      ip: '75.50.255.67',
      ipNormalised: true,
      attributes: { mfaAuthenticated: true },
    });
  });

  it('keeps a service name apart and takes no service for a person', () => {
    const userIdentity = { type: 'AWSService', invokedBy: 'cloudformation.amazonaws.com' };
    expect(
      eventOf(
        'cloudtrail',
        record('AssumeRole', 'sts', { userIdentity, sourceIPAddress: 'cloudformation.amazonaws.com' }),
      ),
    ).toMatchObject({
      ip: null,
      sourceService: 'cloudformation.amazonaws.com',
      subject: null,
      actor: { id: 'cloudformation.amazonaws.com' },
    });
  });

  it('opens EventBridge events', () => {
    expect(
      eventOf(null, { 'detail-type': 'AWS API Call via CloudTrail', detail: record('StopLogging', 'cloudtrail') }).kind,
    ).toBe('logging_change');
  });

  it('refuses what has no event name or source', () => {
    expect(normalised('cloudtrail', { eventSource: 'x' })).toMatchObject({ ok: false, pointer: '/eventName' });
    expect(normalised('cloudtrail', { eventName: 'x' })).toMatchObject({ ok: false, pointer: '/eventSource' });
  });
});
