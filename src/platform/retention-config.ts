import type { ConfigReader } from './config-reader.ts';

/**
 * What a journal holds that has an end, by what it is kept for: events as they came in; incidents with their executions and approvals;
 * what people were told; what they were given to do.
 */
export const RETENTION_CLASSES = ['events', 'incidents', 'notices', 'tasks'] as const;
export type RetentionClass = (typeof RETENTION_CLASSES)[number];

/** After how many days what is over may leave the journal; null: it stays. */
export type RetentionTerms = Readonly<Record<RetentionClass, number | null>>;

/** `RETENTION_DAYS`. Nothing has an end of its own unless somebody sets one: what the law asks for is the operator's to say. */
export function readRetention(read: ConfigReader): RetentionTerms {
  const { usual, byName } = read.daysByName('RETENTION_DAYS', RETENTION_CLASSES, '730,events=90,notices=180');
  const termOf = (name: RetentionClass): number | null => byName.get(name) ?? usual;
  return {
    events: termOf('events'),
    incidents: termOf('incidents'),
    notices: termOf('notices'),
    tasks: termOf('tasks'),
  };
}
