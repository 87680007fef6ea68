import { z } from 'zod';
import { CHANNELS } from '../../pipeline/vocabulary.ts';

/** Parameters of the organisation's own actions. Unknown members are refused; `{}` is valid for all of them. */

/** Longest text that a playbook or an event field may bring, in characters. */
const MAX_TEXT = 64 * 1024;
/** What is kept of a message: it is read on a phone. */
const MAX_MESSAGE = 4_000;
/** Longest limit that a runbook sets, in hours: a year. */
const MAX_DEADLINE_HOURS = 365 * 24;

/** Text of several lines. Event fields flow in here: control characters become spaces, what is too long is cut. */
const paragraph = z
  .string()
  .max(MAX_TEXT)
  .transform((text) =>
    text
      .replace(/[^\P{Cc}\n\t]+/gu, ' ')
      .trim()
      .slice(0, MAX_MESSAGE)
      .toWellFormed(),
  );

/** Either spelling; one is kept. */
const channel = z.preprocess((value) => (typeof value === 'string' ? value.toUpperCase() : value), z.enum(CHANNELS));
const channels = z
  .array(channel)
  .max(CHANNELS.length)
  .default([])
  .transform((names) => [...new Set(names)]);

/** A whole number, also as a template delivers it. */
const hours = z.preprocess(
  (value) => (typeof value === 'string' && /^[0-9]{1,6}$/.test(value) ? Number(value) : value),
  z.int().min(1).max(MAX_DEADLINE_HOURS),
);

export const PARAMETERS = {
  tell: z.strictObject({ channels, message: paragraph.optional() }),
  regulatory: z.strictObject({
    channels,
    /** The runbook's own limit. */
    deadlineHours: hours.optional(),
    /** Regimes of the runbook's `compliance_tags`. */
    regimes: z.array(z.string().min(1).max(50)).max(32).default([]),
  }),
  legalHold: z.strictObject({ reason: paragraph.optional() }),
  prPrep: z.strictObject({ channels, message: paragraph.optional() }),
} as const;
