import type { JsonObject } from '../actions/contract.ts';

/** What whoever asks services outside and whoever calls them agree on. */

/** One question to one service. */
export interface ServiceQuestion {
  /** As it is configured. */
  readonly service: string;
  /** The same for every repeat: a service that knows it need not decide twice. */
  readonly key: string;
  readonly action: string;
  readonly event: JsonObject;
  /** Business time, ms since 1970. */
  readonly requestedAt: number;
}

/** What came of one request. */
export type ServiceSays =
  | {
      readonly heard: true;
      readonly answer: 'approved' | 'denied' | 'none';
      /** Why what it said is no answer, a snake_case word; null where it is one. */
      readonly why: string | null;
      readonly status: number | null;
      /** SHA-256 of the body that was sent, hexadecimal; null: nothing was sent. */
      readonly requestDigest: string | null;
    }
  /** It did not answer: asked again it may. */
  | {
      readonly heard: false;
      readonly why: string;
      readonly status: number | null;
      readonly requestDigest: string | null;
      /** How long it asked to be left alone, in ms, or null. */
      readonly retryAfterMs: number | null;
    };

/** The services that this installation can ask. */
export interface ExternalApprovers {
  readonly names: readonly string[];
  /** Sends one request. Never throws: whatever goes wrong is said. */
  ask(question: ServiceQuestion, signal: AbortSignal): Promise<ServiceSays>;
}

/** Whom nobody has configured (any more) nobody can ask. */
export const NOT_CONFIGURED: ServiceSays = {
  heard: true,
  answer: 'none',
  why: 'not_configured',
  status: null,
  requestDigest: null,
};
