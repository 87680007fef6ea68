import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { openGeoDatabase } from '../platform/geo-maxmind.ts';
import { sha256Hex } from '../platform/hash.ts';
import { MAX_EVENTS_PER_BATCH, MAX_EVENTS_PER_TRANSACTION } from '../platform/limits.ts';
import type { Event, EventFormat } from '../pipeline/events/event.ts';
import { normaliseEvent } from '../pipeline/events/normalise-event.ts';
import { parseBatch, type ParsedBatch } from '../pipeline/events/parse-batch.ts';
import type { DetectionContext, Finding, Rule } from '../pipeline/detections/detector.ts';
import { egressContext, parseEgressList } from '../pipeline/detections/egress.ts';
import { withGeo, type GeoLookup } from '../pipeline/detections/geo.ts';
import { compareObservations } from '../pipeline/detections/observation.ts';
import type { StoredState } from '../pipeline/detections/registry.ts';
import { DEFAULT_RULES, parseRules } from '../pipeline/detections/rules.ts';
import { runDetectors, type DetectorError } from '../pipeline/detections/run.ts';
import { printable } from '../platform/printable.ts';

/**
 * `firebreak detect`: what the detection rules find in a file of events. Nothing is stored and nothing is done.
 *
 * Exit codes: see `DETECT_EXIT_CODES`.
 */
export const DETECT_EXIT_CODES = {
  /** Every event was looked at and nothing was found. */
  nothingFound: 0,
  /** Every event was looked at and there are findings. */
  found: 1,
  /** Nothing was looked at: an option, a file or the input as a whole cannot be read. */
  cannotRun: 2,
  /** Some events were refused or a detector failed: the findings that are printed may not be all. */
  incomplete: 3,
} as const;

export interface DetectOptions {
  /** Null to tell each event's format by its shape. */
  readonly format: EventFormat | null;
  /** Path of the events, or `-` for the standard input. */
  readonly file: string;
  /** YAML or JSON: a list of `{ruleId, ruleType, conditions}`. The default rules when missing. */
  readonly rules?: string;
  readonly geoDb?: string;
  /** YAML or JSON: a list of `{cidr or asn, label, expires}`. */
  readonly egress?: string;
  readonly json?: boolean;
  /** When the events are taken to have been received, ms since 1970. Old files need it: see `DEDUPE_HORIZON_MS`. */
  readonly receivedAt: number;
}

export interface DetectIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** The bytes of a file; `-` is the standard input. */
  readonly readInput: (path: string) => Promise<Uint8Array>;
  readonly openGeo?: (path: string) => Promise<GeoLookup>;
}

/** Refusals that are printed one by one; the rest is counted. */
const MAX_PRINTED_REFUSALS = 20;

const RULES_FILE = z.array(
  z.strictObject({
    ruleId: z.string(),
    ruleType: z.string(),
    conditions: z.record(z.string(), z.unknown()).optional(),
  }),
);

/** Runs the command. Never rejects: what went wrong is printed to `stderr` and told by the exit code. */
export async function detectCommand(options: DetectOptions, io: DetectIo): Promise<number> {
  try {
    const rules = options.rules === undefined ? DEFAULT_RULES : await readRules(options.rules, io);
    const context = await readEgress(options, io);
    const geo = options.geoDb === undefined ? null : await (io.openGeo ?? openGeoDatabase)(options.geoDb);
    const body = await io.readInput(options.file);
    const { events, refusals } = readEvents(body, options, geo);
    const { findings, errors } = detectAll(events, rules, context, options.receivedAt);
    for (const finding of findings)
      io.stdout(options.json === true ? `${JSON.stringify(finding)}\n` : sentence(finding));
    report(refusals, errors, io);
    if (refusals.length > 0 || errors.length > 0) return DETECT_EXIT_CODES.incomplete;
    return findings.length > 0 ? DETECT_EXIT_CODES.found : DETECT_EXIT_CODES.nothingFound;
  } catch (thrown) {
    io.stderr(`${printable(messageOf(thrown))}\n`);
    if (thrown instanceof FirebreakError) {
      for (const { pointer, detail } of thrown.faults)
        io.stderr(printable(`  ${pointer || '(all)'}: ${detail}`) + '\n');
    }
    return DETECT_EXIT_CODES.cannotRun;
  }
}

async function readRules(path: string, io: DetectIo): Promise<readonly Rule[]> {
  const read = RULES_FILE.safeParse(parseYaml(new TextDecoder().decode(await io.readInput(path))));
  if (read.success) {
    return parseRules(read.data.map(({ conditions = {}, ...rule }) => ({ ...rule, conditions })));
  }
  const faults = read.error.issues.map((issue) => ({
    pointer: issue.path.map((part) => `/${String(part)}`).join(''),
    detail: issue.message,
  }));
  throw new FirebreakError('invalid_playbook', 'The rules file is not a list of rules', faults);
}

async function readEgress(options: DetectOptions, io: DetectIo): Promise<DetectionContext> {
  if (options.egress === undefined) return egressContext([], options.receivedAt);
  const text = new TextDecoder().decode(await io.readInput(options.egress));
  return egressContext(parseEgressList(parseYaml(text)), options.receivedAt);
}

interface ReadEvents {
  readonly events: readonly Event[];
  readonly refusals: readonly string[];
}

function readEvents(body: Uint8Array, options: DetectOptions, geo: GeoLookup | null): ReadEvents {
  const refusals: string[] = [];
  const digest = sha256Hex(body).slice(0, 16);
  const byId = new Map<string, Event>();
  for (const { batch, firstLine } of parseAll(body)) {
    const place = (position: number): string => `${batch.unit} ${position + firstLine}`;
    for (const { position, reason } of batch.rejected) refusals.push(`${place(position)}: ${reason}`);
    for (const { bytes, json, position } of batch.members) {
      const deliveryId = `${digest}:${position + firstLine}`;
      const { format, receivedAt } = options;
      const read = normaliseEvent({ bytes, json }, { format, source: options.file, receivedAt, deliveryId });
      if (!read.ok) refusals.push(`${place(position)}${read.pointer}: ${read.reason} (${read.code})`);
      // A repeat counts once; the same id with other content is another event, or an attacker could hide one.
      else if (byId.get(read.event.id)?.rawHash !== read.event.rawHash) add(byId, withGeo(read.event, geo));
    }
  }
  const order = (a: Event, b: Event): number => compareObservations(orderKey(a), orderKey(b));
  return { events: [...byId.values()].sort(order), refusals };
}

function add(byId: Map<string, Event>, event: Event): void {
  if (!byId.has(event.id)) byId.set(event.id, event);
  else {
    const id = `${event.id}#${event.rawHash.slice(0, 16)}`;
    byId.set(id, { ...event, id });
  }
}

function orderKey({ time, id, source }: Event): { time: number; eventId: string; source: string; ingest: boolean } {
  return { time, eventId: id, source, ingest: false };
}

/** One JSON value, or as many batches of lines as it takes. `firstLine` is added to the positions of a batch. */
function parseAll(body: Uint8Array): readonly { readonly batch: ParsedBatch; readonly firstLine: number }[] {
  try {
    return [{ batch: parseBatch(body, 'json'), firstLine: 0 }];
  } catch (thrown) {
    // Several values in a row are no JSON value: then they are lines.
    if (!(thrown instanceof FirebreakError) || thrown.code !== 'malformed_json' || !body.includes(LINE_FEED))
      throw thrown;
  }
  const batches: { batch: ParsedBatch; firstLine: number }[] = [];
  for (let start = 0, firstLine = 0; start < body.length; firstLine += MAX_EVENTS_PER_BATCH) {
    const end = endOfLines(body, start, MAX_EVENTS_PER_BATCH);
    batches.push({ batch: parseBatch(body.subarray(start, end), 'ndjson'), firstLine });
    start = end;
  }
  return batches;
}

const LINE_FEED = 0x0a;

function endOfLines(body: Uint8Array, start: number, lines: number): number {
  let end = start;
  for (let line = 0; line < lines && end < body.length; line += 1) {
    const feed = body.indexOf(LINE_FEED, end);
    end = feed < 0 ? body.length : feed + 1;
  }
  return end;
}

/** Runs the events in their order, in batches as the server would take them. */
function detectAll(
  events: readonly Event[],
  rules: readonly Rule[],
  context: DetectionContext,
  receivedAt: number,
): { readonly findings: readonly Finding[]; readonly errors: readonly DetectorError[] } {
  const states = new Map<string, StoredState>();
  const findings = new Map<string, Finding>();
  const errors: DetectorError[] = [];
  const loadState = (ruleId: string, key: string): StoredState | null => states.get(`${ruleId}\n${key}`) ?? null;
  for (let from = 0; from < events.length; from += MAX_EVENTS_PER_TRANSACTION) {
    const batch = events.slice(from, from + MAX_EVENTS_PER_TRANSACTION);
    // Nothing outlives this run, so the pool for made-up keys is not needed.
    const result = runDetectors({ events: batch, rules, context, loadState, receivedAt, chosenKeysStored: 0 });
    for (const { ruleId, key, state } of result.states) states.set(`${ruleId}\n${key}`, state);
    for (const { finding } of result.changes) findings.set(finding.id, finding);
    errors.push(...result.errors);
  }
  const standing = [...findings.values()].filter((finding) => !finding.superseded);
  return { findings: standing.sort((a, b) => a.firstTime - b.firstTime || (a.id < b.id ? -1 : 1)), errors };
}

/** `2026-11-02T09:00:00.000Z HIGH 81 % SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL: alice signed in ... [T1078] fnd_...` */
function sentence(finding: Finding): string {
  const time = Math.abs(finding.firstTime) <= 8.64e15 ? new Date(finding.firstTime).toISOString() : finding.firstTime;
  const techniques = finding.techniques.length === 0 ? '' : ` [${finding.techniques.join(', ')}]`;
  const head = `${time} ${finding.severity} ${finding.confidence} % ${finding.type}`;
  return `${printable(`${head}: ${finding.explanation}${techniques} ${finding.id}`)}\n`;
}

function report(refusals: readonly string[], errors: readonly DetectorError[], io: DetectIo): void {
  for (const refusal of refusals.slice(0, MAX_PRINTED_REFUSALS)) io.stderr(`refused: ${printable(refusal)}\n`);
  if (refusals.length > MAX_PRINTED_REFUSALS) io.stderr(`refused: ${refusals.length} events in all\n`);
  if (refusals.some((refusal) => refusal.endsWith('(too_old)'))) {
    io.stderr('Events older than ids are kept are refused. For an old file, say when it was received.\n');
  }
  for (const error of errors)
    io.stderr(printable(`detector.error: ${error.ruleId} ${error.key ?? ''} ${error.message}`) + '\n');
}
