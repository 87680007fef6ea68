/**
 * Every limit that is shared by more than one room. A limit that only one file uses lives in that file.
 * The unit is part of the name; the reason is beside it.
 */

/** Biggest single event, in bytes. Provider events are 1 to 30 KiB; a larger one is a mistake or an attack. */
export const MAX_EVENT_BYTES = 1024 * 1024;

/** Biggest request to `/api/events`, in bytes: memory for a handful of concurrent requests stays small. */
export const MAX_INGEST_REQUEST_BYTES = 16 * 1024 * 1024;

/** Biggest number of events in one request. */
export const MAX_EVENTS_PER_BATCH = 10_000;

/** Events in one transaction, so that the writer is never held for long (docs/adr/0002). */
export const MAX_EVENTS_PER_TRANSACTION = 500;

/** Biggest JSON body of any other request, in bytes: the largest legitimate one is a playbook with 64 actions. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** How far event times may arrive out of order, in ms, without changing what is found. */
export const DISORDER_TOLERANCE_MS = 5 * 60_000;

/** How far into the future an event's own time may lie before it is only a claim, in ms. */
export const MAX_CLOCK_SKEW_MS = 5 * 60_000;

/** Older events are refused, in ms: their ids may already be forgotten, so they could be counted twice. */
export const DEDUPE_HORIZON_MS = 45 * 24 * 3_600_000;

/** Actions in one execution; more subjects than that fan out to child executions. */
export const MAX_ACTIONS_PER_EXECUTION = 64;

/** Subjects of one fan-out stage. */
export const MAX_SUBJECTS_PER_FANOUT = 2_000;

/** Longest text of a name, a reason or a comment, in UTF-16 units. */
export const MAX_TEXT_LENGTH = 2_000;

/** Items of one page of a list. */
export const MAX_PAGE_SIZE = 200;
