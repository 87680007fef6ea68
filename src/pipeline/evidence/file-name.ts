/** Longest name that a download is offered under, in UTF-16 units. */
const MAX_LENGTH = 120;

/**
 * `Content-Disposition` of a download: always an attachment, under a name that no system reads as a path, a device or a command. What
 * is no plain character becomes an underscore; the true name stands in the custody record.
 */
export function attachmentHeader(evidenceId: string, name: string): string {
  const base = name.split(/[/\\]/).at(-1) ?? '';
  const safe = base
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[._-]+/, '')
    .slice(-MAX_LENGTH);
  // The id in front keeps two of the same name apart, and names like CON or -rf harmless.
  return `attachment; filename="${evidenceId}_${safe === '' ? 'artifact' : safe}"`;
}
