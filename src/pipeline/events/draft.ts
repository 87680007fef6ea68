import type { Json } from '../../platform/canonical-json.ts';
import type { EventKind, EventOutcome, Geo, SubjectType } from './event.ts';
import type { TimeReading } from './time.ts';
import type { JsonObject } from './read.ts';

/**
 * What a mapping read from one provider's event: unbounded, uncleaned texts in our words. `buildEvent` makes an
 * `Event` of it, so that lengths, identities, addresses and times are treated in one place for all formats.
 */
export interface EventDraft {
  readonly id: string | null;
  readonly time: TimeReading;
  readonly kind: EventKind;
  readonly action: string;
  readonly outcome: EventOutcome;
  readonly reason?: string | null;
  readonly subject: PartyDraft | null;
  readonly actor: PartyDraft | null;
  /** The address field as it came; `buildEvent` reads it. */
  readonly ip?: string | null;
  readonly asn?: number | null;
  readonly proxy?: boolean | null;
  readonly geo?: Geo | null;
  readonly userAgent?: string | null;
  readonly device?: { readonly id: string; readonly fingerprint?: string | null } | null;
  readonly session?: string | null;
  readonly factor?: string | null;
  readonly target?: { readonly type: string; readonly id: string; readonly name?: string | null } | null;
  readonly severity?: AlertSeverity | null;
  readonly risk?: number | null;
  /** Null and undefined members are left out. The README lists the names that mean the same everywhere. */
  readonly attributes?: Readonly<Record<string, Json | null | undefined>>;
}

export type AlertSeverity = 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL';

/** Somebody or something as the provider names it. */
export interface PartyDraft {
  readonly id: string;
  readonly name?: string | null;
  /** Kind of subject; `user` when missing. */
  readonly subjectType?: SubjectType;
  /** The provider's own word for the kind of actor. */
  readonly actorType?: string | null;
}

/** What a change did: the value of the attribute `change`, the same for every format. */
export type Change =
  'grant' | 'revoke' | 'add' | 'remove' | 'reset' | 'modify' | 'create' | 'delete' | 'enable' | 'disable';

/** Why an event was refused; `pointer` is a JSON pointer into it. */
export interface Refusal {
  readonly ok: false;
  readonly code:
    | 'not_an_object'
    | 'unknown_format'
    | 'missing_field'
    | 'invalid_field'
    | 'forbidden_key'
    | 'too_deep'
    | 'too_old'
    | 'mapping_error';
  readonly reason: string;
  readonly pointer: string;
}

export type MappingResult = { readonly ok: true; readonly draft: EventDraft } | Refusal;

/** A mapping: total, pure; it refuses only what it cannot tell apart from another format's event. */
export type Mapping = (event: JsonObject) => MappingResult;

export function refuse(code: Refusal['code'], pointer: string, reason: string): Refusal {
  return { ok: false, code, reason, pointer };
}
