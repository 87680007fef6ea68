import { describe, expect, it } from 'vitest';
import { organisationHandlers } from '../../src/connectors/organisation/actions.ts';
import { sandboxHandlers } from '../../src/connectors/sandbox/actions.ts';
import { openHosts } from '../../src/connectors/ssh/open.ts';
import { webhookHandlers } from '../../src/connectors/webhook/actions.ts';
import { KNOWN_ACTIONS } from '../../src/pipeline/runbooks/known-actions.ts';
import { safeHttp } from '../../src/platform/safe-http.ts';
import { memoryEvidence, memoryPeople, memoryRegulatory, memoryTasks } from '../support/desks.ts';

describe('what is known of actions without a server', () => {
  it('is what the connectors declare', () => {
    const http = safeHttp({});
    const evidence = memoryEvidence();
    const desks = { evidence, people: memoryPeople(), regulatory: memoryRegulatory(), tasks: memoryTasks() };
    const handlers = [
      ...sandboxHandlers({ baseUrl: 'http://127.0.0.1', token: '', http }, evidence),
      ...webhookHandlers({ http }),
      ...organisationHandlers(desks),
      ...openHosts({ hosts: [], evidence, now: () => 0 }).handlers,
    ];
    expect(new Set(handlers.map(({ declaration }) => declaration.type)).size).toBeGreaterThan(22);
    for (const { declaration } of handlers) {
      const { type, targetType, reversibility, contains } = declaration;
      const { inverses, ...known } = KNOWN_ACTIONS[type];
      expect({ type, ...known }).toEqual({ type, targetType, reversibility, contains });
      expect(inverses.length > 0, type).toBe(reversibility === 'undo');
    }
  });

  it('gives each inverse to one action only, and none the name of another action', () => {
    const inverses = Object.values(KNOWN_ACTIONS).flatMap((known) => known.inverses);
    expect(new Set(inverses).size).toBe(inverses.length);
    const actions = Object.keys(KNOWN_ACTIONS).map((type) => type.toLowerCase());
    expect(inverses.filter((word) => actions.includes(word))).toEqual(['restore_network_segment']);
  });
});
