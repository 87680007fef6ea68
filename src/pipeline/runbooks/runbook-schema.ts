import { z } from 'zod';
import { MAX_ACTIONS_PER_EXECUTION, MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { EVENT_FORMATS } from '../events/event.ts';
import { MAX_CONDITION_LENGTH } from '../playbooks/conditions.ts';
import { MAX_APPROVERS } from '../playbooks/playbook-schema.ts';
import { ACTION_TYPES, CHANNELS, ROLES, SEVERITIES } from '../vocabulary.ts';

/** The shape of a runbook file, member for member; unknown members are refused. The schema for editors is made of it. */

/** Longest time of anything in a runbook, in minutes: 30 days, as in playbooks. */
const MAX_MINUTES = 30 * 24 * 60;

/** Longest that one try of an action may take, in minutes: 24 hours, as in playbooks. */
const MAX_ATTEMPT_MINUTES = 24 * 60;

/** Longest limit that a runbook sets for telling a regulator, in hours: a year. */
const MAX_DEADLINE_HOURS = 365 * 24;

/** Artefacts of one step: more is a directory, which is named as one. */
const MAX_ARTIFACTS = 32;

/** Longest path of an artefact, in UTF-16 units: `PATH_MAX` of Linux. */
const MAX_PATH_LENGTH = 4_096;

/** Longest name, in UTF-16 units, as in playbooks. */
const MAX_NAME_LENGTH = 200;

/** Words of runbooks that mean an action of another name (SEMANTICS). */
const ACTION_ALIASES = ['revoke_active_sessions', 'REVOKE_ACTIVE_SESSIONS'] as const;

export const ON_FAILURE = ['halt', 'continue', 'rollback'] as const;

/** Lower case first: the spelling of runbooks. */
function bothSpellings(names: readonly string[]): [string, ...string[]] {
  const [first = '', ...rest] = [...names.map((name) => name.toLowerCase()), ...names];
  return [first, ...rest];
}

/** Every word that may stand as an action, lower case first. */
export const ACTION_WORDS = [...bothSpellings([...ACTION_TYPES]), ...ACTION_ALIASES] as const;
export const CHANNEL_WORDS = bothSpellings(CHANNELS);
export const ROLE_WORDS = bothSpellings(ROLES);

const name = z.string().trim().min(1).max(MAX_NAME_LENGTH);
const path = z.string().trim().min(1).max(MAX_PATH_LENGTH);

const stepShape = {
  id: z
    .string()
    .regex(/^[A-Za-z_]\w{0,79}$/, 'Ids of steps are up to 80 letters, digits and "_", not starting with a digit')
    .optional()
    .meta({ description: 'Name of the step in conditions (`results.<id>`). Made of the action when absent.' }),
  action: z
    .enum(ACTION_WORDS)
    .meta({ description: 'What is done, in either spelling.', examples: ['isolate_host', 'notify_soc'] }),
  description: z.string().max(MAX_TEXT_LENGTH).optional().meta({ description: 'Said to people who are asked.' }),
  target: z
    .string()
    .trim()
    .min(1)
    .max(500)
    .optional()
    .meta({
      description: 'Whom it is done to. A template is filled from the event; an empty value stops the step.',
      examples: ['{{event.host_id}}', '{{event.user_id}}', '{{event.segment_id}}'],
    }),
  connector: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'A connector is named by letters, digits, "_", "-" and "."')
    .optional()
    .meta({ description: 'Which connector does it; the first that offers the action when absent.' }),
  parameters: z
    .record(z.string(), z.json())
    .optional()
    .meta({ description: 'What the action takes beside its target.' }),
  condition: z
    .string()
    .trim()
    .min(1)
    .max(MAX_CONDITION_LENGTH)
    .optional()
    .meta({ description: 'CEL; the step is skipped when it is false.', examples: ['incident.confidence >= 70'] }),
  requires_approval: z
    .boolean()
    .optional()
    .meta({ description: 'Whether people are asked first. What cannot be undone is asked about in any case.' }),
  approvers: z
    .array(z.enum(ROLE_WORDS))
    .min(1)
    .max(ROLES.length)
    .optional()
    .meta({ description: 'Roles that may approve.', examples: [['ciso', 'legal']] }),
  required_approvers: z
    .int()
    .min(1)
    .max(MAX_APPROVERS)
    .optional()
    .meta({ description: 'How many different people have to approve.' }),
  approval_timeout_minutes: z
    .int()
    .min(1)
    .max(MAX_MINUTES)
    .optional()
    .meta({ description: 'How long they have to answer, in minutes.' }),
  rollback: z
    .string()
    .trim()
    .min(1)
    .max(MAX_NAME_LENGTH)
    .optional()
    .meta({
      description: 'The inverse of the action: it is taken back when the runbook is rolled back.',
      examples: ['restore_network_segment', 'restore_host'],
    }),
  on_failure: z
    .enum(ON_FAILURE)
    .optional()
    .meta({ description: 'What follows when it fails for good: stop (default), go on, or take back what was done.' }),
  preserve_artifacts: z
    .array(path)
    .min(1)
    .max(MAX_ARTIFACTS)
    .optional()
    .meta({ description: 'Files that are taken into evidence after the step.', examples: [['/tmp/flow_logs.json']] }),
  artifact_host: z
    .string()
    .trim()
    .min(1)
    .max(500)
    .optional()
    .meta({ description: 'Host that the artefacts lie on, where it is not the target.' }),
  channels: z
    .array(z.enum(CHANNEL_WORDS))
    .min(1)
    .max(CHANNELS.length)
    .optional()
    .meta({ description: 'Ways to tell people, in either spelling.', examples: [['slack', 'pagerduty']] }),
  deadline_hours: z
    .int()
    .min(1)
    .max(MAX_DEADLINE_HOURS)
    .optional()
    .meta({ description: 'Hours until the regulator has to be told. Starts a clock; sends nothing outside.' }),
  ttl_minutes: z
    .int()
    .min(1)
    .max(MAX_MINUTES)
    .optional()
    .meta({ description: 'After that many minutes what was done is taken back by itself.' }),
  timeout_minutes: z
    .int()
    .min(1)
    .max(MAX_ATTEMPT_MINUTES)
    .optional()
    .meta({ description: 'How long one try may take, in minutes.' }),
};

export const stepSchema = z.strictObject(stepShape).meta({ id: 'step', description: 'One action.' });

export const parallelSchema = z
  .strictObject({
    parallel: z
      .array(stepSchema)
      .min(1)
      .max(MAX_ACTIONS_PER_EXECUTION)
      .meta({ description: 'Actions that start together.' }),
  })
  .meta({ id: 'parallel', description: 'Actions that start together; the next step waits for all of them.' });

export const playbookSchema = z
  .strictObject({
    name: name.meta({ description: 'What people call it.', examples: ['Active breach containment'] }),
    description: z.string().max(MAX_TEXT_LENGTH).optional(),
    steps: z
      .array(z.union([stepSchema, parallelSchema]))
      .min(1)
      .max(MAX_ACTIONS_PER_EXECUTION)
      .meta({ description: 'In their order: each waits for the one before.' }),
  })
  .meta({ id: 'playbook', description: 'What is done about an incident of this severity.' });

export const metadataSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/, 'Ids are up to 80 letters, digits, "_", "-" or "."')
      .optional()
      .meta({ description: 'Stays the same when the file is renamed.' }),
    name: name.optional(),
    description: z.string().max(MAX_TEXT_LENGTH).optional(),
    version: z
      .string()
      .trim()
      .min(1)
      .max(50)
      .optional()
      .meta({ description: 'Version of the runbook, a text.', examples: ['2.1'] }),
    last_updated: z
      .string()
      .regex(
        /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:\d{2})?)?$/,
        'Write an RFC 3339 time',
      )
      .optional()
      .meta({ description: 'RFC 3339 time of the last change.', examples: ['2024-06-15T08:30:00Z'] }),
    owner: name.optional().meta({ description: 'Team that answers for it.', examples: ['security-ir-team'] }),
    compliance_tags: z
      .array(z.string().trim().min(1).max(50))
      .max(32)
      .optional()
      .meta({ description: 'Regimes whose duties it serves.', examples: [['GDPR', 'NIS2']] }),
    inputs: z
      .array(z.string().regex(/^[A-Za-z_]\w{0,63}$/, 'Inputs are names of letters, digits and "_"'))
      .max(64)
      .optional()
      .meta({ description: 'Names that a manual trigger gives values to (`context.<name>`).' }),
    sources: z
      .array(z.enum(EVENT_FORMATS))
      .min(1)
      .max(EVENT_FORMATS.length)
      .optional()
      .meta({ description: 'Formats of the events that start it: `validate` checks event fields against them.' }),
  })
  .meta({ id: 'metadata', description: 'Who answers for the runbook, and whose duties it serves.' });

/** `critical`, `CRITICAL` and `Critical`: any other mixture is a slip. */
function spellings(severity: string): readonly string[] {
  const lower = severity.toLowerCase();
  return [lower, severity, `${severity.slice(0, 1)}${lower.slice(1)}`];
}

export const SEVERITY_WORDS = SEVERITIES.flatMap(spellings);

export const runbookSchema = z
  .strictObject({
    metadata: metadataSchema.optional(),
    playbooks: z
      .strictObject(Object.fromEntries(SEVERITY_WORDS.map((word) => [word, playbookSchema.optional()])))
      .meta({ description: 'By severity; an incident of a severity that is not here is skipped (no_mapping).' }),
  })
  .meta({ title: 'Firebreak runbook', description: 'What is done about incidents, by severity.' });

/** Members known at each kind of place. */
export const KNOWN_MEMBERS = {
  runbook: Object.keys(runbookSchema.shape),
  metadata: Object.keys(metadataSchema.shape),
  playbook: Object.keys(playbookSchema.shape),
  step: [...Object.keys(stepShape), 'parallel'],
} as const;
