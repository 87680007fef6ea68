import type { CHANNELS, Severity } from '../vocabulary.ts';

/** Where people can be told. */
export type NoticeChannel = (typeof CHANNELS)[number];

/** Those that lead to regulatory contacts, and to nobody else. */
export const CONTACT_CHANNELS = ['ENCRYPTED_EMAIL', 'SECURE_PORTAL'] as const satisfies readonly NoticeChannel[];
export type ContactChannel = (typeof CONTACT_CHANNELS)[number];

export function isContactChannel(channel: string): channel is ContactChannel {
  return CONTACT_CHANNELS.some((each) => each === channel);
}

/** What a notice can be about. */
export const ABOUT_TYPES = [
  'approval',
  'break-glass',
  'execution',
  'guard',
  'exemption',
  'draft',
  'deadline',
  'evidence',
  'vendor',
  'task',
  'message',
  'test',
] as const;

/** What people are told of. */
export const NOTICE_KINDS = [
  'approval.requested',
  'approval.reminder',
  'approval.escalated',
  'approval.unanswerable',
  'approval.decided',
  'approval.broken_glass',
  'containment.provisional',
  'execution.failed',
  // What a step of a playbook tells people.
  'execution.told',
  'guard.paused',
  'guard.resume_proposed',
  'guard.resumed',
  'guard.changed',
  'guard.limit_reached',
  'exemption.proposed',
  'exemption.confirmed',
  'exemption.revoked',
  'contact.told',
  'deadline.started',
  'deadline.reminded',
  'deadline.overrun',
  'evidence.alarm',
  'vendor.escalated',
  'vendor.acknowledged',
  'task.opened',
  'task.assigned',
  'task.reminded',
  'delivery.dead',
  'test',
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** What wakes people whatever they chose, alone and at once: never in a digest, never behind other messages. */
export const ALARMS: readonly NoticeKind[] = ['approval.broken_glass'];

/** One piece of news, before a channel gives it its form. Every text is hostile: parts of it come from events. */
export interface Notice {
  readonly kind: NoticeKind;
  readonly severity: Severity;
  /** One sentence that stands alone, as in a subject line. */
  readonly title: string;
  /** Paragraphs. */
  readonly lines: readonly string[];
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  /** What it is about: news of the same thing belong together. */
  readonly about: {
    readonly type: (typeof ABOUT_TYPES)[number];
    readonly id: string;
  };
  /** Set when an answer is asked for. */
  readonly ask: Ask | null;
}

/** What an answer is asked to, and until when (business time, ms since 1970). */
export interface Ask {
  readonly approvalId: string;
  readonly executionId: string;
  readonly intentHash: string;
  readonly expiresAt: number;
}

/** A notice on its way: with the addresses at which its reader can look and answer. */
export interface OutgoingNotice extends Notice {
  /** Where to look at it; null where the server's own address is not known. */
  readonly viewUrl: string | null;
  /** A signed link for this reader only, which opens a page that asks for the answer; null where there is none. */
  readonly answerUrl: string | null;
}

/** What goes out at once: one notice, or a digest of several. */
export interface OutgoingMessage {
  /** The same for every try: what receivers can recognise a repetition by. */
  readonly id: string;
  /** An email address; empty where the channel has one receiver. */
  readonly to: string;
  /** At least one. */
  readonly notices: readonly OutgoingNotice[];
  /** Set on the channels of regulatory contacts. */
  readonly contact?: OutgoingToContact;
}

/** What a regulatory contact is sent beside the notice. */
export interface OutgoingToContact {
  /** The S/MIME certificate that it is encrypted for, in PEM; null where nothing is encrypted. */
  readonly certificate: string | null;
  /** The text that the notice is about. Hostile: parts of it come from events. */
  readonly document: string | null;
  /** A signed link to the page where the message waits, and until when (business time, ms since 1970). */
  readonly portal: { readonly url: string; readonly expiresAt: number } | null;
}

/** A channel's way out. */
export interface Sender {
  readonly channel: NoticeChannel;
  /** Sends it once. @returns what the receiver calls it, where it says so. @throws SendError. */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<{ readonly reference: string | null }>;
  close(): Promise<void>;
}

/** It was not sent, or nobody knows whether it was. */
export class SendError extends Error {
  readonly code: string;
  /** Whether a later try can help. */
  readonly retryable: boolean;
  /** What the receiver asks to wait, in ms; null where it does not say. */
  readonly retryAfterMs: number | null;
  constructor(code: string, message: string, retryable: boolean, retryAfterMs: number | null = null) {
    super(message);
    this.name = 'SendError';
    this.code = code;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}
