import type { Origin, Person, Provider } from './company.ts';
import type { Random } from './random.ts';

/**
 * Events in the shape in which each provider writes them. Only members that a real record has, with the names and
 * values of the vendors' descriptions; hand-made, not recorded.
 */

export interface SignIn {
  readonly person: Person;
  readonly time: number;
  readonly from: Origin;
  /** Null: no trusted device. */
  readonly deviceId: string | null;
  readonly userAgent: string;
  readonly session: string;
  readonly ok: boolean;
}

/** One provider's event as a JSON value. */
export type ProviderEvent = Readonly<Record<string, unknown>>;

const iso = (time: number): string => new Date(time).toISOString();

/** A sign-in with a password, in the format of the person's provider; failed ones carry a wrong password. */
export function signInEvent(random: Random, signIn: SignIn): ProviderEvent {
  switch (signIn.person.provider) {
    case 'okta':
      return signIn.ok
        ? okta(random, signIn, 'user.session.start', 'SUCCESS', {})
        : okta(random, signIn, 'user.session.start', 'FAILURE', { reason: 'INVALID_CREDENTIALS' });
    case 'entra':
      return entra(random, signIn, signIn.ok ? 0 : 50126, signIn.ok ? null : 'Invalid username or password.');
    case 'google':
      return google(random, signIn.person, signIn.time, signIn.from.ip, 'login', {
        type: 'login',
        name: signIn.ok ? 'login_success' : 'login_failure',
        parameters: [
          { name: 'login_type', value: 'google_password' },
          ...(signIn.ok
            ? [{ name: 'is_suspicious', boolValue: false }]
            : [{ name: 'login_failure_type', value: 'login_failure_invalid_password' }]),
        ],
      });
    case 'auth0':
      return auth0(random, signIn, signIn.ok ? 's' : 'fp', signIn.ok ? 'Success Login' : 'Wrong email or password.');
    case 'cloudtrail':
      return consoleLogin(random, signIn);
  }
}

/** Opens an application in a session that is there: what most events of a day are. */
export function useEvent(random: Random, signIn: SignIn, application: string): ProviderEvent {
  switch (signIn.person.provider) {
    case 'okta':
      return okta(random, signIn, 'user.authentication.sso', 'SUCCESS', {
        target: [
          { id: `0oa${random.hex(14)}`, type: 'AppInstance', alternateId: application, displayName: application },
        ],
      });
    case 'entra':
      return { ...entra(random, signIn, 0, null), isInteractive: false, appDisplayName: application };
    case 'google':
      return signInEvent(random, signIn);
    case 'auth0':
      return auth0(random, signIn, 'seacft', `Successful exchange of authorization code for ${application}`);
    case 'cloudtrail':
      return cloudtrail(random, signIn, random.pick(['DescribeInstances', 'GetMetricData', 'ListBuckets']), {});
  }
}

interface OktaExtra {
  readonly reason?: string;
  readonly factor?: string;
  readonly target?: readonly ProviderEvent[];
  readonly debugData?: ProviderEvent;
}

/** A record of the Okta System Log about something `signIn.person` did. */
export function okta(
  random: Random,
  signIn: SignIn,
  eventType: string,
  result: string,
  { reason, factor, target, debugData }: OktaExtra,
): ProviderEvent {
  const { person, from } = signIn;
  const { city, country, lat, lon } = from.place;
  return {
    uuid: random.uuid(),
    published: iso(signIn.time),
    eventType,
    version: '0',
    severity: result === 'SUCCESS' ? 'INFO' : 'WARN',
    actor: { id: `00u${person.deviceId.slice(4)}`, type: 'User', alternateId: person.id, displayName: person.name },
    client: {
      userAgent: { rawUserAgent: signIn.userAgent },
      ipAddress: from.ip,
      geographicalContext: { city, country, geolocation: { lat, lon } },
    },
    outcome: { result, ...(reason === undefined ? {} : { reason }) },
    authenticationContext: { externalSessionId: signIn.session },
    securityContext: { asNumber: from.asn, isProxy: false },
    debugContext: {
      debugData: {
        ...(factor === undefined ? {} : { factor }),
        ...(signIn.deviceId === null ? {} : { dtHash: signIn.deviceId }),
        ...debugData,
      },
    },
    transaction: { id: random.hex(20), type: 'WEB' },
    ...(target === undefined ? {} : { target }),
  };
}

/** An Entra sign-in record; `errorCode` 0 is a success. */
export function entra(random: Random, signIn: SignIn, errorCode: number, failureReason: string | null): ProviderEvent {
  const { person, from } = signIn;
  return {
    id: random.uuid(),
    createdDateTime: iso(signIn.time),
    userDisplayName: person.name,
    userPrincipalName: person.id,
    userId: `u-${person.deviceId.slice(4)}`,
    appDisplayName: 'Office 365 Exchange Online',
    ipAddress: from.ip,
    autonomousSystemNumber: from.asn,
    clientAppUsed: 'Browser',
    userAgent: signIn.userAgent,
    isInteractive: true,
    correlationId: random.uuid(),
    sessionId: signIn.session,
    conditionalAccessStatus: 'notApplied',
    riskLevelDuringSignIn: 'none',
    status: { errorCode, ...(failureReason === null ? {} : { failureReason }) },
    deviceDetail: { deviceId: signIn.deviceId ?? '', browser: signIn.userAgent.slice(0, 40) },
    location: {
      city: from.place.city,
      countryOrRegion: from.place.country,
      geoCoordinates: { latitude: from.place.lat, longitude: from.place.lon },
    },
  };
}

/** An Entra sign-in that ended at the second factor, or passed it. */
export function entraFactor(random: Random, signIn: SignIn, detail: string): ProviderEvent {
  const { ok } = signIn;
  const base = entra(
    random,
    signIn,
    ok ? 0 : 500121,
    ok ? null : 'Authentication failed during strong authentication request.',
  );
  return {
    ...base,
    status: { ...(ok ? { errorCode: 0 } : { errorCode: 500121 }), additionalDetails: detail },
    mfaDetail: { authMethod: 'Mobile app notification' },
    authenticationDetails: [
      { authenticationMethod: 'Password', succeeded: true, authenticationStepResultDetail: 'Correct password' },
      { authenticationMethod: 'Mobile app notification', succeeded: ok, authenticationStepResultDetail: detail },
    ],
  };
}

/** An activity of Google Workspace. */
export function google(
  random: Random,
  actor: Person,
  time: number,
  ip: string,
  application: 'login' | 'admin',
  event: ProviderEvent,
): ProviderEvent {
  return {
    kind: 'admin#reports#activity',
    id: {
      time: iso(time),
      uniqueQualifier: String(random.integer(1, 2_000_000_000)),
      applicationName: application,
      customerId: 'C0demo',
    },
    actor: { callerType: 'USER', email: actor.id, profileId: `1${actor.deviceId.replace(/\D/g, '0').padEnd(20, '7')}` },
    ipAddress: ip,
    events: [event],
  };
}

/** `ASSIGN_ROLE` or `ADD_GROUP_MEMBER` with its parameters. */
export function googleAdminEvent(name: string, parameters: Readonly<Record<string, string>>): ProviderEvent {
  return {
    type: name === 'ASSIGN_ROLE' ? 'DELEGATED_ADMIN_SETTINGS' : 'GROUP_SETTINGS',
    name,
    parameters: Object.entries(parameters).map(([parameter, value]) => ({ name: parameter, value })),
  };
}

/** An Auth0 tenant log entry. Auth0 adds no place to the address. */
export function auth0(random: Random, signIn: SignIn, type: string, description: string): ProviderEvent {
  const logId = `900202611${random.hex(24)}`;
  return {
    log_id: logId,
    date: iso(signIn.time),
    type,
    description,
    connection: 'Username-Password-Authentication',
    client_name: 'Customer portal',
    ip: signIn.from.ip,
    user_agent: signIn.userAgent,
    user_id: `auth0|${signIn.person.deviceId.slice(4)}`,
    user_name: signIn.person.id,
    ...(type === 's' ? { session_id: signIn.session } : {}),
  };
}

const ACCOUNT = '123456789012';

/** A CloudTrail record of a call by an IAM user. */
export function cloudtrail(random: Random, signIn: SignIn, eventName: string, extra: ProviderEvent): ProviderEvent {
  const userName = signIn.person.id.split('@')[0] ?? 'nobody';
  return {
    eventVersion: '1.11',
    userIdentity: {
      type: 'IAMUser',
      principalId: `AIDA${signIn.person.deviceId.slice(4).toUpperCase()}`,
      arn: `arn:aws:iam::${ACCOUNT}:user/${userName}`,
      accountId: ACCOUNT,
      accessKeyId: `ASIA${signIn.session.slice(0, 16).toUpperCase()}`,
      userName,
    },
    eventTime: iso(signIn.time).replace(/\.\d{3}Z$/, 'Z'),
    eventSource: 'ec2.amazonaws.com',
    eventName,
    awsRegion: 'eu-west-3',
    sourceIPAddress: signIn.from.ip,
    userAgent: signIn.userAgent,
    requestParameters: null,
    responseElements: null,
    eventID: random.uuid(),
    readOnly: true,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: ACCOUNT,
    ...extra,
  };
}

function consoleLogin(random: Random, signIn: SignIn): ProviderEvent {
  return cloudtrail(random, signIn, 'ConsoleLogin', {
    eventSource: 'signin.amazonaws.com',
    eventType: 'AwsConsoleSignIn',
    readOnly: false,
    responseElements: { ConsoleLogin: signIn.ok ? 'Success' : 'Failure' },
    additionalEventData: { MobileVersion: 'No', MFAUsed: 'No' },
    ...(signIn.ok ? {} : { errorMessage: 'Failed authentication' }),
  });
}

/** File name for each provider's events. */
export const FILE_NAMES: Readonly<Record<Provider, string>> = {
  okta: 'okta-system-log.ndjson',
  entra: 'entra-sign-ins.ndjson',
  google: 'google-activities.ndjson',
  auth0: 'auth0-tenant-log.ndjson',
  cloudtrail: 'cloudtrail.ndjson',
};
