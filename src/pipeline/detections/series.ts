import type { BaseObservation } from './detector.ts';
import { anchorOf, compareObservations, MAX_EVIDENCE_EACH_END, refOf, type EventRef } from './observation.ts';

/**
 * A series of events of one key: opened when a sliding window becomes suspicious, grown by every later window that
 * still is and overlaps it. One attack is one series, however long it lasts.
 *
 * What is counted is units (accounts, attempts): several events of one unit count once.
 */

/** Different units, and different addresses, that a series names. The biggest fan-out of a stage is 2,000 subjects. */
export const MAX_SERIES_UNITS = 2_000;
export const MAX_SERIES_ADDRESSES = 20;

export interface SeriesItem extends BaseObservation {
  readonly unit: string;
  readonly ip: string | null;
  /** The address had to be read leniently: never block it. */
  readonly ipNormalised: boolean;
}

export interface Series {
  readonly anchor: string;
  readonly firstTime: number;
  readonly firstIp: string | null;
  /** The newest event in it, for the order of what follows. */
  readonly last: BaseObservation;
  readonly head: readonly EventRef[];
  readonly tail: readonly EventRef[];
  readonly count: number;
  /** In the order in which they first appeared. */
  readonly units: readonly string[];
  readonly addresses: readonly string[];
  readonly ipNormalised: boolean;
  /** Most units within one window, and within one short window. */
  readonly peakUnits: number;
  readonly peakShortUnits: number;
  /** Time of the first success after the series had opened, or null. */
  readonly successAt: number | null;
}

/** What a window looks like just after an event was added to it. */
export interface WindowView {
  readonly units: number;
  readonly items: number;
  readonly spanMs: number;
  readonly perUnit: ReadonlyMap<string, number>;
}

/**
 * `opens` starts a series, `grows` extends one that overlaps. `opens` is asked only where `grows` holds, and `grows`
 * must not be lost when events are added: then a finding that keeps its anchor can only grow.
 */
export interface WindowJudge {
  grows(window: WindowView): boolean;
  opens(window: WindowView): boolean;
}

export interface SeriesState<Item> {
  readonly recent: readonly Item[];
  readonly series: Series | null;
}

export interface SeriesScan<Item extends SeriesItem> {
  /** Adds an event (in time order) and judges the window that ends with it. */
  push(item: Item, judge: WindowJudge): void;
  /** A success: evidence of the open series if `minUnits` lie in the window before it. */
  succeed(item: Item, minUnits: number): void;
  state(): SeriesState<Item>;
  /** The series that were opened or grown in this scan, oldest first. */
  touched(): readonly Series[];
}

/** Scans events in (time, id) order, starting from `from`; windows are `windowMs` long and open at their start. */
export function scanSeries<Item extends SeriesItem>(
  from: SeriesState<Item>,
  windowMs: number,
  shortWindowMs: number,
): SeriesScan<Item> {
  const recent = [...from.recent];
  const perUnit = countUnits(recent);
  const touched = new Map<string, OpenSeries>();
  let start = 0;
  let open = from.series === null ? null : openSeries(from.series);

  const evict = (time: number): void => {
    for (let oldest = recent[start]; oldest !== undefined && oldest.time <= time - windowMs; oldest = recent[start]) {
      const left = (perUnit.get(oldest.unit) ?? 1) - 1;
      if (left === 0) perUnit.delete(oldest.unit);
      else perUnit.set(oldest.unit, left);
      start += 1;
    }
  };
  const extend = (series: OpenSeries): void => {
    let first = recent.length;
    while (first > start && isAfter(recent[first - 1], series.last)) first -= 1;
    for (const item of recent.slice(first)) series.add(item);
    series.peak(perUnit.size, unitsSince(recent, start, shortWindowMs));
    touched.set(series.anchor, series);
  };
  return {
    push(item, judge) {
      evict(item.time);
      recent.push(item);
      perUnit.set(item.unit, (perUnit.get(item.unit) ?? 0) + 1);
      const oldest = recent[start] ?? item;
      const spanMs = item.time - oldest.time;
      const window = { units: perUnit.size, items: recent.length - start, spanMs, perUnit };
      if (!judge.grows(window)) return;
      if (open !== null && !isAfter(oldest, open.last)) {
        extend(open);
      } else if (judge.opens(window)) {
        open = openSeries(null, oldest);
        extend(open);
      }
    },
    succeed(item, minUnits) {
      evict(item.time);
      if (open === null || perUnit.size < minUnits) return;
      open.succeed(item);
      touched.set(open.anchor, open);
    },
    state: () => ({ recent: recent.slice(start), series: open === null ? null : open.snapshot() }),
    touched: () => [...touched.values()].map((series) => series.snapshot()),
  };
}

/** Units among the newest items that lie within `shortWindowMs` of the last. */
function unitsSince(recent: readonly SeriesItem[], start: number, shortWindowMs: number): number {
  if (shortWindowMs === 0) return 0;
  const newest = recent.at(-1);
  const units = new Set<string>();
  for (let index = recent.length - 1; index >= start; index -= 1) {
    const item = recent[index];
    if (item === undefined || newest === undefined || item.time <= newest.time - shortWindowMs) break;
    units.add(item.unit);
  }
  return units.size;
}

function countUnits(items: readonly SeriesItem[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item.unit, (counts.get(item.unit) ?? 0) + 1);
  return counts;
}

function isAfter(item: BaseObservation | undefined, other: BaseObservation): boolean {
  return item !== undefined && compareObservations(item, other) > 0;
}

interface OpenSeries {
  readonly anchor: string;
  readonly last: BaseObservation;
  add(item: SeriesItem): void;
  succeed(item: SeriesItem): void;
  peak(units: number, shortUnits: number): void;
  snapshot(): Series;
}

/** The series while it grows: sets beside the plain data, so that a long one costs no more per event. */
function openSeries(from: Series): OpenSeries;
function openSeries(from: null, first: SeriesItem): OpenSeries;
function openSeries(from: Series | null, first?: SeriesItem): OpenSeries {
  const begin = from ?? emptySeries(first);
  const units = new Set(begin.units);
  const addresses = new Set(begin.addresses);
  const head = [...begin.head];
  let tail = [...begin.tail];
  let { last, count, ipNormalised, peakUnits, peakShortUnits, successAt } = begin;
  const evidence = (item: SeriesItem): void => {
    if (head.length < MAX_EVIDENCE_EACH_END) head.push(refOf(item));
    else tail.push(refOf(item));
    // Cut rarely: copying the tail at every event would cost more than the event.
    if (tail.length >= 4 * MAX_EVIDENCE_EACH_END) tail = tail.slice(-MAX_EVIDENCE_EACH_END);
    count += 1;
    if (item.ip !== null && addresses.size < MAX_SERIES_ADDRESSES) addresses.add(item.ip);
    ipNormalised ||= item.ipNormalised;
    last = { eventId: item.eventId, source: item.source, time: item.time, ingest: item.ingest };
  };
  return {
    anchor: begin.anchor,
    get last() {
      return last;
    },
    add(item) {
      evidence(item);
      if (units.size < MAX_SERIES_UNITS) units.add(item.unit);
    },
    succeed(item) {
      evidence(item);
      successAt ??= item.time;
    },
    peak(windowUnits, shortUnits) {
      peakUnits = Math.max(peakUnits, windowUnits);
      peakShortUnits = Math.max(peakShortUnits, shortUnits);
    },
    snapshot: () => ({
      ...begin,
      last,
      head: [...head],
      tail: tail.slice(-MAX_EVIDENCE_EACH_END),
      count,
      units: [...units],
      addresses: [...addresses],
      ipNormalised,
      peakUnits,
      peakShortUnits,
      successAt,
    }),
  };
}

function emptySeries(first: SeriesItem | undefined): Series {
  const item = first ?? { eventId: '', source: '', time: 0, ingest: false, unit: '', ip: null, ipNormalised: false };
  return {
    anchor: anchorOf(item),
    firstTime: item.time,
    firstIp: item.ip,
    // Just before its first event, which is still to be added.
    last: { eventId: '', source: '', time: item.time - 1, ingest: item.ingest },
    head: [],
    tail: [],
    count: 0,
    units: [],
    addresses: [],
    ipNormalised: false,
    peakUnits: 0,
    peakShortUnits: 0,
    successAt: null,
  };
}
