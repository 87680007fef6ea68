import { sha256Hex } from '../../platform/hash.ts';
import { buildEvent } from './build-event.ts';
import { detectFormat } from './detect-format.ts';
import { refuse, type Mapping, type Refusal } from './draft.ts';
import type { Event, EventFormat } from './event.ts';
import { mapAuth0 } from './formats/auth0.ts';
import { mapCloudtrail } from './formats/cloudtrail.ts';
import { mapEcs } from './formats/ecs.ts';
import { mapEntra } from './formats/entra.ts';
import { mapFirebreak } from './formats/firebreak.ts';
import { mapGoogle } from './formats/google.ts';
import { mapOcsf } from './formats/ocsf.ts';
import { mapOkta } from './formats/okta.ts';
import { findUnfitJson, isObject } from './read.ts';

/** One event as it came: its own bytes, and the same parsed. */
export interface RawEvent {
  readonly bytes: Uint8Array;
  readonly json: unknown;
}

export interface NormaliseOptions {
  /** The format the source was configured with; null to tell it by the event's shape. */
  readonly format: EventFormat | null;
  /** The source instance, bound to the credential that delivered the event. */
  readonly source: string;
  /** When it was received, in ms since 1970 UTC. */
  readonly receivedAt: number;
  /**
   * Identity by delivery, for events that carry no id: (idempotency key or file digest, line). Without it such an
   * event is known by its raw hash. Either way it is marked `weakId`. Asked for only where it is needed: it may cost the
   * hash of a whole request.
   */
  readonly deliveryId?: string | (() => string);
}

export type Normalised = { readonly ok: true; readonly event: Event } | Refusal;

const MAPPINGS: Readonly<Record<EventFormat, Mapping>> = {
  firebreak: mapFirebreak,
  okta: mapOkta,
  entra: mapEntra,
  auth0: mapAuth0,
  cloudtrail: mapCloudtrail,
  google: mapGoogle,
  ocsf: mapOcsf,
  ecs: mapEcs,
};

/** Version of all mappings. It rises when an event that was mapped before would come out differently. */
const MAPPING_VERSION = 1;

/**
 * The one internal shape of a provider's event. Pure and total: any JSON gives a frozen event, or a refusal with a
 * code, a sentence and a JSON pointer; never an exception. An event type that is not known becomes `other`.
 */
export function normaliseEvent(raw: RawEvent, options: NormaliseOptions): Normalised {
  const { json } = raw;
  if (!isObject(json)) return refuse('not_an_object', '', 'an event is a JSON object');
  const unfit = findUnfitJson(json);
  if (unfit !== null) return refuse(unfit.code, unfit.pointer, UNFIT_REASONS[unfit.code]);
  const format = options.format ?? detectFormat(json);
  if (format === null) {
    return refuse(
      'unknown_format',
      '',
      'the format cannot be told by the shape: name it with the source or the request',
    );
  }
  try {
    const mapped = MAPPINGS[format](json);
    if (!mapped.ok) return mapped;
    return buildEvent(mapped.draft, {
      source: options.source,
      mapping: `${format}/${MAPPING_VERSION}`,
      receivedAt: options.receivedAt,
      rawHash: sha256Hex(raw.bytes),
      deliveryId: options.deliveryId ?? null,
    });
  } catch {
    // A mapping that throws is a bug (the property tests hold it to that), but it must cost one event, not the batch.
    return refuse('mapping_error', '', `the mapping ${format}/${MAPPING_VERSION} failed on this event`);
  }
}

const UNFIT_REASONS = {
  forbidden_key: 'a member named __proto__ is refused: rename it',
  too_deep: 'the event is nested too deeply',
} as const;
