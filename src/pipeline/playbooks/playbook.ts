import type { z } from 'zod';
import type { Fault } from '../../platform/errors.ts';
import { faultsOf, readDocument, repeated } from './document.ts';
import { checkJson, type Read } from './plain-json.ts';
import {
  MAX_DURATION_MS,
  PLAYBOOK_MEMBERS,
  playbookSchema,
  type actionSchema,
  type approvalSchema,
  type questionSchema,
  type retrySchema,
  type ruleSchema,
} from './playbook-schema.ts';

/** A playbook as people write it and the API takes it, in the seeds' words, with every default filled in. */

/** Values that come from the configuration; see DESIGN section 9 for the environment's names. */
export interface PlaybookDefaults {
  /** `INCIDENT_PLAYBOOK_TIMEOUT_MS`: running time of an execution. */
  readonly executionTimeoutMs: number;
  /** `INCIDENT_PLAYBOOK_RETRY_BACKOFF_MS`: first wait before a retry. */
  readonly backoffMs: number;
  /** `APPROVAL_TIMEOUT_MS`: how long people have to answer. */
  readonly approvalTimeoutMs: number;
}

/** The seeds' values: 5 minutes, 1 second, 1 hour. */
export const SEED_DEFAULTS: PlaybookDefaults = {
  executionTimeoutMs: 300_000,
  backoffMs: 1_000,
  approvalTimeoutMs: 3_600_000,
};

/** The seeds' retries: 3, waiting 1 s, 2 s, 4 s. */
const MAX_RETRIES = 3;
const BACKOFF_MULTIPLIER = 2;

/** What may be written: the members above before defaults. */
export type PlaybookDocument = z.input<typeof playbookSchema>;

type ParsedPlaybook = z.output<typeof playbookSchema>;
type ParsedAction = z.output<typeof actionSchema>;
type Approval = z.output<typeof approvalSchema>;

export type PlaybookRule = z.output<typeof ruleSchema>;

/** An action with its defaults; members that are optional here have a meaning when absent (`bindPlan` says which). */
export interface PlaybookAction extends Omit<
  ParsedAction,
  'approval' | 'question' | 'retry' | 'requiresApproval' | 'onDenied'
> {
  readonly requiresApproval: boolean;
  readonly approval?: Required<Omit<Approval, 'requirePasskey'>> & Pick<Approval, 'requirePasskey'>;
  readonly question?: Required<z.output<typeof questionSchema>>;
  readonly onDenied: 'CONTINUE' | 'HALT';
  readonly retry: Required<z.output<typeof retrySchema>>;
}

export interface Playbook extends Omit<
  ParsedPlaybook,
  'actions' | 'maxExecutionTimeMs' | '_id' | 'executionTimeoutMs'
> {
  readonly actions: readonly PlaybookAction[];
  readonly executionTimeoutMs: number;
}

/** Who may approve where a playbook asks for approval without saying by whom: the seeds' two. */
const APPROVER_ROLES = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'] as const;

/** Parses the text of a playbook, YAML and JSON alike, into the same object. See `readDocument` and `toPlaybook`. */
export function parsePlaybook(text: string, format: 'json' | 'yaml', defaults = SEED_DEFAULTS): Read<Playbook> {
  const read = readDocument(text, format);
  return 'faults' in read ? read : toPlaybook(read.value, defaults);
}

/**
 * A playbook from a JSON value, with defaults filled in; its content alone is judged here, what it means is judged
 * by `compilePlaybook`. All faults are listed, each with its pointer and the fix. `playbookId` and `_id` are the
 * same thing and must agree. Saving the result again gives the same result.
 */
export function toPlaybook(value: unknown, defaults = SEED_DEFAULTS): Read<Playbook> {
  const plain = checkJson(value);
  if ('faults' in plain) return plain;
  const parsed = playbookSchema.safeParse(plain.value);
  if (!parsed.success) return { faults: faultsOf(parsed.error, PLAYBOOK_MEMBERS) };
  const playbook = withDefaults(parsed.data, defaults);
  const faults = [...contradictions(parsed.data), ...tooLongBackOffs(playbook)];
  return faults.length > 0 ? { faults } : { value: playbook };
}

/** Back-off multiplies step by step; its last wait must stay a time that people would wait. */
function tooLongBackOffs({ actions }: Playbook): readonly Fault[] {
  return actions.flatMap(({ retry }, index) => {
    let wait = retry.backoffMs;
    for (let step = 1; step < retry.maxRetries && wait <= MAX_DURATION_MS; step += 1) wait *= retry.backoffMultiplier;
    if (wait <= MAX_DURATION_MS) return [];
    return [
      { pointer: `/actions/${index}/retry`, detail: 'Its last wait is longer than 30 days; lower one of its numbers.' },
    ];
  });
}

function contradictions(playbook: ParsedPlaybook): readonly Fault[] {
  const faults: Fault[] = [];
  const { playbookId, _id, executionTimeoutMs, maxExecutionTimeMs } = playbook;
  if (playbookId !== undefined && _id !== undefined && playbookId !== _id) {
    faults.push({ pointer: '/_id', detail: '_id and playbookId are the same id; give one, or the same twice.' });
  }
  if (
    executionTimeoutMs !== undefined &&
    maxExecutionTimeMs !== undefined &&
    executionTimeoutMs !== maxExecutionTimeMs
  ) {
    faults.push({ pointer: '/maxExecutionTimeMs', detail: 'It contradicts executionTimeoutMs; give one of them.' });
  }
  faults.push(
    ...repeated(
      playbook.rules.map((rule) => rule.ruleId),
      '/rules',
      'ruleId',
    ),
  );
  faults.push(
    ...repeated(
      playbook.actions.map((action) => action.actionId),
      '/actions',
      'actionId',
    ),
  );
  for (const [index, action] of playbook.actions.entries()) {
    if (action.requiresApproval === false && action.approval !== undefined) {
      const pointer = `/actions/${index}/approval`;
      faults.push({ pointer, detail: 'requiresApproval is false; remove approval or set requiresApproval to true.' });
    }
  }
  return faults;
}

function withDefaults(parsed: ParsedPlaybook, defaults: PlaybookDefaults): Playbook {
  const { _id, maxExecutionTimeMs, ...playbook } = parsed;
  const playbookId = playbook.playbookId ?? _id;
  return {
    ...playbook,
    ...(playbookId === undefined ? {} : { playbookId }),
    executionTimeoutMs: playbook.executionTimeoutMs ?? maxExecutionTimeMs ?? defaults.executionTimeoutMs,
    actions: playbook.actions.map((action) => actionWithDefaults(action, parsed.playbookType === 'RUNBOOK', defaults)),
  };
}

function actionWithDefaults(parsed: ParsedAction, runbook: boolean, defaults: PlaybookDefaults): PlaybookAction {
  const { approval, question, retry, requiresApproval, onDenied, ...action } = parsed;
  const needsApproval = requiresApproval ?? approval !== undefined;
  return {
    ...action,
    requiresApproval: needsApproval,
    ...(needsApproval
      ? {
          approval: {
            roles: approval?.roles ?? [...APPROVER_ROLES],
            requiredApprovers: approval?.requiredApprovers ?? 1,
            timeoutMs: approval?.timeoutMs ?? defaults.approvalTimeoutMs,
            fallbackBehavior: approval?.fallbackBehavior ?? 'ESCALATE_TO_HUMAN',
            ...(approval?.requirePasskey === undefined ? {} : { requirePasskey: approval.requirePasskey }),
          },
        }
      : {}),
    ...(question === undefined
      ? {}
      : {
          question: {
            text: question.text,
            roles: question.roles,
            requiredApprovers: question.requiredApprovers ?? 1,
            timeoutMs: question.timeoutMs ?? defaults.approvalTimeoutMs,
          },
        }),
    onDenied: onDenied ?? (runbook ? 'HALT' : 'CONTINUE'),
    retry: {
      maxRetries: retry.maxRetries ?? MAX_RETRIES,
      backoffMs: retry.backoffMs ?? defaults.backoffMs,
      backoffMultiplier: retry.backoffMultiplier ?? BACKOFF_MULTIPLIER,
    },
  };
}
