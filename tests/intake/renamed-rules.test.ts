import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventOf, MINUTE, T0, user } from '../../src/pipeline/detections/test-event.ts';
import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import type { ActivePlaybook } from '../../src/pipeline/playbooks/playbooks.service.ts';
import { activePlaybook } from '../support/active-playbook.ts';
import { testIntake, type TestIntake } from '../support/intake.ts';

/** A rule has the name of the first playbook that asks for it: playbooks come and go while an attack is under way. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-renamed-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function bypass(playbookId: string, conditions: object = {}): ActivePlaybook {
  const ruleType = 'REPEATED_2FA_BYPASS';
  return activePlaybook({
    playbookId,
    name: playbookId,
    playbookType: ruleType,
    severity: 'HIGH',
    rules: [{ ruleId: 'rule', ruleType, conditions }],
    actions: [{ actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND', stage: 1 }],
  });
}

/** Second factors that anna denied, one each minute. */
const denied = (from: number, to: number): AcceptedEvent[] =>
  Array.from({ length: to - from }, (_, index) => {
    const time = T0 + (from + index) * MINUTE;
    const event = eventOf({
      id: `mfa-${from + index}`,
      kind: 'mfa_result',
      outcome: 'denied',
      time,
      subject: user('anna'),
    });
    return { event, raw: Buffer.from(event.id) };
  });

describe.each([false, true])('a rule that gets another name (shared journal: %s)', (shared) => {
  const open = (playbooks: () => readonly ActivePlaybook[]): TestIntake =>
    testIntake({
      file: join(folder, 'journal.sqlite'),
      now: T0 + 60 * MINUTE,
      shared,
      playbooks: { active: async () => playbooks(), load: () => Promise.reject(new Error('nothing is followed up')) },
    });
  const attemptsFound = async ({ journal }: TestIntake) => {
    const { items } = await journal.listViews({ kind: 'finding', limit: 10, skip: 0 });
    return items.map(({ body }) => (body as { details?: { attempts?: number } }).details?.attempts);
  };

  it.each([
    ['the first playbook that asks for it is added', [], [bypass('added')]],
    ['another one with a smaller id is added', [bypass('known')], [bypass('copy'), bypass('known')]],
    ['the first of two is switched off', [bypass('copy'), bypass('known')], [bypass('known')]],
  ])('goes on with what it has counted: %s', async (_what, before, after) => {
    let inForce: readonly ActivePlaybook[] = before;
    const house = open(() => inForce);
    await house.intake.take(denied(0, 4), undefined);
    inForce = after;
    await house.intake.take(denied(4, 5), undefined);
    expect(await attemptsFound(house)).toEqual([5]);
    await house.close();
  });

  it('goes on with the newest of what was counted under its names, also after a restart', async () => {
    const [copy, known] = [bypass('copy'), bypass('known')];
    let inForce: readonly ActivePlaybook[] = [known];
    const first = open(() => inForce);
    await first.intake.take(denied(0, 2), undefined);
    inForce = [copy, known];
    await first.intake.take(denied(2, 4), undefined);
    await first.close();
    const second = open(() => [known]);
    await second.intake.take(denied(4, 5), undefined);
    expect(await attemptsFound(second)).toEqual([5]);
    await second.close();
  });

  it('keeps its findings, which playbooks that come later answer to', async () => {
    let inForce: readonly ActivePlaybook[] = [];
    const house = open(() => inForce);
    await house.intake.take(denied(0, 5), undefined);
    inForce = [bypass('added')];
    await house.intake.take(denied(5, 6), undefined);
    expect(await attemptsFound(house)).toEqual([6]);
    const { items } = await house.journal.listViews({ kind: 'execution', limit: 10, skip: 0 });
    expect(items).toHaveLength(1);
    await house.close();
  });

  it('begins anew where it asks for something else', async () => {
    let inForce: readonly ActivePlaybook[] = [];
    const house = open(() => inForce);
    await house.intake.take(denied(0, 4), undefined);
    inForce = [bypass('other', { minAttempts: 4 })];
    await house.intake.take(denied(4, 5), undefined);
    expect(await attemptsFound(house)).toEqual([]);
    await house.close();
  });
});
