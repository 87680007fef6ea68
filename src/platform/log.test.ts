import { describe, expect, it } from 'vitest';
import { createLog } from './log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  write(createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } }));
  return lines.join('');
}

const KEY = `fbk_${'s'.repeat(43)}`;

describe('createLog', () => {
  it('writes one JSON line with level, time and service', () => {
    const line = logged((log) => log.info({ route: '/x' }, 'request'));
    expect(line.endsWith('\n')).toBe(true);
    expect(JSON.parse(line)).toMatchObject({ service: 'firebreak', route: '/x', msg: 'request' });
    expect(logged((log) => log.debug('quiet'))).toBe('');
  });

  it.each([
    { password: 'hunter2' },
    { headers: { authorization: 'hunter2' } },
    { req: { headers: { 'x-api-key': 'hunter2', cookie: 'hunter2' } } },
    { connector: { token: 'hunter2', webhook: 'hunter2' } },
  ])('cuts secret members of %j', (entry) => {
    const line = logged((log) => log.info(entry, 'x'));
    expect(line).toContain('[redacted]');
    expect(line).not.toContain('hunter2');
  });

  it('cuts our own keys wherever they hide', () => {
    const line = logged((log) => {
      log.info({ url: `/x?key=${KEY}&other=1` }, `key ${KEY}`);
      log.error(new Error(`failed with ${KEY} and fbs_${'t'.repeat(43)}`));
    });
    expect(line).not.toMatch(/s{43}|t{43}/);
    expect(line).toContain('&other=1');
  });
});
