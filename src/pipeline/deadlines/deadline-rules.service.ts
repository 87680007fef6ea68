import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import {
  recordable,
  requireVersion,
  shownTime,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
  type Listing,
} from '../service.ts';
import { verdictOf } from './applicability.ts';
import { basisOf } from './basis.ts';
import type { ClockBasis } from './due.ts';
import { ANSWERS, INCIDENT_QUESTIONS, ORGANISATION_QUESTIONS, type Answers } from './questions.ts';
import { RELIEFS, type DeadlineRule, type Relief } from './rule.ts';
import { BUILTIN_RULES } from './rules/builtin.ts';
import { calendarsOf, FIRST_SETTINGS, readSettings, type DeadlineSettings } from './settings.ts';

/** What somebody can switch of a rule: the whole of it, or one of its reliefs. */
export const SWITCHES = ['rule', ...RELIEFS] as const;
type Switch = (typeof SWITCHES)[number];

/** The stream and the row of what an organisation sets. */
const SETTINGS_ID = 'organisation';

export interface RulePorts {
  readonly journal: Pick<JournalReader, 'view'>;
  readonly committer: GroupCommitter;
}

/** Rules as they are in force for this organisation. */
export interface RulesInForce {
  readonly settings: DeadlineSettings;
  readonly rules: readonly (DeadlineRule & { readonly reliefsOn: readonly Relief[] })[];
  /** What a clock of the rule counts by from now on. @throws FirebreakError `conflict` where its calendar is gone. */
  basisOf(rule: DeadlineRule): ClockBasis;
}

export interface DeadlineRuleService {
  listRules(
    ctx: CallContext,
    query: { readonly limit: number; readonly skip: number; readonly regime?: string | undefined },
  ): Promise<Listing>;
  getRule(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Switches a rule or a relief on or off: somebody has looked it up. Clocks that run are not changed. */
  confirmRule(ctx: CallContext, input: RuleConfirmation): Promise<Answer>;
  getSettings(ctx: CallContext): Promise<Answer>;
  /** Replaces the whole of them. @throws FirebreakError `invalid_deadline` with each fault, `stale_version`. */
  setSettings(ctx: CallContext, input: { readonly definition: Definition; readonly ifMatch: IfMatch }): Promise<Answer>;
  /** Which rules apply to an incident, by what was answered, each with its reason. */
  getApplicability(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Records the answers about an incident. @throws FirebreakError `invalid_deadline`, `not_found`. */
  answer(ctx: CallContext, input: { readonly id: string; readonly answers: Definition }): Promise<Answer>;
  inForce(): Promise<RulesInForce>;
}

export interface RuleConfirmation {
  readonly id: string;
  readonly what: Switch;
  readonly enabled: boolean;
  readonly reason: string;
  /** Where it was looked up. */
  readonly reference: string;
}

interface SwitchRow {
  readonly switches: {
    readonly [what: string]: {
      readonly enabled: boolean;
      readonly by: string;
      readonly at: number;
      readonly reason: string;
      readonly reference: string;
    };
  };
  readonly version: number;
}

interface Stored<Document> {
  readonly document: Document;
  readonly version: number;
  readonly updatedAt: number | null;
  readonly savedBy: string | null;
}

/** Builds the service. What is set is a record each time; rules themselves come with the program. */
export function createDeadlineRuleService({ journal, committer }: RulePorts): DeadlineRuleService {
  async function settings(): Promise<Stored<DeadlineSettings>> {
    const view = await journal.view('deadline-settings', SETTINGS_ID);
    if (view === null) return { document: FIRST_SETTINGS, version: 0, updatedAt: null, savedBy: null };
    return view.body as unknown as Stored<DeadlineSettings>; // written by `setSettings`
  }

  async function switchesOf(id: string): Promise<SwitchRow> {
    const view = await journal.view('deadline-rule', id);
    return view === null ? { switches: {}, version: 0 } : (view.body as unknown as SwitchRow); // written by `confirmRule`
  }

  async function inForce(): Promise<RulesInForce> {
    const [{ document }, rows] = await Promise.all([
      settings(),
      Promise.all(BUILTIN_RULES.map(async (rule) => ({ rule, row: await switchesOf(rule.id) }))),
    ]);
    const calendars = calendarsOf(document);
    const rules = rows.map(({ rule, row }) => inForceRule(rule, row));
    return {
      settings: document,
      rules,
      basisOf(rule) {
        const reliefs = rules.find(({ id }) => id === rule.id)?.reliefsOn ?? [];
        const options = Object.hasOwn(document.rules, rule.id) ? document.rules[rule.id] : undefined;
        const basis = basisOf(rule, calendars, options, reliefs);
        if (basis === null) throw new FirebreakError('conflict', `The calendar of ${rule.id} is gone: set another one`);
        return basis;
      },
    };
  }

  async function ruleOf(id: string): Promise<Answer> {
    const rule = BUILTIN_RULES.find((each) => each.id === id);
    if (rule === undefined) throw new FirebreakError('not_found', `There is no rule ${id}`);
    const row = await switchesOf(id);
    return { data: shownRule(inForceRule(rule, row), row), version: row.version };
  }

  async function answersOf(incidentId: string): Promise<Stored<Answers>> {
    const view = await journal.view('applicability', incidentId);
    if (view === null) return { document: {}, version: 0, updatedAt: null, savedBy: null };
    return view.body as unknown as Stored<Answers>; // written by `answer`
  }

  async function applicability(id: string, stored: Stored<Answers>): Promise<Answer> {
    const { settings: own, rules } = await inForce();
    const verdicts = rules.map((rule) => ({ ...verdictOf(rule, own.answers, stored.document), enabled: rule.enabled }));
    const questions = INCIDENT_QUESTIONS.map((question) => ({
      ...question,
      answer: Object.hasOwn(stored.document, question.id) ? (stored.document[question.id] ?? 'unknown') : 'unknown',
    }));
    const rows = verdicts.map((each) => ({ ...each, open: [...each.open] }));
    const { version, updatedAt, savedBy } = stored;
    const data = { id, incidentId: id, questions, rules: rows, version, updatedAt: shownTime(updatedAt), savedBy };
    return { data, version };
  }

  return {
    async listRules(_ctx, { limit, skip, regime }) {
      const rows = await Promise.all(
        BUILTIN_RULES.filter((rule) => regime === undefined || rule.regime === regime).map(async ({ id }) =>
          ruleOf(id),
        ),
      );
      return { items: rows.slice(skip, skip + limit).map(({ data }) => data), total: rows.length };
    },
    getRule: (_ctx, { id }) => ruleOf(id),
    async confirmRule(ctx, { id, what, enabled, reason, reference }) {
      const rule = BUILTIN_RULES.find((each) => each.id === id);
      if (rule === undefined) throw new FirebreakError('not_found', `There is no rule ${id}`);
      if (what !== 'rule' && !rule.reliefs.some(({ kind }) => kind === what))
        throw invalid(
          '/what',
          `${id} has no ${what}; it has ${['rule', ...rule.reliefs.map(({ kind }) => kind)].join(', ')}`,
        );
      await untilApplied(async () => {
        const before = await switchesOf(id);
        const { userId: by } = ctx.principal;
        const version = before.version + 1;
        const entry = { enabled, by, at: ctx.now, reason, reference };
        const body = { switches: { ...before.switches, [what]: entry }, version };
        const data = { by, what, enabled, reason, reference, ruleVersion: rule.version };
        const record = { type: 'deadline.rule_confirmed', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
        const result = await committer.submit({
          appends: [{ stream: `deadline-rule/${id}`, expectedSeq: before.version, records: [record] }],
          views: [{ kind: 'deadline-rule', id, expectedVersion: before.version, at: ctx.now, body }],
        });
        return { result, answer: null };
      });
      return ruleOf(id);
    },
    async getSettings() {
      return shownSettings(await settings());
    },
    async setSettings(ctx, { definition, ifMatch }) {
      const read = readSettings(definition);
      if ('faults' in read) throw new FirebreakError('invalid_deadline', 'The settings are not valid', read.faults);
      const document = recordable(read, 'invalid_deadline');
      return untilApplied(async () => {
        const before = await settings();
        requireVersion(ifMatch, before.version);
        const version = before.version + 1;
        const { userId: by } = ctx.principal;
        const body = { document, version, updatedAt: ctx.now, savedBy: by };
        const data = { by, document, version };
        const record = { type: 'deadline.settings_saved', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
        const stream = `deadline-settings/${SETTINGS_ID}`;
        const result = await committer.submit({
          appends: [{ stream, expectedSeq: before.version, records: [record] }],
          views: [{ kind: 'deadline-settings', id: SETTINGS_ID, expectedVersion: before.version, at: ctx.now, body }],
        });
        return { result, answer: shownSettings({ document: read, version, updatedAt: ctx.now, savedBy: by }) };
      });
    },
    async getApplicability(_ctx, { id }) {
      await requireIncident(journal, id);
      return applicability(id, await answersOf(id));
    },
    async answer(ctx, { id, answers }) {
      await requireIncident(journal, id);
      const document = readAnswers(answers);
      const stored = await untilApplied(async () => {
        const before = await answersOf(id);
        const version = before.version + 1;
        const { userId: by } = ctx.principal;
        // Answers add up: what is not named stays as it was.
        const all = { ...before.document, ...document };
        const { settings: own, rules } = await inForce();
        const applies = rules
          .filter((rule) => verdictOf(rule, own.answers, all).verdict === 'applies')
          .map(({ id: rule }) => rule);
        const data = { by, incidentId: id, answers: all, applies, version };
        const record = { type: 'deadline.answered', v: 1, at: ctx.now, trace: recordedTrace(ctx), data };
        const body = { document: all, version, updatedAt: ctx.now, savedBy: by };
        const result = await committer.submit({
          appends: [{ stream: `applicability/${id}`, expectedSeq: before.version, records: [record] }],
          views: [{ kind: 'applicability', id, expectedVersion: before.version, parent: id, at: ctx.now, body }],
        });
        return { result, answer: body };
      });
      return applicability(id, stored);
    },
    inForce,
  };
}

function inForceRule(rule: DeadlineRule, { switches }: SwitchRow): RulesInForce['rules'][number] {
  const on = (what: Switch, otherwise: boolean): boolean =>
    Object.hasOwn(switches, what) ? (switches[what]?.enabled ?? otherwise) : otherwise;
  const reliefsOn = rule.reliefs.filter(({ kind, enabled }) => on(kind, enabled)).map(({ kind }) => kind);
  return { ...rule, enabled: on('rule', rule.enabled), reliefsOn };
}

function shownRule(rule: RulesInForce['rules'][number], { switches, version }: SwitchRow): Answer['data'] {
  const members = rule as unknown as { readonly [key: string]: Json }; // plain JSON by its type
  const confirmations = Object.entries(switches).map(([what, each]) => ({ what, ...each, at: shownTime(each.at) }));
  return { ...members, id: rule.id, confirmations, revision: version };
}

function shownSettings({ document, version, updatedAt, savedBy }: Stored<DeadlineSettings>): Answer {
  const members = document as unknown as { readonly [key: string]: Json }; // plain JSON by its type
  const questions = ORGANISATION_QUESTIONS.map((question) => ({ ...question }));
  return {
    data: { id: SETTINGS_ID, ...members, questions, version, updatedAt: shownTime(updatedAt), savedBy },
    version,
  };
}

function readAnswers(answers: Definition): Answers {
  const known = INCIDENT_QUESTIONS.map(({ id }) => id);
  const faults = Object.entries(answers).flatMap(([id, word]) => {
    if (!known.includes(id)) return [{ pointer: `/${id}`, detail: `is no question; there are ${known.join(', ')}` }];
    const isWord = ANSWERS.some((each) => each === word);
    return isWord ? [] : [{ pointer: `/${id}`, detail: `is one of ${ANSWERS.join(', ')}` }];
  });
  if (Object.keys(answers).length === 0) faults.push({ pointer: '', detail: 'Answer at least one question.' });
  if (faults.length > 0) throw new FirebreakError('invalid_deadline', 'The answers are not valid', faults);
  return answers as Answers; // each was looked at
}

/** @throws FirebreakError `not_found` */
export async function requireIncident(journal: Pick<JournalReader, 'view'>, id: string): Promise<void> {
  if ((await journal.view('incident', id)) === null)
    throw new FirebreakError('not_found', `There is no incident ${id}`);
}

function invalid(pointer: string, detail: string): FirebreakError {
  return new FirebreakError('invalid_deadline', detail, [{ pointer, detail }]);
}
