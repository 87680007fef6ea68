import { canonicalJson } from '../../platform/canonical-json.ts';
import { severityRank } from '../vocabulary.ts';
import type { Finding, FindingChange } from './detector.ts';

/**
 * Compares what was known with what was found now.
 *
 * A finding is only ever revised upwards; one that is not found any more although its newest evidence lies in memory
 * (from `oldest` on) has lost its ground and becomes superseded; an older one is final. Nothing is deleted.
 */
export function changesOf(
  known: readonly Finding[],
  found: readonly Finding[],
  oldest: number,
): { readonly findings: readonly Finding[]; readonly changes: readonly FindingChange[] } {
  const byId = new Map(known.map((finding) => [finding.id, finding]));
  const changes: FindingChange[] = [];
  const foundIds = new Set<string>();
  for (const finding of found) {
    // A late draft can repeat the identity of one from memory: the first stands, a second may only raise it.
    foundIds.add(finding.id);
    const change = changeOf(byId.get(finding.id), finding);
    if (change === null) continue;
    changes.push(change);
    byId.set(finding.id, change.finding);
  }
  for (const finding of known) {
    if (foundIds.has(finding.id) || finding.superseded || finding.lastTime < oldest) continue;
    const superseded = { ...finding, superseded: true };
    changes.push({ change: 'superseded', finding: superseded });
    byId.set(finding.id, superseded);
  }
  const order = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  return {
    findings: [...byId.values()].sort(order),
    changes: changes.sort((a, b) => order(a.finding, b.finding)),
  };
}

function changeOf(known: Finding | undefined, found: Finding): FindingChange | null {
  if (known === undefined) return { change: 'opened', finding: found };
  const finding = isLower(found, known) ? { ...known, superseded: false } : found;
  if (known.superseded) return { change: 'restored', finding };
  return finding === found && isDifferent(found, known) ? { change: 'raised', finding } : null;
}

function isLower(found: Finding, known: Finding): boolean {
  return (
    severityRank(found.severity) < severityRank(known.severity) ||
    found.confidence < known.confidence ||
    found.evidenceCount < known.evidenceCount
  );
}

/** The cheap differences first: nearly every change adds evidence. */
function isDifferent(found: Finding, known: Finding): boolean {
  if (found.evidenceCount !== known.evidenceCount || found.lastTime !== known.lastTime) return true;
  return canonicalJson(found) !== canonicalJson(known);
}
