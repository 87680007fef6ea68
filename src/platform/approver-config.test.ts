import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const noFile = (path: string): string => {
  throw new Error(`no such file: ${path}`);
};

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env, noFile);
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.faults;
    throw thrown;
  }
}

describe('external approvers in the environment', () => {
  it('are named in a list, and each has variables of its own; secrets may lie in files', () => {
    const env = {
      EXTERNAL_APPROVERS: 'soar, change-board',
      EXTERNAL_APPROVER_SOAR_URL: 'https://soar.example.org/approve',
      EXTERNAL_APPROVER_SOAR_TOKEN_FILE: '/run/token',
      EXTERNAL_APPROVER_CHANGE_BOARD_URL: 'https://board.example.org/v1',
      EXTERNAL_APPROVER_CHANGE_BOARD_SECRET: SECRET,
      EXTERNAL_APPROVER_CHANGE_BOARD_TIMEOUT_MS: '5000',
      EXTERNAL_APPROVER_CHANGE_BOARD_EVENT_FIELDS: 'id, kind',
    };
    const { config, warnings } = readConfig(env, () => 'a-token-of-enough-characters\n');
    expect(warnings).toEqual([]);
    expect(config.externalApprovers).toEqual([
      {
        name: 'soar',
        url: 'https://soar.example.org/approve',
        secret: null,
        token: 'a-token-of-enough-characters',
        timeoutMs: 30_000,
        eventFields: null,
      },
      {
        name: 'change-board',
        url: 'https://board.example.org/v1',
        secret: SECRET,
        token: null,
        timeoutMs: 5_000,
        eventFields: ['id', 'kind'],
      },
    ]);
  });

  it('are warned about where the service cannot know who asks', () => {
    const env = { EXTERNAL_APPROVERS: 'soar', EXTERNAL_APPROVER_SOAR_URL: 'https://soar.example.org/approve' };
    expect(readConfig(env, noFile).warnings).toEqual([expect.stringContaining('soar has no _SECRET and no _TOKEN')]);
  });

  it.each([
    [{ EXTERNAL_APPROVERS: 'Soar' }, 'EXTERNAL_APPROVERS must be names'],
    [{ EXTERNAL_APPROVERS: 'soar' }, 'EXTERNAL_APPROVER_SOAR_URL is missing'],
    [
      { EXTERNAL_APPROVERS: 'soar,soar', EXTERNAL_APPROVER_SOAR_URL: 'https://a.example' },
      'EXTERNAL_APPROVERS names a service twice',
    ],
    [
      { EXTERNAL_APPROVERS: 'soar', EXTERNAL_APPROVER_SOAR_URL: 'http://hunter2.example/approve' },
      'EXTERNAL_APPROVER_SOAR_URL must be an https address',
    ],
    [
      {
        EXTERNAL_APPROVERS: 'soar',
        EXTERNAL_APPROVER_SOAR_URL: 'https://a.example',
        EXTERNAL_APPROVER_SOAR_SECRET: 'whsec_hunter2',
      },
      'EXTERNAL_APPROVER_SOAR_SECRET must be whsec_',
    ],
    [
      {
        EXTERNAL_APPROVERS: 'soar',
        EXTERNAL_APPROVER_SOAR_URL: 'https://a.example',
        EXTERNAL_APPROVER_SOAR_TOKEN: 'hunter2',
      },
      'EXTERNAL_APPROVER_SOAR_TOKEN must be one word',
    ],
    [
      {
        EXTERNAL_APPROVERS: 'soar',
        EXTERNAL_APPROVER_SOAR_URL: 'https://a.example',
        EXTERNAL_APPROVER_SOAR_TIMEOUT_MS: '1',
      },
      'EXTERNAL_APPROVER_SOAR_TIMEOUT_MS must be a whole number',
    ],
    [
      {
        EXTERNAL_APPROVERS: 'soar',
        EXTERNAL_APPROVER_SOAR_URL: 'https://a.example',
        EXTERNAL_APPROVER_SOAR_EVENT_FIELDS: 'a.b',
      },
      'EXTERNAL_APPROVER_SOAR_EVENT_FIELDS must be names',
    ],
  ])('%o is refused with its reason, and no value is repeated', (env, reason) => {
    const faults = faultsOf(env as Record<string, string>);
    expect(faults).toContainEqual(expect.stringContaining(reason));
    expect(faults.join()).not.toContain('hunter2');
  });
});
