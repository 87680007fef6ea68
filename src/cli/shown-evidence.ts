import { z } from 'zod';

/** An artefact as the API shows it, and as lines for people. */

const ENTRY = z.looseObject({ at: z.string(), type: z.string() });
export type CustodyEntry = z.infer<typeof ENTRY>;

export const EVIDENCE = z.looseObject({
  id: z.string(),
  status: z.string(),
  identity: z.looseObject({ name: z.string(), kind: z.string(), incidentId: z.string().nullable() }),
  source: z.looseObject({
    system: z.string(),
    host: z.string(),
    location: z.string(),
    modifiedAt: z.string().nullable(),
  }),
  acquisition: z.looseObject({
    collector: z.looseObject({ type: z.string(), id: z.string() }),
    authority: z.looseObject({ type: z.string(), id: z.string() }),
    method: z.string(),
    startedAt: z.string(),
    endedAt: z.string().nullable(),
  }),
  integrity: z
    .looseObject({
      size: z.int(),
      sha256: z.string(),
      sha512: z.string(),
      complete: z.boolean(),
      verifiedAt: z.string(),
      verifiedBy: z.string(),
    })
    .nullable(),
  storage: z.looseObject({
    vault: z.string(),
    immutable: z.string(),
    encryptionKeyId: z.string().nullable(),
    retainUntil: z.string(),
    legalHold: z.boolean(),
  }),
  exceptions: z.array(z.string()),
  custodian: z.string().nullable(),
  alarm: z.looseObject({ at: z.string(), found: z.array(z.string()) }).nullable(),
  timeline: z.array(ENTRY).default([]),
});
export type ShownEvidence = z.infer<typeof EVIDENCE>;

export const HOLD = z.looseObject({
  id: z.string(),
  status: z.string(),
  scope: z.looseObject({ type: z.string(), id: z.string() }),
  by: z.string(),
  at: z.string(),
  reason: z.string(),
});
export type ShownHold = z.infer<typeof HOLD>;

export function lineOf({ id, status, identity, integrity, storage, alarm }: ShownEvidence): string {
  const marks = [...(alarm === null ? [] : ['ALARM']), ...(storage.legalHold ? ['held'] : [])];
  const size = integrity === null ? 'nothing kept' : `${integrity.size} bytes`;
  return [id, status, ...marks, identity.kind, size, identity.incidentId ?? 'no incident', identity.name].join('  ');
}

export function linesOf(evidence: ShownEvidence): readonly string[] {
  const { identity, source, acquisition, integrity, storage, exceptions, custodian, alarm, timeline } = evidence;
  const { collector, authority } = acquisition;
  return [
    `${evidence.id} ${evidence.status}`,
    `name       ${identity.name} (${identity.kind}), of ${identity.incidentId ?? 'no incident'}`,
    `source     ${[source.system, source.host, source.location].filter((part) => part !== '').join(' ')}`,
    `taken      by ${collector.type} ${collector.id}, allowed by ${authority.type} ${authority.id}`,
    `method     ${acquisition.method}`,
    ...(integrity === null
      ? ['size       nothing of it is kept']
      : [
          `size       ${integrity.size} bytes${integrity.complete ? '' : ', NOT THE WHOLE'}`,
          `sha256     ${integrity.sha256}`,
          `sha512     ${integrity.sha512}`,
          `intact     when it was last read, ${integrity.verifiedAt} by ${integrity.verifiedBy}`,
        ]),
    `kept       until ${storage.retainUntil} in ${storage.vault}, ${storage.encryptionKeyId === null ? 'not encrypted' : `encrypted under ${storage.encryptionKeyId}`}${storage.legalHold ? ', under a legal hold' : ''}`,
    ...(custodian === null ? [] : [`custodian  ${custodian}`]),
    ...exceptions.map((exception) => `note       ${exception}`),
    ...(alarm === null ? [] : alarm.found.map((found) => `ALARM      ${alarm.at} ${found}`)),
    ...(timeline.length === 0 ? [] : ['custody']),
    ...timeline.map((entry) => `  ${entry.at}  ${saidBy(entry)}`),
  ];
}

/** What happened, in words; a kind of record that this program does not know is named. */
function saidBy(entry: CustodyEntry): string {
  const of = (name: string): string => {
    const value = entry[name];
    return typeof value === 'string' ? value : '';
  };
  switch (entry.type) {
    case 'evidence.begun':
      return 'somebody began to take it';
    case 'evidence.preserved':
      return `kept, ${String(entry['size'])} bytes${entry['complete'] === true ? '' : ', not the whole'}`;
    case 'evidence.failed':
      return `nothing came: ${of('why')}`;
    case 'evidence.accessed':
      return `downloaded by ${of('by')}: ${of('reason')}`;
    case 'evidence.exported':
      return `exported by ${of('by')} into ${of('into')}: ${of('reason')}`;
    case 'evidence.transferred':
      return `handed over from ${of('from')} to ${of('to')}, recorded by ${of('by')}: ${of('reason')}; ${receivedAs(entry)}`;
    case 'evidence.verified':
      return `read and found intact, for ${of('by')}`;
    case 'evidence.alarm':
      return `ALARM, read for ${of('by')}: ${Array.isArray(entry['found']) ? entry['found'].join(' ') : ''}`;
    case 'evidence.disposed':
      return `disposed of (${of('how')}) by ${of('by')} before ${of('witness')}: ${of('reason')}`;
    case 'evidence.gone':
      return `its bytes are gone from ${of('vault')}`;
    case 'evidence.held':
      return `legal hold ${of('holdId')} set by ${of('by')}: ${of('reason')}`;
    case 'evidence.released':
      return `legal hold ${of('holdId')} lifted by ${of('by')}: ${of('reason')}`;
    default:
      return entry.type;
  }
}

function receivedAs({ before, after }: CustodyEntry): string {
  if (after === null || after === undefined) return 'who has it now has not said what they have';
  return after === before ? 'the same SHA-256 on both sides' : 'ANOTHER SHA-256 on the other side';
}

export function holdLine({ id, status, scope, by, at, reason }: ShownHold): string {
  return `${id}  ${status}  on ${scope.type} ${scope.id}  by ${by}, ${at}  ${reason}`;
}
