import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { contentHash, derivedId } from '../../platform/hash.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { ChangeResult, JournalReader } from '../../journal/journal.ts';
import type { RegulatoryDesk } from '../actions/desks.ts';
import { untilApplied } from '../service.ts';
import type { TellRecord } from '../tell-of-record.ts';
import { verdictOf } from './applicability.ts';
import { breachAppend, isBreachRegime } from './breach.ts';
import { changeOfClocks, clockChange, type ClockChange } from './clock-change.ts';
import { clockKey, type Clock, type ClockSubject } from './clock.ts';
import type { DeadlineRuleService, RulesInForce } from './deadline-rules.service.ts';
import type { OnStarted } from './deadlines.service.ts';
import { startKinds } from './people-said.ts';
import { KNOWLEDGE, type DeadlineRule } from './rule.ts';
import { MAX_RUNBOOK_HOURS, runbookRule } from './rules/runbook.ts';
import { startRecord } from './start-clock.ts';
import { tagRegime } from './tag-regime.ts';

/** Who starts clocks where a runbook does. */
const BY_RUNBOOK = 'engine';
const EXECUTION_ROW = z.looseObject({ incidentId: z.string(), startedAt: z.int() });
const REQUEST_ROW = z.looseObject({ deadlineIds: z.array(z.string()), incidentId: z.string() });

export interface DeskPorts {
  readonly journal: Pick<JournalReader, 'view' | 'viewByUniqueKey'>;
  readonly committer: GroupCommitter;
  readonly clock: { now(): number };
  readonly rules: Pick<DeadlineRuleService, 'inForce'>;
  readonly tell?: TellRecord;
  readonly onStarted?: OnStarted;
}

/** It was done before. */
const NOTHING_WRITTEN: ChangeResult = { status: 'applied', hashes: [] };

type Request = Parameters<RegulatoryDesk['start']>[0];

/** The clocks of a request, and those of them that it began. */
interface Begun {
  readonly started: readonly { readonly id: string; readonly clock: Clock }[];
  readonly deadlineIds: readonly string[];
}

/**
 * Starts the clocks that a runbook asks for. What is known at that time is that somebody came to know of it: the start of the execution
 * is the event of all rules that count from knowledge; what has to be determined by people waits for them. Nothing is sent outside.
 */
export function createRegulatoryDesk(ports: DeskPorts): RegulatoryDesk {
  const { journal, committer, rules, tell } = ports;

  async function find(key: string): Promise<{ readonly deadlineIds: readonly string[] } | null> {
    const request = await loadRequest(journal, key);
    return request === null ? null : { deadlineIds: request.deadlineIds };
  }

  return {
    find,
    async start(request) {
      const { started, deadlineIds } = await untilApplied<Begun>(async () => {
        // Asked for in each try: somebody else may have done it in between.
        const done = await find(request.key);
        if (done !== null) return { result: NOTHING_WRITTEN, answer: { ...done, started: [] } };
        const view = await journal.view('execution', request.origin.executionId);
        if (view === null) throw new FirebreakError('not_found', `There is no execution ${request.origin.executionId}`);
        const origin = { ...EXECUTION_ROW.parse(view.body), executionId: request.origin.executionId };
        const inForce = await rules.inForce();
        const { begin, left, unknown } = chosenRules(inForce, request);
        const now = Math.max(ports.clock.now(), origin.startedAt);
        const already: string[] = [];
        const fresh: (ClockChange & { readonly id: string })[] = [];
        for (const rule of begin) {
          const running = await journal.viewByUniqueKey('deadline', clockKey(origin.incidentId, rule.id));
          if (running !== null) already.push(running.id);
          else fresh.push(freshClock(inForce, rule, { origin, now, key: request.key }));
        }
        const deadlineIds = [...already, ...fresh.map(({ id }) => id)];
        const isBreach = begin.some(({ regime }) => isBreachRegime(regime));
        const breach = isBreach
          ? await breachAppend(journal, { incidentId: origin.incidentId, by: BY_RUNBOOK, at: now })
          : null;
        const asked = requestChange(request, { deadlineIds, left, unknown, now, incidentId: origin.incidentId });
        const more = {
          appends: [...(breach?.appends ?? []), ...asked.appends],
          views: [...(breach?.views ?? []), ...asked.views],
        };
        const result = await committer.submit(changeOfClocks(fresh, more));
        if (result.status === 'applied') fresh.forEach((each) => each.told());
        return { result, answer: { started: fresh, deadlineIds } };
      });
      for (const { id, clock } of started) await ports.onStarted?.({ id, clock });
      return { deadlineIds };
    },
  };

  function freshClock(
    inForce: RulesInForce,
    rule: DeadlineRule,
    {
      origin,
      now,
      key,
    }: {
      readonly origin: { readonly incidentId: string; readonly executionId: string; readonly startedAt: number };
      readonly now: number;
      readonly key: string;
    },
  ): ClockChange & { readonly id: string; readonly clock: Clock } {
    const id = derivedId('dl', key, rule.id);
    const clock: ClockSubject = {
      incidentId: origin.incidentId,
      executionId: origin.executionId,
      basis: inForce.basisOf(rule),
    };
    const kind = startKinds(rule).find((each) => KNOWLEDGE.includes(each));
    const reason = `The runbook's execution ${origin.executionId} started`;
    const event = kind === undefined ? null : { kind, at: origin.startedAt, reason, evidence: [origin.executionId] };
    const { reminders } = inForce.settings;
    const record = startRecord({ clock, event, by: BY_RUNBOOK, now, reminders });
    return { id, ...clockChange(id, null, [record], { reminders, tell }) };
  }
}

/** What was asked under this key, and of which incident; null: nothing yet. */
export async function loadRequest(
  journal: Pick<JournalReader, 'view'>,
  key: string,
): Promise<{ readonly deadlineIds: readonly string[]; readonly incidentId: string } | null> {
  const view = await journal.view('deadline-request', requestId(key));
  return view === null ? null : REQUEST_ROW.parse(view.body);
}

/** What a request starts, what it leaves out and why, and tags that name nothing here. */
export function chosenRules(
  { rules, settings }: RulesInForce,
  { regimes, deadlineHours }: Pick<Request, 'regimes' | 'deadlineHours'>,
) {
  const named = regimes.map((tag) => ({ tag, regime: tagRegime(tag, rules) }));
  const wanted = new Set(named.flatMap(({ regime }) => (regime === null ? [] : [regime])));
  const begin: DeadlineRule[] = [];
  const left: { readonly ruleId: string; readonly reason: string }[] = [];
  for (const rule of rules) {
    if (regimes.length > 0 ? !wanted.has(rule.regime) : !isOwn(rule, settings.answers)) continue;
    const { verdict, reason } = verdictOf(
      { ...rule, appliesWhen: { ...rule.appliesWhen, incident: {} } },
      settings.answers,
      {},
    );
    if (!rule.enabled) left.push({ ruleId: rule.id, reason: 'The rule is off.' });
    else if (verdict === 'does_not_apply') left.push({ ruleId: rule.id, reason });
    else if (rule.onTag || verdict === 'applies') begin.push(rule);
    else left.push({ ruleId: rule.id, reason: 'Answers about the organisation and the incident decide on it.' });
  }
  const hours = deadlineHours === null ? null : Math.min(MAX_RUNBOOK_HOURS, Math.max(1, Math.floor(deadlineHours)));
  if (hours !== null) begin.push(runbookRule(hours));
  return { begin, left, unknown: named.flatMap(({ tag, regime }) => (regime === null ? [tag] : [])) };
}

/** Whether the organisation said that the rule is one of its own. */
function isOwn(rule: DeadlineRule, answers: RulesInForce['settings']['answers']): boolean {
  const asked = Object.entries(rule.appliesWhen.organisation);
  return (
    rule.onTag &&
    asked.length > 0 &&
    asked.every(([id, wanted]) => Object.hasOwn(answers, id) && answers[id] === wanted)
  );
}

/** That it was asked, so that it is done once. */
function requestChange(
  { key, origin, regimes, deadlineHours, channels }: Request,
  {
    deadlineIds,
    left,
    unknown,
    now,
    incidentId,
  }: {
    readonly deadlineIds: readonly string[];
    readonly left: readonly { readonly ruleId: string; readonly reason: string }[];
    readonly unknown: readonly string[];
    readonly now: number;
    readonly incidentId: string;
  },
) {
  const id = requestId(key);
  const data = {
    key,
    incidentId,
    origin: { executionId: origin.executionId, actionId: origin.actionId },
    regimes: [...regimes],
    deadlineHours: deadlineHours === null ? null : Math.floor(deadlineHours),
    channels: [...channels],
    deadlineIds: [...deadlineIds],
    left: left.map((each) => ({ ...each })),
    unknown: [...unknown],
  };
  const record = { type: 'deadline.requested', v: 1, at: now, data };
  const body = { deadlineIds: [...deadlineIds], incidentId };
  return {
    appends: [{ stream: `deadline-request/${id}`, expectedSeq: 0, records: [record] }],
    views: [{ kind: 'deadline-request' as const, id, expectedVersion: 0, parent: incidentId, at: now, body }],
  };
}

/** Keys are of any form; names of streams are not. */
function requestId(key: string): string {
  return contentHash(key).slice(0, 40);
}
