import type { EffectWrite } from '../journal/journal.ts';

/**
 * How people are told of what other people have set: the commit of a record queues an entry that names it (ADR 0018), and whoever
 * holds the entry makes a notice of it.
 */

/** How names of queue entries begin that ask to tell people something. */
export const TELL_PREFIX = 'tell:';

/** Of entries that ask to tell what a record of their stream says; the stream stands in an execution's place. */
const RECORD_PREFIX = `${TELL_PREFIX}record:`;

/** Called after the commit that queued the entry. Absent: people are told nothing, and nothing is queued for them. */
export type TellRecord = (stream: string, name: string) => void;

/** The name of the entry of a stream's record. */
export function recordTellName(seq: number): string {
  return `${RECORD_PREFIX}${seq}`;
}

/** The record that an entry asks to tell; null: it asks for something else. */
export function seqOfTell(name: string): number | null {
  const seq = name.startsWith(RECORD_PREFIX) ? Number(name.slice(RECORD_PREFIX.length)) : 0;
  return Number.isSafeInteger(seq) && seq > 0 ? seq : null;
}

/** What belongs to the commit of the record. */
export function recordTells(tell: TellRecord | undefined, stream: string, seq: number): readonly EffectWrite[] {
  return tell === undefined ? [] : [{ execution: stream, name: recordTellName(seq), body: { kind: 'tell' } }];
}
