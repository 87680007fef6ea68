import type { Clock } from '../../platform/clock.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { detectFormat } from '../events/detect-format.ts';
import { EVENT_FORMATS, type AcceptedEvent, type EventFormat } from '../events/event.ts';
import { normaliseEvent } from '../events/normalise-event.ts';
import { readBatch } from '../events/parse-batch.ts';
import { isObject } from '../events/read.ts';
import type { Answer } from '../service.ts';
import type { Intake } from './intake.ts';

/** Rejected events that are described one by one; the rest is counted. */
const MAX_REJECTIONS_SHOWN = 100;

export interface IngestInput {
  readonly body: Uint8Array;
  readonly mediaType: 'json' | 'ndjson';
  /** Null: told by the shape of each event. */
  readonly format: string | null;
  /** The instance they came from; null: one instance named after the format. */
  readonly source: string | null;
}

export interface IngestService {
  /**
   * Stores and judges the events of a request. Answers when all of them are on disk, with counts and each rejected
   * one; a bad one never costs the others. A request of which nothing at all can be read is an error.
   */
  ingest(ctx: CallContext, input: IngestInput): Promise<Answer>;
}

export function createIngestService(intake: Intake, clock: Clock): IngestService {
  return {
    async ingest(ctx, input) {
      const format = formatOf(input.format);
      const accepted: AcceptedEvent[] = [];
      const unfit: { readonly position: number; readonly reason: string; readonly pointer: string }[] = [];
      const receivedAt = clock.now();
      const delivery = deliveryOf(ctx, input);
      const { unit, rejected } = readBatch(input.body, input.mediaType, ({ position, bytes, json }) => {
        // Told by its shape or by the caller, the same event belongs to the same source: it must not count twice.
        const known = format ?? (isObject(json) ? detectFormat(json) : null);
        const source = input.source ?? `${known ?? 'events'}:default`;
        const normalised = normaliseEvent(
          { bytes, json },
          { format: known, source, receivedAt, deliveryId: () => `${delivery()}:${position}` },
        );
        if (normalised.ok) accepted.push({ event: normalised.event, raw: bytes });
        else unfit.push({ position, reason: normalised.reason, pointer: normalised.pointer });
      });
      const refusals = [...rejected, ...unfit].map(({ position, reason, pointer }) => ({
        [unit]: position,
        reason,
        pointer,
      }));
      if (accepted.length === 0 && refusals.length > 0) throw nothingReadable(refusals);
      const verdicts = await intake.take(accepted, recordedTrace(ctx));
      const duplicate = verdicts.filter((verdict) => verdict === 'duplicate').length;
      return {
        data: {
          id: ctx.traceId,
          accepted: verdicts.length - duplicate,
          duplicate,
          rejected: refusals.length,
          rejections: refusals.slice(0, MAX_REJECTIONS_SHOWN),
        },
      };
    },
  };
}

/** Names the delivery by its key, else by its bytes; only events without an id of their own ask for it. */
function deliveryOf(ctx: CallContext, { body }: IngestInput): () => string {
  let name = ctx.idempotencyKey;
  return () => (name ??= sha256Hex(body));
}

function formatOf(name: string | null): EventFormat | null {
  if (name === null) return null;
  const format = EVENT_FORMATS.find((known) => known === name);
  if (format !== undefined) return format;
  const detail = `There is no event format ${name}; use one of ${EVENT_FORMATS.join(', ')}`;
  throw new FirebreakError('unknown_format', detail, [{ pointer: '/format', detail }]);
}

function nothingReadable(refusals: readonly { readonly [name: string]: string | number }[]): FirebreakError {
  const faults = refusals.slice(0, MAX_REJECTIONS_SHOWN).map((refusal) => ({
    pointer: `/${String(refusal['index'] ?? refusal['line'] ?? 0)}${String(refusal['pointer'])}`,
    detail: String(refusal['reason']),
  }));
  return new FirebreakError('invalid_request', `None of the ${refusals.length} events can be read`, faults);
}
