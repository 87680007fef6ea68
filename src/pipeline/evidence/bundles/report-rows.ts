/** What the report needs of a record. */
export interface ReportRecord {
  readonly stream: string;
  readonly seq: number;
  readonly type: string;
  readonly at: number;
  readonly data: { readonly [key: string]: unknown };
}

/** One line of the report's timeline, as text. */
export interface ReportRow {
  readonly at: number;
  readonly what: string;
  readonly details: string;
  /** `execution/exe_… #3`. */
  readonly record: string;
  /** Somebody decided something. */
  readonly decides: boolean;
}

/** Longest details of one line, in UTF-16 units: the record itself is in the bundle. */
const MAX_DETAILS = 600;

/** Members of an input or fact that say what it was about; hashes, keys and bound plans are left to the record. */
const TELLING = [
  'actionId',
  'approvalId',
  'stage',
  'index',
  'decision',
  'comment',
  'status',
  'outcome',
  'reason',
  'why',
  'purpose',
  'service',
  'target',
  'accounts',
  'escalateTo',
  'fallback',
  'code',
  'attempt',
  'until',
  'requester',
  'riskLevel',
];
/** Inputs by which somebody decides. */
const DECIDING: ReadonlySet<string> = new Set([
  'vote',
  'withdraw',
  'break_glass',
  'service_answer',
  'cancel',
  'retry',
  'compensate',
  'release',
  'extend',
]);
/** Members of records that hold a whole document: the newest incident is shown on its own. */
const WHOLE = new Set(['incident', 'input', 'facts', 'note', 'token']);

/** The lines of one record: one for each fact of an execution, else one. */
export function rowsOfRecord({ stream, seq, type, at, data }: ReportRecord): readonly ReportRow[] {
  const record = `${stream} #${seq}`;
  const input = membersOf(data['input']);
  const facts = data['facts'];
  if (input === null || !Array.isArray(facts)) {
    return [{ at, what: type, details: details(data, (name) => !WHOLE.has(name)), record, decides: isByPerson(type) }];
  }
  const kind = String(input['type']);
  const voter = membersOf(input['voter']);
  const by = voter === null ? {} : { by: voter['userId'] ?? voter['id'] };
  const said = details({ ...by, ...input }, (name) => name === 'by' || TELLING.includes(name));
  const rows: ReportRow[] = [
    { at, what: kind.replaceAll('_', ' '), details: said, record, decides: DECIDING.has(kind) },
  ];
  for (const fact of facts) {
    const members = membersOf(fact);
    if (members === null) continue;
    const what = String(members['type']);
    const told = details(members, (name) => TELLING.includes(name));
    rows.push({ at, what: `→ ${what}`, details: told, record, decides: what === 'approval.decided' });
  }
  return rows;
}

/** Records of the incident and of evidence that a person made. */
function isByPerson(type: string): boolean {
  return ['incident.updated', 'incident.closed', 'evidence.disposed', 'evidence.held', 'evidence.released'].includes(
    type,
  );
}

function details(members: Readonly<Record<string, unknown>>, isShown: (name: string) => boolean): string {
  const text = Object.entries(members)
    .filter(([name, value]) => isShown(name) && value !== null && value !== undefined)
    .map(([name, value]) => `${name} ${inShort(value)}`)
    .join('; ');
  return text.length <= MAX_DETAILS ? text : `${text.slice(0, MAX_DETAILS)}…`;
}

function inShort(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}

/** A time as people read it, in UTC; what is no time as a number. */
export function shownAt(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString().replace('T', ' ').replace('Z', ' UTC');
}
