import { readFileSync } from 'node:fs';
import type { Config } from '../../platform/config.ts';
import { openGeoDatabase } from '../../platform/geo-maxmind.ts';
import { yaml } from '../../platform/yaml.ts';
import type { DetectionContext } from '../detections/detector.ts';
import { egressContext, parseEgressList, type EgressEntry } from '../detections/egress.ts';
import { withGeo } from '../detections/geo.ts';
import type { Event } from '../events/event.ts';

/** What detection knows of the world besides the events: shared addresses and places, both from files of the operator. */
export interface Surroundings {
  /** The egress list as of business time `at`: expired entries do not count. */
  detectionContext(at: number): DetectionContext;
  withPlace(event: Event): Event;
}

/** Reads both files at start. @throws FirebreakError naming every fault of them; a missing one is no fault. */
export async function loadSurroundings({ geoDatabase, egressList }: Config): Promise<Surroundings> {
  const geo = geoDatabase === null ? null : await openGeoDatabase(geoDatabase);
  const entries = egressList === null ? [] : parseEgressList(yaml().parse(readFileSync(egressList, 'utf8')));
  return { detectionContext: contexts(entries), withPlace: (event) => withGeo(event, geo) };
}

/** The context is built anew only when an entry has expired since: batches come by the hundred in a second. */
function contexts(entries: readonly EgressEntry[]): (at: number) => DetectionContext {
  let built: { readonly from: number; readonly until: number; readonly context: DetectionContext } | null = null;
  return (at) => {
    if (built !== null && at >= built.from && at < built.until) return built.context;
    const until = Math.min(
      ...entries.map(({ expiresAt }) => expiresAt).filter((end) => end > at),
      Number.MAX_SAFE_INTEGER,
    );
    built = { from: at, until, context: egressContext(entries, at) };
    return built.context;
  };
}
