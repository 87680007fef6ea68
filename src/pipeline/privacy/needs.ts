import { z } from 'zod';
import type { JournalReader } from '../../journal/journal.ts';
import { shownTime } from '../service.ts';
import { streamsOfPerson } from './person-streams.ts';

/** Something that still needs a person: while there is one, nothing of them is erased. */
export interface Need {
  readonly kind: 'incident' | 'execution' | 'hold' | 'legal-hold' | 'evidence' | 'protected';
  readonly id: string;
  /** A sentence: what has to happen first. */
  readonly says: string;
}

/** Most needs of one kind that are named: whoever sees so many begins with these. */
const MAX_NAMED = 20;

export interface NeedPorts {
  readonly journal: Pick<JournalReader, 'listViews' | 'view'>;
  /** Pseudonym of an account; null: no record holds texts of it. */
  readonly personOf: (account: string) => Promise<string | null>;
  /** Whether actions against this account are forbidden by a rule that names it. */
  readonly isProtected: (account: string) => Promise<boolean>;
}

const OPEN_INCIDENTS = ['OPEN', 'CONTAINED'] as const;
const RUNNING = ['INITIATED', 'RUNNING', 'AWAITING_APPROVAL', 'COMPENSATING'] as const;
/** Of an incident it stands one level deeper. */
const STATUS = z
  .looseObject({ status: z.string().optional(), incident: z.looseObject({ status: z.string() }).optional() })
  .transform(({ status, incident }) => ({ status: status ?? incident?.status }));
const EVIDENCE = z.looseObject({
  disposition: z.unknown().nullable(),
  identity: z.looseObject({ personal: z.boolean() }),
  storage: z.looseObject({ retainUntil: z.int() }),
});

/** What needs an account now: open incidents, running executions, containments, holds, and evidence that is still kept. */
export async function needsOf(account: string, ports: NeedPorts): Promise<readonly Need[]> {
  const { journal } = ports;
  const needs: Need[] = [];
  const list = async (kind: 'incident' | 'execution' | 'hold', status?: string) => {
    const page = { kind, subject: account, limit: MAX_NAMED, skip: 0, ...(status === undefined ? {} : { status }) };
    return (await journal.listViews(page)).items;
  };
  const person = await ports.personOf(account);
  const [incidents, executions] = await underWay(person, journal);
  for (const status of OPEN_INCIDENTS) for (const { id } of await list('incident', status)) incidents.add(id);
  for (const status of RUNNING) for (const { id } of await list('execution', status)) executions.add(id);
  needs.push(...said(incidents, executions));
  for (const { id } of await list('hold'))
    needs.push({ kind: 'hold', id, says: 'A containment of the account stands: release it.' });
  if (await ports.isProtected(account))
    needs.push({
      kind: 'protected',
      id: 'protected-identities',
      says: 'A rule protects the account: take it out of the list.',
    });
  needs.push(...(await needsOfEvidence(account, ports)));
  return needs;
}

/** What needs a person of whom nothing new is written any more: between the last look and then something may have begun. */
export async function stillNeeding(person: string, journal: NeedPorts['journal']): Promise<readonly Need[]> {
  return said(...(await underWay(person, journal)));
}

function said(incidents: Iterable<string>, executions: Iterable<string>): readonly Need[] {
  return [
    ...Array.from(incidents, (id): Need => ({ kind: 'incident', id, says: `Incident ${id} is open: close it.` })),
    ...Array.from(executions, (id): Need => {
      return { kind: 'execution', id, says: `Execution ${id} has not ended: let it end, or cancel it.` };
    }),
  ];
}

/** Incidents and executions that hold texts of the account, whomever they are about, and are not over. */
async function underWay(
  person: string | null,
  journal: NeedPorts['journal'],
): Promise<readonly [incidents: Set<string>, executions: Set<string>]> {
  const [incidents, executions] = [new Set<string>(), new Set<string>()];
  for (const stream of person === null ? [] : await streamsOfPerson(journal, person)) {
    const [kind, id = ''] = stream.split('/', 2);
    if (kind !== 'incident' && kind !== 'execution') continue;
    const { status = null } = STATUS.parse((await journal.view(kind, id))?.body ?? {});
    if (kind === 'incident' && OPEN_INCIDENTS.some((open) => open === status)) incidents.add(id);
    if (kind === 'execution' && RUNNING.some((running) => running === status)) executions.add(id);
  }
  return [incidents, executions];
}

async function needsOfEvidence(account: string, { journal }: NeedPorts): Promise<readonly Need[]> {
  const needs: Need[] = [];
  for (let skip = 0; ; skip += MAX_NAMED) {
    const { items } = await journal.listViews({ kind: 'incident', subject: account, limit: MAX_NAMED, skip });
    for (const incident of items) needs.push(...(await needsOfIncident(incident.id, journal)));
    if (items.length < MAX_NAMED || needs.length >= MAX_NAMED) return needs;
  }
}

async function needsOfIncident(incidentId: string, journal: NeedPorts['journal']): Promise<readonly Need[]> {
  const needs: Need[] = [];
  const isIncidentHeld = await isHeld(incidentId, journal);
  const { items } = await journal.listViews({ kind: 'evidence', parent: incidentId, limit: MAX_NAMED, skip: 0 });
  for (const { id, body } of items) {
    const { disposition, identity, storage } = EVIDENCE.parse(body);
    if (disposition !== null || !identity.personal) continue;
    const until = shownTime(storage.retainUntil);
    needs.push(
      isIncidentHeld || (await isHeld(id, journal))
        ? { kind: 'legal-hold', id, says: `Evidence ${id} is under a legal hold: release it, then dispose of it.` }
        : { kind: 'evidence', id, says: `Evidence ${id} is kept until ${until}: dispose of it then.` },
    );
  }
  return needs;
}

/** By the incident or by itself. */
async function isHeld(scopeId: string, journal: NeedPorts['journal']): Promise<boolean> {
  const standing = { kind: 'evidence-hold', parent: scopeId, status: 'STANDING', limit: 1, skip: 0 } as const;
  return (await journal.listViews(standing)).total > 0;
}
