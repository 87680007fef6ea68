import { describe, expect, it } from 'vitest';
import { ConfigError, databaseUrlOf, NOT_ENFORCED_YET, readConfig } from './config.ts';

const noFile = (path: string): string => {
  throw new Error(`no such file: ${path}`);
};

function faultsOf(env: Record<string, string>, readFile = noFile): readonly string[] {
  try {
    readConfig(env, readFile);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.faults;
    throw thrown;
  }
}

/** A certificate for tests only. */
const ROOT = `-----BEGIN CERTIFICATE-----
MIIBfzCCASWgAwIBAgIUegn5wuTsbt/JO+D+cDsdBCW3WWswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJVGVzdCByb290MCAXDTI2MTEyMjA4MjczM1oYDzIxMjYxMDI5
MDgyNzMzWjAUMRIwEAYDVQQDDAlUZXN0IHJvb3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASd/f3LFN0qVVPz2b6U4P9w4FdGGvH00wQGt9ETudUc9JTxNB7aeQOJ
t1ESVfaMiWl7FJWkf+taiD5yp854B93Ko1MwUTAdBgNVHQ4EFgQUL9yDU7dw46tV
MfWHij4929Y0UdUwHwYDVR0jBBgwFoAUL9yDU7dw46tVMfWHij4929Y0UdUwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAOHVIuJ2Mk9RZUWmPn9x/2
ThkMNy5bQxIHoPGhM1LN/QIhAOuRmImydqPXvR96n62eUhiVwDsUmIgusGf3DxiF
V1xK
-----END CERTIFICATE-----
`;

describe('readConfig', () => {
  it('has a default for everything, and nothing to warn about', () => {
    expect(readConfig({}, noFile)).toEqual({
      config: {
        host: '127.0.0.1',
        port: 3_000,
        publicUrl: null,
        trustedProxies: [],
        dataDir: './data',
        databaseUrl: null,
        logLevel: 'info',
        persons: { encrypted: true, keysFile: null, keysUrl: null },
        logKeyFile: null,
        geoDatabase: null,
        egressList: null,
        inventoryFile: null,
        ssh: null,
        webhookAllow: [],
        playbooks: { maxConcurrent: 128, maxCallsPerConnector: 64, timeoutMs: 300_000, retryBackoffMs: 1_000 },
        approvals: { timeoutMs: 3_600_000, escalationCheckIntervalMs: 300_000 },
        policyChangesByTwo: false,
        notifications: {
          mail: null,
          slackWebhook: null,
          messagesPerMinute: 20,
          slackSigningSecret: null,
          teamsWebhook: null,
          pagerDuty: null,
          webhook: null,
        },
        externalApprovers: [],
        oidc: null,
        evidence: {
          dir: null,
          s3: null,
          keyFile: null,
          retentionDays: { usual: 365, byKind: new Map() },
          reverifyDays: 30,
          lawfulBasisRequired: false,
        },
        retention: { events: null, incidents: null, notices: null, tasks: null },
        runbooks: { git: null, readOnly: false, requireSigned: false },
        geoLocationApiKey: null,
        witness: null,
        timeStamps: null,
      },
      warnings: [],
    });
  });

  it('reads every variable, trimmed; an empty one is absent', () => {
    const { config } = readConfig(
      {
        PORT: ' 8080 ',
        HOST: '::1',
        DATA_DIR: '/data',
        LOG_LEVEL: 'WARN',
        GEO_DATABASE: '/geo.mmdb',
        EGRESS_LIST: '/egress.txt',
        INVENTORY_FILE: '/assets.csv',
        INCIDENT_PLAYBOOK_MAX_CONCURRENT: '10',
        INCIDENT_PLAYBOOK_TIMEOUT_MS: '600000',
        INCIDENT_PLAYBOOK_RETRY_BACKOFF_MS: '500',
        APPROVAL_TIMEOUT_MS: '60000',
        ESCALATION_CHECK_INTERVAL_MS: '30000',
        NOTIFICATION_EMAIL_FROM: 'alerts@example.org',
        SMTP_HOST: 'mail.example.org',
        NOTIFICATION_SLACK_WEBHOOK: '',
        NOTIFICATION_TEAMS_WEBHOOK: 'https://teams.example.org/hook',
        PUBLIC_URL: 'https://firebreak.example.org/',
        TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8 ,fd00::/48',
        GEO_LOCATION_API_KEY: 'k',
        EVIDENCE_DIR: '/evidence',
        EVIDENCE_KEY_FILE: '/keys',
        EVIDENCE_RETENTION_DAYS: '90, disk-image=30,memory-image=14',
        RETENTION_DAYS: '730,events=90, notices=0',
        EVIDENCE_REVERIFY_DAYS: '0',
        LAWFUL_BASIS_REQUIRED: 'on',
        RUNBOOKS_GIT: '/runbooks',
        RUNBOOKS_GIT_REF: 'release',
        RUNBOOKS_GIT_FOLDER: 'soc',
        RUNBOOKS_GIT_SIGNERS: '/signers',
        RUNBOOKS_GIT_SIGNED: 'on',
        RUNBOOKS_READ_ONLY: 'on',
        WITNESS_URL: 'http://witness.example:3100',
        WITNESS_KEY: 'w+00000000+BHMiZVtBAMTiIIzHkYP5LZJWuWYIb4dBJq0eNcKbe1rm',
      },
      noFile,
    );
    expect(config).toEqual({
      host: '::1',
      ssh: null,
      port: 8_080,
      publicUrl: 'https://firebreak.example.org',
      trustedProxies: ['127.0.0.1', '10.0.0.0/8', 'fd00::/48'],
      dataDir: '/data',
      databaseUrl: null,
      persons: { encrypted: true, keysFile: null, keysUrl: null },
      logKeyFile: null,
      logLevel: 'warn',
      geoDatabase: '/geo.mmdb',
      egressList: '/egress.txt',
      inventoryFile: '/assets.csv',
      webhookAllow: [],
      playbooks: { maxConcurrent: 10, maxCallsPerConnector: 64, timeoutMs: 600_000, retryBackoffMs: 500 },
      approvals: { timeoutMs: 60_000, escalationCheckIntervalMs: 30_000 },
      policyChangesByTwo: false,
      notifications: {
        mail: {
          host: 'mail.example.org',
          port: 587,
          tls: 'starttls',
          login: null,
          ca: null,
          from: 'alerts@example.org',
          signer: null,
        },
        slackWebhook: null,
        messagesPerMinute: 20,
        slackSigningSecret: null,
        teamsWebhook: 'https://teams.example.org/hook',
        pagerDuty: null,
        webhook: null,
      },
      externalApprovers: [],
      oidc: null,
      evidence: {
        dir: '/evidence',
        s3: null,
        keyFile: '/keys',
        retentionDays: {
          usual: 90,
          byKind: new Map([
            ['disk-image', 30],
            ['memory-image', 14],
          ]),
        },
        reverifyDays: 0,
        lawfulBasisRequired: true,
      },
      retention: { events: 90, incidents: 730, notices: 0, tasks: 730 },
      runbooks: {
        git: { repository: '/runbooks', ref: 'release', folder: 'soc', allowedSigners: '/signers' },
        readOnly: true,
        requireSigned: true,
      },
      geoLocationApiKey: 'k',
      witness: {
        url: 'http://witness.example:3100',
        key: 'w+00000000+BHMiZVtBAMTiIIzHkYP5LZJWuWYIb4dBJq0eNcKbe1rm',
      },
      timeStamps: null,
    });
  });

  it('takes days for evidence, and days for some kinds of it', () => {
    expect(faultsOf({ EVIDENCE_RETENTION_DAYS: 'video=3' })[0]).toContain('names video: it knows file,');
    for (const EVIDENCE_RETENTION_DAYS of ['36501', 'file=36501'])
      expect(faultsOf({ EVIDENCE_RETENTION_DAYS })[0]).toContain('from 0 to 36500');
    for (const EVIDENCE_RETENTION_DAYS of ['a year', 'file=', '-1', '1.5', 'file=1=2'])
      expect(faultsOf({ EVIDENCE_RETENTION_DAYS })[0]).toContain('like 365,memory-image=90');
  });

  it('takes days for all that a journal may lose, for some of it, or for nothing', () => {
    expect(readConfig({ RETENTION_DAYS: 'tasks=30' }, () => '').config.retention).toMatchObject({
      tasks: 30,
      events: null,
    });
    expect(faultsOf({ RETENTION_DAYS: 'records=3' })[0]).toContain(
      'names records: it knows events, incidents, notices',
    );
  });

  it('lists every fault at once and repeats no value', () => {
    const faults = faultsOf({
      PORT: '65536',
      HOST: 'bad host',
      LOG_LEVEL: 'loud',
      INCIDENT_PLAYBOOK_MAX_CONCURRENT: '0',
      INCIDENT_PLAYBOOK_TIMEOUT_MS: '5m',
      APPROVAL_TIMEOUT_MS: '1e6',
      NOTIFICATION_SLACK_WEBHOOK: 'http://hooks.example.org/hunter2',
      GEO_LOCATION_API_KEY: 'two words hunter2',
      TEAMS_WEBHOOK_FILE: '/missing',
    });
    expect(faults.map((fault) => fault.split(/[ :]/)[0]).sort()).toEqual([
      'APPROVAL_TIMEOUT_MS',
      'GEO_LOCATION_API_KEY',
      'HOST',
      'INCIDENT_PLAYBOOK_MAX_CONCURRENT',
      'INCIDENT_PLAYBOOK_TIMEOUT_MS',
      'LOG_LEVEL',
      'NOTIFICATION_SLACK_WEBHOOK',
      'PORT',
      'TEAMS_WEBHOOK_FILE',
    ]);
    expect(faults.join()).not.toContain('hunter2');
  });

  it.each([
    '0.0.0.0/0',
    '10.0.0.0/7',
    '::/0',
    'fd00::/8',
    'proxy.example',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    'true',
    '1',
    '10.0.0.1,,x',
  ])('believes no proxies in %s', (given) => {
    expect(faultsOf({ TRUSTED_PROXIES: given })).toEqual([
      expect.stringMatching(/^TRUSTED_PROXIES must be addresses or networks/),
    ]);
  });

  it.each(['-1', '1.5', '0x10', '', ' ', '99999999999'])(
    'takes PORT=%j as wrong or absent, never as a number',
    (PORT) => {
      const absent = PORT.trim() === '';
      expect(faultsOf({ PORT }).length).toBe(absent ? 0 : 1);
    },
  );

  it('takes a witness only with its address and its key', () => {
    const WITNESS_URL = 'https://witness.example';
    const WITNESS_KEY = 'w+00000000+BHMiZVtBAMTiIIzHkYP5LZJWuWYIb4dBJq0eNcKbe1rm';
    expect(faultsOf({ WITNESS_URL, WITNESS_KEY })).toEqual([]);
    const halves: Record<string, string>[] = [{ WITNESS_URL }, { WITNESS_KEY }];
    for (const half of halves) {
      expect(faultsOf(half)).toEqual(['WITNESS_URL and WITNESS_KEY belong together: set both or none']);
    }
    for (const wrong of [{ WITNESS_URL: 'ftp://x' }, { WITNESS_URL: 'https://[x' }, { WITNESS_KEY: 'w+0+x' }]) {
      expect(faultsOf({ WITNESS_URL, WITNESS_KEY, ...wrong })).toHaveLength(1);
    }
  });

  it('takes a time-stamping authority only with its roots, from a file too', () => {
    const TIMESTAMP_URL = 'http://tsa.example/tsr';
    const both = { TIMESTAMP_URL, TIMESTAMP_CA_FILE: '/tsa.pem' };
    const config = readConfig(both, () => `${ROOT}${ROOT}`).config.timeStamps;
    expect(config).toMatchObject({ url: TIMESTAMP_URL, roots: [ROOT.trim(), ROOT.trim()] });
    const halves: Record<string, string>[] = [{ TIMESTAMP_URL }, { TIMESTAMP_CA: ROOT }];
    for (const half of halves) {
      expect(faultsOf(half)).toEqual(['TIMESTAMP_URL and TIMESTAMP_CA_FILE belong together: set both or none']);
    }
    expect(faultsOf({ TIMESTAMP_URL: 'ftp://x', TIMESTAMP_CA: ROOT })).toHaveLength(1);
    expect(faultsOf({ TIMESTAMP_URL, TIMESTAMP_CA: ROOT.repeat(17) })).toEqual([
      'TIMESTAMP_CA_FILE must hold 1 to 16 certificates in PEM, and nothing else',
    ]);
    const second = ROOT.replace('MII', 'MIJ');
    expect(faultsOf({ TIMESTAMP_URL, TIMESTAMP_CA: `${ROOT}${second}` })).toHaveLength(1);
  });

  it('takes the address of a database, from a file too, and repeats no password of a wrong one', () => {
    const url = 'postgres://firebreak:secret@db.example:5432/journal';
    expect(readConfig({ DATABASE_URL: url }, noFile)).toMatchObject({ config: { databaseUrl: url }, warnings: [] });
    const env = { DATABASE_URL_FILE: '/run/secrets/url' };
    expect(readConfig(env, () => `${url}\n`).config.databaseUrl).toBe(url);
    expect(databaseUrlOf(env, () => url)).toBe(url);
    expect(databaseUrlOf({ PORT: 'none of our business' }, noFile)).toBe(null);
    for (const wrong of ['mysql://a:secret@b/c', 'postgres://a:secret@b', 'postgres://a:secret@[b/c', 'secret']) {
      const faults = faultsOf({ DATABASE_URL: wrong });
      expect(faults).toEqual([expect.stringContaining('DATABASE_URL must be postgres://user:password@host')]);
      expect(faults.join()).not.toContain('secret');
      expect(() => databaseUrlOf({ DATABASE_URL: wrong }, noFile)).toThrow(ConfigError);
    }
  });

  it('reads secrets from files', () => {
    const files = (path: string): string => (path === '/run/key' ? 'from-file\n' : '');
    expect(readConfig({ GEO_LOCATION_API_KEY_FILE: '/run/key' }, files).config.geoLocationApiKey).toBe('from-file');
    expect(faultsOf({ GEO_LOCATION_API_KEY_FILE: '/empty' }, files)).toEqual([
      'GEO_LOCATION_API_KEY_FILE: the file is empty',
    ]);
    expect(faultsOf({ GEO_LOCATION_API_KEY_FILE: '/run/key', GEO_LOCATION_API_KEY: 'k' }, files)[0]).toContain(
      'both set',
    );
  });

  it('takes the short names of the webhooks', () => {
    const hook = 'https://hooks.example.org/1';
    const read = (env: Record<string, string>) => readConfig(env, noFile).config.notifications;
    expect(read({ SLACK_WEBHOOK: hook }).slackWebhook).toBe(hook);
    expect(read({ TEAMS_WEBHOOK: hook, NOTIFICATION_TEAMS_WEBHOOK: hook }).teamsWebhook).toBe(hook);
    expect(faultsOf({ SLACK_WEBHOOK: hook, NOTIFICATION_SLACK_WEBHOOK: `${hook}2` })[0]).toContain('differ');
  });

  it('reads the receivers that webhooks may reach', () => {
    const read = (value: string) => readConfig({ WEBHOOK_ALLOW: value }, noFile).config.webhookAllow;
    expect(read('127.0.0.1:9000, splunk.internal:8089')).toEqual(['127.0.0.1:9000', 'splunk.internal:8089']);
    expect(read('')).toEqual([]);
    expect(() => read('http://x/')).toThrow(/WEBHOOK_ALLOW must be host:port pairs/);
  });

  it('warns by name about what nothing acts on, what is misspelt, and what is exposed', () => {
    const env = Object.fromEntries([...NOT_ENFORCED_YET.keys()].map((name) => [name, 'x']));
    const { warnings } = readConfig(
      {
        ...env,
        MONGODB_URI: 'mongodb://x',
        INCIDENT_PLAYBOOK_TIMEOUT: '1',
        HOST: '0.0.0.0',
        INCIDENT_PLAYBOOK_TIMEOUT_MS: '1000',
      },
      noFile,
    );
    const named = warnings.map((warning) => warning.split(' ')[0]);
    expect(named).toEqual(['MONGODB_URI', ...NOT_ENFORCED_YET.keys(), 'INCIDENT_PLAYBOOK_TIMEOUT', 'HOST']);
    expect(warnings[0]).toContain('PostgreSQL');
  });
});

describe('where people reach the server, and the identity provider', () => {
  const oidc = {
    PUBLIC_URL: 'https://firebreak.example.org',
    OIDC_ISSUER: 'https://idp.example.org/realm',
    OIDC_CLIENT_ID: 'firebreak',
    OIDC_CLIENT_SECRET: 'long enough',
    OIDC_ROLE_MAP: '{"soc": "SECURITY_ADMIN"}',
  };

  it('are read together', () => {
    const { config } = readConfig(oidc, noFile);
    expect(config.oidc).toEqual({
      issuer: 'https://idp.example.org/realm',
      clientId: 'firebreak',
      clientSecret: 'long enough',
      scopes: 'openid profile email',
      groupsClaim: 'groups',
      roleMap: new Map([['soc', 'SECURITY_ADMIN']]),
      groupMap: new Map(),
    });
    const { OIDC_CLIENT_SECRET: _secret, ...rest } = oidc;
    const fromFile = readConfig({ ...rest, OIDC_CLIENT_SECRET_FILE: '/secret' }, () => 'from a file\n');
    expect(fromFile.config.oidc?.clientSecret).toBe('from a file');
  });

  it.each([
    'http://firebreak.example.org',
    'https://firebreak.example.org/path',
    'https://a:hunter2@b.example',
    'firebreak',
    'ftp://x',
    'https://x/?a=1',
    'https://x/#a',
  ])('are refused when PUBLIC_URL is %s', (url) => {
    expect(faultsOf({ PUBLIC_URL: url })).toEqual([expect.stringContaining('PUBLIC_URL must be an https address')]);
  });

  it('name what is missing', () => {
    expect(faultsOf({ OIDC_ISSUER: oidc.OIDC_ISSUER })).toEqual([
      'OIDC_CLIENT_ID is missing: OIDC_ISSUER is set, and they belong together',
      'OIDC_CLIENT_SECRET is missing: OIDC_ISSUER is set, and they belong together',
      'OIDC_ROLE_MAP is missing: OIDC_ISSUER is set, and they belong together',
      'PUBLIC_URL is missing: OIDC_ISSUER is set, and they belong together',
    ]);
  });

  it.each(['', '[]', '{}', '"x"', '{"soc": 1}', '{"soc": null}', '{soc: CISO}'])('refuse the role map %s', (map) => {
    expect(faultsOf({ ...oidc, OIDC_ROLE_MAP: map })).toEqual([expect.stringMatching(/^OIDC_ROLE_MAP /)]);
  });

  it('read the group map, or refuse it in the same way', () => {
    const { config } = readConfig({ ...oidc, OIDC_GROUP_MAP: '{"fraud-team": "Fraud desk"}' }, noFile);
    expect(config.oidc?.groupMap).toEqual(new Map([['fraud-team', 'Fraud desk']]));
    expect(faultsOf({ ...oidc, OIDC_GROUP_MAP: '["x"]' })).toEqual([expect.stringMatching(/^OIDC_GROUP_MAP /)]);
  });

  it('refuse an issuer that others can listen to', () => {
    expect(faultsOf({ ...oidc, OIDC_ISSUER: 'http://idp.example.org' })).toEqual([
      expect.stringContaining('OIDC_ISSUER must be an https address'),
    ]);
  });
});

describe('hosts over SSH', () => {
  const SSH_KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----';

  it('are read with the key of those that name none', () => {
    const { config } = readConfig({ SSH_HOSTS_FILE: '/hosts.yaml', SSH_KEY_FILE: '/key' }, () => SSH_KEY);
    expect(config.ssh).toEqual({ hostsFile: '/hosts.yaml', key: SSH_KEY, passphrase: null });
  });

  it('refuse a key that opens nothing, and one that is none', () => {
    expect(faultsOf({ SSH_KEY })).toEqual([expect.stringContaining('need SSH_HOSTS_FILE')]);
    expect(faultsOf({ SSH_HOSTS_FILE: '/h', SSH_KEY: 'secret' })).toEqual([
      'SSH_KEY must be a private key in OpenSSH or PEM form',
    ]);
  });
});

describe('the bucket of evidence', () => {
  const S3 = { EVIDENCE_STORE: 's3', EVIDENCE_S3_BUCKET: 'our-evidence', EVIDENCE_S3_REGION: 'eu-central-1' };
  const read = (more: Record<string, string> = {}, readFile = noFile) =>
    readConfig({ ...S3, ...more }, readFile).config.evidence.s3;

  it('is read, with credentials of the machine or of its own', () => {
    expect(read()).toEqual({
      bucket: 'our-evidence',
      prefix: '',
      region: 'eu-central-1',
      endpoint: null,
      pathStyle: false,
      credentials: null,
    });
    const own = {
      EVIDENCE_S3_PREFIX: 'cases/production',
      EVIDENCE_S3_ENDPOINT: 'https://objects.example:9000',
      EVIDENCE_S3_ACCESS_KEY_ID: 'AKIA',
      EVIDENCE_S3_SECRET_ACCESS_KEY_FILE: '/secret',
    };
    expect(read(own, () => 'from-a-file\n')).toMatchObject({
      prefix: 'cases/production/',
      endpoint: 'https://objects.example:9000',
      pathStyle: true,
      credentials: { accessKeyId: 'AKIA', secretAccessKey: 'from-a-file', sessionToken: null },
    });
    expect(read({ EVIDENCE_S3_BUCKET: 'with.dots' })?.pathStyle).toBe(true);
    expect(read({ EVIDENCE_S3_ENDPOINT: 'https://s3.eu-west-1.amazonaws.com' })?.pathStyle).toBe(false);
    expect(read({ EVIDENCE_S3_PATH_STYLE: 'on' })?.pathStyle).toBe(true);
  });

  it.each<[Record<string, string>, string]>([
    [{ EVIDENCE_STORE: 'tape' }, 'EVIDENCE_STORE must be one of local, s3'],
    [{ EVIDENCE_STORE: 'local' }, 'EVIDENCE_S3_BUCKET is set, and EVIDENCE_STORE is not s3'],
    [{ EVIDENCE_S3_BUCKET: '' }, 'EVIDENCE_STORE=s3 needs EVIDENCE_S3_BUCKET'],
    [{ EVIDENCE_S3_BUCKET: '../x' }, 'EVIDENCE_S3_BUCKET must be the name of a bucket'],
    [{ EVIDENCE_S3_REGION: '' }, 'EVIDENCE_STORE=s3 needs EVIDENCE_S3_REGION'],
    [{ EVIDENCE_S3_PREFIX: 'a/../b' }, 'EVIDENCE_S3_PREFIX must be words'],
    [{ EVIDENCE_S3_PREFIX: '/a' }, 'EVIDENCE_S3_PREFIX must be words'],
    [{ EVIDENCE_S3_ENDPOINT: 'http://objects.example' }, 'EVIDENCE_S3_ENDPOINT must be an https address'],
    [{ EVIDENCE_S3_ENDPOINT: 'http://169.254.169.254' }, 'EVIDENCE_S3_ENDPOINT must be an https address'],
    [{ EVIDENCE_S3_ENDPOINT: 'https://u:p@objects.example' }, 'EVIDENCE_S3_ENDPOINT must be an https address'],
    [{ EVIDENCE_S3_ACCESS_KEY_ID: 'AKIA' }, 'belong together: set both or none'],
    [{ EVIDENCE_S3_SESSION_TOKEN: 'token' }, 'EVIDENCE_S3_SESSION_TOKEN needs'],
    [{ EVIDENCE_DIR: '/evidence' }, 'EVIDENCE_DIR is the folder of EVIDENCE_STORE=local'],
  ])('is refused with %j', (more, fault) => {
    expect(faultsOf({ ...S3, ...more }).join('\n')).toContain(fault);
  });
});
