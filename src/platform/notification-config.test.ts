import { describe, expect, it } from 'vitest';
import { ownCertificate } from '../../tests/support/mail-server.ts';
import { ConfigError, readConfig } from './config.ts';

const noFile = (path: string): string => {
  throw new Error(`no such file: ${path}`);
};

const read = (env: Record<string, string>, readFile = noFile) => readConfig(env, readFile).config.notifications;

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env, noFile);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.faults;
    throw thrown;
  }
}

const MAIL = { SMTP_HOST: 'mail.example.org', NOTIFICATION_EMAIL_FROM: 'alerts@example.org' };
const LOGIN = { SMTP_USER: 'firebreak', SMTP_PASSWORD: 'hunter2 with a space' };
const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const certificate = ownCertificate();

describe('mail', () => {
  it.each([
    [{}, 'starttls', 587],
    [{ SMTP_PORT: '25' }, 'starttls', 25],
    [{ SMTP_PORT: '465' }, 'implicit', 465],
    [{ SMTP_TLS: 'implicit' }, 'implicit', 465],
    [{ SMTP_TLS: 'STARTTLS', SMTP_PORT: '465' }, 'starttls', 465],
    [{ SMTP_TLS: 'none', SMTP_PORT: '25' }, 'none', 25],
    [{ SMTP_TLS: 'opportunistic' }, 'opportunistic', 587],
  ])('with %j is %s at port %i', (env, tls, port) => {
    expect(read({ ...MAIL, ...env }).mail).toMatchObject({ tls, port, host: 'mail.example.org', login: null });
  });

  it('has a login, whose password may lie in a file', () => {
    const login = { user: 'firebreak', password: 'hunter2 with a space' };
    expect(read({ ...MAIL, ...LOGIN }).mail?.login).toEqual(login);
    const env = { ...MAIL, SMTP_USER: 'firebreak', SMTP_PASSWORD_FILE: '/run/secrets/smtp' };
    expect(read(env, () => `${LOGIN.SMTP_PASSWORD}\n`).mail?.login).toEqual(login);
  });

  it('needs both its server and its sender, and says which is missing', () => {
    const { SMTP_HOST, NOTIFICATION_EMAIL_FROM } = MAIL;
    expect(faultsOf({ SMTP_HOST })).toEqual([
      'SMTP_HOST needs NOTIFICATION_EMAIL_FROM: set it to the address that mails come from',
    ]);
    expect(faultsOf({ NOTIFICATION_EMAIL_FROM })).toEqual([
      'NOTIFICATION_EMAIL_FROM needs SMTP_HOST: set it to the server that takes the mails',
    ]);
    expect(faultsOf({ ...LOGIN })).toEqual(['SMTP_USER needs SMTP_HOST: set it to the server that takes the mails']);
  });

  it.each<Record<string, string>>([{ SMTP_USER: 'firebreak' }, { SMTP_PASSWORD: 'hunter2' }])(
    'takes no half of a login (%j)',
    (half: Record<string, string>) => {
      expect(faultsOf({ ...MAIL, ...half })).toEqual(['SMTP_USER and SMTP_PASSWORD belong together: set both or none']);
    },
  );

  it.each(['none', 'opportunistic'])('sends no password where it could be read (%s)', (SMTP_TLS) => {
    const faults = faultsOf({ ...MAIL, ...LOGIN, SMTP_TLS });
    expect(faults).toEqual([expect.stringMatching(/^SMTP_TLS must be starttls or implicit with SMTP_USER/)]);
    expect(faults.join()).not.toContain('hunter2');
    for (const SMTP_HOST of ['127.0.0.1', '::1', 'localhost']) {
      expect(faultsOf({ ...MAIL, ...LOGIN, SMTP_TLS, SMTP_HOST })).toEqual([]);
    }
  });

  it.each<Record<string, string>>([
    { NOTIFICATION_EMAIL_FROM: 'Firebreak <alerts@example.org>' },
    { NOTIFICATION_EMAIL_FROM: 'a@b, c@d' },
    { NOTIFICATION_EMAIL_FROM: 'a@b\r\nBcc: c@d' },
    { SMTP_PORT: '0' },
    { SMTP_TLS: 'yes' },
    { SMTP_CA: 'not a certificate' },
    { SMTP_CA: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
  ])('has one fault with %j', (wrong: Record<string, string>) => {
    const [name = ''] = Object.keys(wrong);
    expect(faultsOf({ ...MAIL, ...wrong })).toEqual([expect.stringContaining(`${name} must be`)]);
  });

  it.skipIf(certificate === null)('believes an authority from a file', () => {
    const pem = certificate?.cert ?? '';
    expect(read({ ...MAIL, SMTP_CA_FILE: '/ca.pem' }, () => pem).mail?.ca).toBe(pem);
  });
});

describe('webhooks', () => {
  const names = [
    'NOTIFICATION_SLACK_WEBHOOK',
    'NOTIFICATION_TEAMS_WEBHOOK',
    'PAGERDUTY_URL',
    'NOTIFICATION_WEBHOOK_URL',
  ];
  const others = { PAGERDUTY_ROUTING_KEY: 'a'.repeat(32), NOTIFICATION_WEBHOOK_SECRET: WEBHOOK_SECRET };

  it.each(names)('%s goes out over https, or stays in this machine', (name) => {
    const rest = name === 'NOTIFICATION_WEBHOOK_URL' ? others : { PAGERDUTY_ROUTING_KEY: others.PAGERDUTY_ROUTING_KEY };
    for (const good of [
      'https://x.example/hunter2',
      'http://127.0.0.1:9/x',
      'http://localhost/x',
      'http://[::1]:9/x',
    ]) {
      expect(faultsOf({ ...rest, [name]: good })).toEqual([]);
    }
    for (const bad of [
      'http://x.example/hunter2',
      'http://10.0.0.1/hunter2',
      'https://u:hunter2@x.example/',
      'hunter2',
    ]) {
      const faults = faultsOf({ ...rest, [name]: bad });
      expect(faults).toEqual([`${name} must be an https address without user name and password`]);
    }
  });

  it('knows the public address of PagerDuty, and needs its key', () => {
    const { PAGERDUTY_ROUTING_KEY } = others;
    const routingKey = PAGERDUTY_ROUTING_KEY;
    expect(read({ PAGERDUTY_ROUTING_KEY }).pagerDuty).toEqual({ url: 'https://events.pagerduty.com', routingKey });
    expect(read({ PAGERDUTY_ROUTING_KEY, PAGERDUTY_URL: 'https://events.eu.pagerduty.com/' }).pagerDuty?.url).toBe(
      'https://events.eu.pagerduty.com',
    );
    expect(faultsOf({ PAGERDUTY_URL: 'https://x.example' })).toEqual([
      expect.stringMatching(/^PAGERDUTY_URL needs PAGERDUTY_ROUTING_KEY/),
    ]);
  });

  it('signs with a secret that is long enough, and takes no half', () => {
    const url = 'https://x.example/hook';
    const env = { NOTIFICATION_WEBHOOK_URL: url, NOTIFICATION_WEBHOOK_SECRET: WEBHOOK_SECRET };
    expect(read(env).webhook).toEqual({ url, secret: WEBHOOK_SECRET });
    for (const half of Object.entries(env)) {
      expect(faultsOf(Object.fromEntries([half]))).toEqual([
        'NOTIFICATION_WEBHOOK_URL and NOTIFICATION_WEBHOOK_SECRET belong together: set both or none',
      ]);
    }
    for (const bytes of [0, 1, 23, 65]) {
      const secret = `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
      expect(faultsOf({ ...env, NOTIFICATION_WEBHOOK_SECRET: secret })).toHaveLength(1);
    }
    for (const secret of ['hunter2', `${WEBHOOK_SECRET}x`, WEBHOOK_SECRET.slice('whsec_'.length)]) {
      const faults = faultsOf({ ...env, NOTIFICATION_WEBHOOK_SECRET: secret });
      expect(faults).toEqual([expect.stringContaining('NOTIFICATION_WEBHOOK_SECRET must')]);
      expect(faults.join()).not.toContain(secret);
    }
  });

  it('reads every secret from a file, and names all faults at once', () => {
    const files: Record<string, string> = {
      '/slack': 'https://hooks.example.org/1',
      '/signing': '8f742231b10e8888abcd99yyyzzz85a5',
      '/teams': 'https://teams.example.org/1',
      '/pagerduty': 'a'.repeat(32),
      '/url': 'https://x.example/hook',
      '/secret': WEBHOOK_SECRET,
    };
    const env = {
      NOTIFICATION_SLACK_WEBHOOK_FILE: '/slack',
      SLACK_SIGNING_SECRET_FILE: '/signing',
      NOTIFICATION_TEAMS_WEBHOOK_FILE: '/teams',
      PAGERDUTY_ROUTING_KEY_FILE: '/pagerduty',
      NOTIFICATION_WEBHOOK_URL_FILE: '/url',
      NOTIFICATION_WEBHOOK_SECRET_FILE: '/secret',
    };
    expect(read(env, (path) => files[path] ?? '')).toEqual({
      mail: null,
      slackWebhook: files['/slack'],
      messagesPerMinute: 20,
      slackSigningSecret: files['/signing'],
      teamsWebhook: files['/teams'],
      pagerDuty: { url: 'https://events.pagerduty.com', routingKey: files['/pagerduty'] },
      webhook: { url: files['/url'], secret: files['/secret'] },
    });
    const faults = faultsOf({
      SMTP_HOST: 'bad host',
      SMTP_PORT: 'x',
      SMTP_TLS: 'x',
      SLACK_SIGNING_SECRET: 'short',
      PAGERDUTY_ROUTING_KEY: 'a b',
      NOTIFICATION_WEBHOOK_URL: 'ftp://x',
    });
    expect(faults.map((fault) => fault.split(' ')[0]).sort()).toEqual([
      'NOTIFICATION_WEBHOOK_URL',
      'NOTIFICATION_WEBHOOK_URL',
      'PAGERDUTY_ROUTING_KEY',
      'SLACK_SIGNING_SECRET',
      'SMTP_HOST',
      'SMTP_HOST',
      'SMTP_PORT',
      'SMTP_TLS',
    ]);
  });
});
