import type { BundleManifest } from './bundle-format.ts';
import { rowsOfRecord, shownAt, type ReportRecord, type ReportRow } from './report-rows.ts';

/**
 * The report for people: one HTML page without scripts, links or anything from elsewhere, that can be printed. Everything in it
 * follows from the records of the bundle and the manifest's list of artefacts; whatever they hold is escaped.
 */
export interface ReportInput {
  readonly about: Omit<BundleManifest, 'files'>;
  /** The records, in the order of the bundle. */
  readonly records: readonly ReportRecord[];
  /** Names of accounts as the server knew them at export; records hold ids. */
  readonly people: ReadonlyMap<string, string>;
}

const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#1a1a1a}' +
  'table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}' +
  'th,td{border-bottom:1px solid #ccc;padding:.3em .5em;text-align:left;vertical-align:top}' +
  'th{white-space:nowrap}td{overflow-wrap:anywhere}code{font-size:.9em}.note{color:#555}.bad{color:#a00}' +
  '@media print{body{max-width:none;margin:0}}';

/** The page, in UTF-8. The same input gives the same bytes. */
export function bundleReport({ about, records, people }: ReportInput): string {
  const named = (text: string): string => withNames(text, people);
  const incident = newestIncident(records);
  const rows = records.flatMap(rowsOfRecord).toSorted(inTime);
  const accelerated = about.accelerated
    ? '<p class="bad">The business time of this log was accelerated: this is a drill or a demonstration, not a real incident.</p>'
    : '';
  const body = [
    `<h1>Evidence of incident <code>${escaped(about.incidentId)}</code></h1>`,
    accelerated,
    `<p>Bundle <code>${escaped(about.bundleId)}</code>, made ${shownAt(about.exportedAt)} for ${escaped(named(about.exportedBy))}: ${escaped(about.reason)}.</p>`,
    '<p class="note">This page follows from the records in this bundle and is only as good as they are: check them first, as VERIFY.md says. It may hold personal data in full. Times are UTC.</p>',
    section('The incident', table(['', ''], incident)),
    section('Who decided', decisions(rows, named)),
    section('Artefacts', artifacts(about, records, named)),
    section('Everything that happened', timeline(rows, named)),
    section(
      'What the records prove',
      `<p>${records.length} records in ${about.streams.length} streams stand in the log <code>${escaped(about.checkpoint.origin)}</code> of ${about.checkpoint.size} records with the root <code>${escaped(about.checkpoint.root)}</code>. They prove what the server wrote and that it was not changed since, not that it was true.</p>`,
    ),
  ].join('\n');
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>Evidence of incident ${escaped(about.incidentId)}</title><style>${STYLE}</style></head><body>\n${body}\n</body></html>\n`;
}

function section(title: string, content: string): string {
  return `<h2>${escaped(title)}</h2>\n${content}`;
}

/** Cells are HTML already. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '<p class="note">None.</p>';
  const heading = head.some((cell) => cell !== '') ? `<tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr>` : '';
  return `<table>${heading}${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n')}</table>`;
}

/** The newest state of the incident that a record holds, member by member. */
function newestIncident(records: readonly ReportRecord[]): readonly (readonly string[])[] {
  const newest = records.filter(({ type }) => type.startsWith('incident.')).at(-1)?.data['incident'];
  if (typeof newest !== 'object' || newest === null) return [];
  const shown = ['type', 'severity', 'confidence', 'status', 'subject', 'accounts', 'sourceIps', 'summary', 'reason'];
  const members = new Map<string, unknown>(Object.entries(newest));
  return shown.flatMap((name) => {
    const value = members.get(name);
    return value === undefined || value === null ? [] : [[`<b>${escaped(name)}</b>`, escaped(inWords(value))]];
  });
}

function decisions(rows: readonly ReportRow[], named: (text: string) => string): string {
  const found = rows.filter(({ decides }) => decides);
  return table(
    ['When', 'What', 'Details', 'Record'],
    found.map((row) => cells(row, named)),
  );
}

function timeline(rows: readonly ReportRow[], named: (text: string) => string): string {
  return table(
    ['When', 'What', 'Details', 'Record'],
    rows.map((row) => cells(row, named)),
  );
}

function cells({ at, what, details, record }: ReportRow, named: (text: string) => string): readonly string[] {
  return [shownAt(at), escaped(what), escaped(named(details)), `<code>${escaped(record)}</code>`];
}

function artifacts(
  { artifacts: list }: Pick<BundleManifest, 'artifacts'>,
  records: readonly ReportRecord[],
  named: (text: string) => string,
): string {
  const begun = new Map(
    records.filter(({ type }) => type === 'evidence.begun').map(({ stream, data }) => [stream, data] as const),
  );
  const rows = list.map(({ evidenceId, file, leftOut, size, sha256, sha512, complete }) => {
    const data = begun.get(`evidence/${evidenceId}`) ?? {};
    const taken = ['identity', 'source', 'acquisition'].flatMap((group) => {
      const members = data[group];
      return typeof members === 'object' && members !== null ? [`${group}: ${inWords(members)}`] : [];
    });
    const where =
      file === null
        ? `<span class="bad">not in the bundle: ${escaped(leftOut ?? '')}</span>`
        : `<code>${escaped(file)}</code>`;
    return [
      `<code>${escaped(evidenceId)}</code><br>${where}${complete ? '' : '<br><span class="bad">not the whole</span>'}`,
      escaped(named(taken.join('; '))),
      `${size} bytes<br>SHA-256 <code>${escaped(sha256)}</code><br>SHA-512 <code>${escaped(sha512)}</code>`,
    ];
  });
  return table(['Artefact', 'Where it is from and how it was taken', 'Content'], rows);
}

/** A value in one line. */
function inWords(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.map(inWords).join(', ');
  return Object.entries(value)
    .filter(([, member]) => member !== null)
    .map(([name, member]) => `${name} ${inWords(member)}`)
    .join(', ');
}

/** Puts names behind the ids of accounts. */
function withNames(text: string, people: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\b(?:usr|svc)_[0-9a-z]{10,40}\b/g, (id) => {
    const name = people.get(id);
    return name === undefined ? id : `${name} (${id})`;
  });
}

function inTime(a: ReportRow, b: ReportRow): number {
  return a.at - b.at;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

/** Text for HTML: markup as characters; control and direction characters as U+FFFD, so that nothing is shown otherwise than it reads. */
function escaped(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (sign) => ESCAPES.get(sign) ?? '')
    .replaceAll(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/gu, '\ufffd');
}
