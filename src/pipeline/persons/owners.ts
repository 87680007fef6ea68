import type { Json, JsonObject } from '../../platform/canonical-json.ts';
import { isJsonObject, memberOf, valueAt } from './json-at.ts';
import { recordType, type RecordType } from '../audit/record-types.ts';
import type { OwnedPlaces } from './personal-texts.ts';
import { partsOf, placeBelow, placeOf, type Place } from './places.ts';

/**
 * Whose the personal texts of a record are. An identity says it: `account:alice@example.com` (an account that events name, an address
 * or a host), `user:usr_…` (somebody with an account here), `thing:contact/…` (somebody of whom we know no more than that).
 */

/** Where it stands whose something is. The first that is there counts. */
type From =
  /** A pointer to the account. */
  | { readonly account: string }
  /** A pointer to the id of a user. */
  | { readonly user: string }
  /** Whoever the records of that stream are about: its name begins so, and the pointer leads to the rest. */
  | { readonly stream: string; readonly id: string }
  /** A pointer to what a notice is about. */
  | { readonly about: string }
  /** Nobody but this stream knows them. */
  | { readonly thing: true };

interface Ownership {
  /** Empty or none found: whoever the earlier records of the stream are about. */
  readonly of: readonly From[];
  /** Patterns of members that name an account by themselves. */
  readonly names?: readonly string[];
  /** Patterns of members that are another one's: typed by them, or about them. */
  readonly apart?: readonly (readonly [pattern: string, from: From])[];
}

/** What somebody typed says something about them first of all; whom else it names nobody can tell. */
const WRITER: Ownership = { of: [{ user: '/by' }] };
const USER_OF = (member: string, id = 'userId'): Ownership => ({ of: [{ user: `/${member}/${id}` }] });
/** About whom it is, the first record of the stream says. */
const EARLIER: Ownership = { of: [] };
const INCIDENT: Ownership = {
  of: [{ account: '/incident/subject/id' }],
  names: ['/incident/accounts/*'],
};
const CLOCK: Ownership = { of: [{ user: '/by' }] };
const DRAFT: Ownership = { of: [{ stream: 'incident/', id: '/about/incidentId' }] };
const TASK: Ownership = {
  of: [
    { stream: 'incident/', id: '/task/origin/incidentId' },
    { stream: 'execution/', id: '/task/origin/executionId' },
    { thing: true },
  ],
};
const PORTAL: Ownership = { of: [{ thing: true }] };

const OWNERSHIPS: ReadonlyMap<string, Ownership> = new Map<string, Ownership>([
  ['access.user_saved', USER_OF('user', 'id')],
  ['access.key_saved', USER_OF('key')],
  ['access.session_saved', USER_OF('session')],
  ['access.sign_in_refused', { of: [{ account: '/attempt/account' }] }],
  ['access.identity_linked', USER_OF('identity')],
  ['access.passkey_saved', USER_OF('passkey')],
  ['access.delegation_saved', USER_OF('delegation', 'delegatorId')],
  ['access.denied', { of: [{ account: '/email' }, { account: '/ip' }] }],
  ['incident.opened', INCIDENT],
  ['incident.updated', INCIDENT],
  ['incident.closed', INCIDENT],
  [
    'execution.advanced',
    {
      of: [{ account: '/input/snapshot/incident/subject/id' }],
      names: [
        '/facts/*/accounts/*',
        '/facts/*/approval/subjectIds/*',
        '/facts/*/children/*/account',
        '/input/accounts/*',
        '/input/incident/accounts/*',
        '/input/snapshot/accounts/*',
        '/input/snapshot/handled/*/*',
      ],
      apart: [
        ['/input/voter/issuerAccounts', { user: '/input/voter/userId' }],
        ['/input/voter/lentSeats', { user: '/input/voter/userId' }],
        ['/input/voter/linkedAccounts', { user: '/input/voter/userId' }],
      ],
    },
  ],
  ['notice.raised', { of: [{ about: '/notice/about' }, { stream: 'execution/', id: '/cause/execution' }] }],
  [
    'evidence.begun',
    {
      of: [
        { stream: 'incident/', id: '/identity/incidentId' },
        { stream: 'execution/', id: '/identity/executionId' },
      ],
    },
  ],
  ['evidence.preserved', EARLIER],
  ['evidence.failed', EARLIER],
  ['evidence.accessed', EARLIER],
  ['evidence.exported', EARLIER],
  ['evidence.transferred', EARLIER],
  ['evidence.alarm', EARLIER],
  ['evidence.disposed', EARLIER],
  ['evidence.held', WRITER],
  ['evidence.released', WRITER],
  ['evidence.bundle_exported', WRITER],
  ['deadline.started', CLOCK],
  ['deadline.recomputed', CLOCK],
  ['deadline.extended', CLOCK],
  ['deadline.paused', CLOCK],
  ['deadline.resumed', CLOCK],
  ['deadline.met', CLOCK],
  ['deadline.not_applicable', CLOCK],
  ['deadline.rule_confirmed', WRITER],
  ['breach.saved', WRITER],
  ['draft.made', DRAFT],
  ['draft.edited', DRAFT],
  ['draft.submitted', DRAFT],
  ['draft.withdrawn', DRAFT],
  ['draft.contacts_asked', DRAFT],
  ['portal.opened', PORTAL],
  ['portal.refused', PORTAL],
  ['portal.read', PORTAL],
  ['portal.revoked', WRITER],
  ['contact.saved', { of: [{ user: '/document/userId' }, { thing: true }] }],
  ['contact.verified', WRITER],
  ['contact.revoked', WRITER],
  ['glass.used', { of: [{ user: '/entry/by' }] }],
  ['glass.reviewed', WRITER],
  ['change.rejected', WRITER],
  ['journal.archived', WRITER],
  ['journal.recovery_confirmed', WRITER],
  ['erasure.requested', { of: [{ account: '/account' }] }],
  ['erasure.withdrawn', WRITER],
  ['person.exported', { of: [{ account: '/account' }] }],
  ['task.opened', TASK],
  ['task.claimed', EARLIER],
  ['task.draft_saved', EARLIER],
  ['task.commented', EARLIER],
  ['task.reminded', EARLIER],
  ['task.done', EARLIER],
  ['task.dropped', EARLIER],
  ['execution.note', WRITER],
]);

/**
 * What stays readable for as long as the journal, and why. Whoever asks for an erasure hears of it.
 */
export const KEPT_IN_THE_CLEAR: ReadonlyMap<string, string> = new Map([
  ['events.quarantined', 'nobody could read whose it is'],
  ['detector.error', 'keys of states, of which nobody can say whose they are'],
  ['guard.saved', 'protected identities are a rule: without their names it protects nobody'],
  ['guard.paused', 'reasons of those who stop and resume everything'],
  ['guard.resume_proposed', 'reasons of those who stop and resume everything'],
  ['guard.resumed', 'reasons of those who stop and resume everything'],
  ['guard.glass_proposed', 'terms under which one person may decide alone'],
  ['guard.glass_declared', 'terms under which one person may decide alone'],
  ['guard.glass_revoked', 'terms under which one person may decide alone'],
  ['guard.glass_used', 'terms under which one person may decide alone'],
  ['change.proposed', 'a rule before and after: it has to be comparable'],
  ['change.confirmed', 'a rule before and after: it has to be comparable'],
  ['exemption.proposed', 'an exception is a rule, and the plans that were made under it hold it, too'],
  ['exemption.confirmed', 'who agreed to an exception of a rule'],
  ['exemption.revoked', 'who ended an exception of a rule'],
  ['inventory.part', 'the inventory in force; a new one takes its place'],
  ['vendor.saved', 'contacts of other companies, in their function'],
  ['escalation.started', 'contacts of other companies, in their function'],
  ['escalation.raised', 'contacts of other companies, in their function'],
  ['escalation.acknowledged', 'contacts of other companies, in their function'],
  ['oncall.saved', 'a schedule is a rule'],
  ['policy.saved', 'a policy is a rule'],
  ['runbook.saved', 'who wrote a rule in Git'],
  ['runbook.synced', 'who wrote a rule in Git'],
  ['basis.saved', 'who decided by what right data are touched'],
]);

/** Whose something is: an identity, or `stream:` and the name of the stream whose persons are meant. */
export type Owner = string;

const STREAM = 'stream:';

export function isStream(owner: Owner): boolean {
  return owner.startsWith(STREAM);
}

/** The name of the stream that an owner of that form means. */
export function streamIn(owner: Owner): string {
  return owner.slice(STREAM.length);
}

/** Whose the texts are of which the record itself does not say it: whoever the earlier records of the stream are about. */
export const USUAL: Owner = 'usual';

/** What of some data is personal, and whose it is. */
export interface Owned extends OwnedPlaces {
  /** Whose the stream is, as far as this record says it; `USUAL`: it does not. */
  readonly owner: Owner;
}

/** Null: nothing that could be anybody's. */
export function ownedIn(stream: string, { type, v, data }: OwnedRecord): Owned | null {
  const entry = recordType(type, v);
  const ownership = OWNERSHIPS.get(type);
  if (entry.personal.length === 0 || ownership === undefined) return null;
  const { of, apart = [] } = ownership;
  const { place, names } = placesIn(entry, ownership);
  const owner = firstOwner(stream, data, of);
  const named = new Map<string, Owner>();
  addNamed(data, names, named);
  const others = apart.map(([, from]) => ownerAt(stream, data, from) ?? owner);
  return { owner, place, owners: [...others, owner], named };
}

function firstOwner(stream: string, data: JsonObject, from: readonly From[]): Owner {
  for (const each of from) {
    const owner = ownerAt(stream, data, each);
    if (owner !== null) return owner;
  }
  return USUAL;
}

interface Places {
  /** Labels are numbers of what stands apart, and behind those the one of everything else. */
  readonly place: Place;
  /** What names accounts; it has one label. */
  readonly names: Place;
}

/** Made once for each type of record. */
const PLACES = new Map<RecordType, Places>();

function placesIn(entry: RecordType, ownership: Ownership): Places {
  const places = PLACES.get(entry) ?? madePlaces(ownership, entry.personal);
  PLACES.set(entry, places);
  return places;
}

function madePlaces({ names = [], apart = [] }: Ownership, personal: readonly string[]): Places {
  const others = apart.map(([pattern], label) => ({ parts: partsOf(pattern), label }));
  const rest = personal.map((pattern) => ({ parts: partsOf(pattern), label: apart.length }));
  return {
    // The first that matches counts.
    place: placeOf([...others, ...rest]),
    names: placeOf(names.map((pattern) => ({ parts: partsOf(pattern), label: 0 }))),
  };
}

export interface OwnedRecord {
  readonly type: string;
  readonly v: number;
  readonly data: JsonObject;
}

/** All types of which something is encrypted. */
export function ownedTypes(): readonly string[] {
  return [...OWNERSHIPS.keys()];
}

export function accountIdentity(account: string): string {
  return `account:${account}`;
}

/** Streams of what notices are about. */
const STREAM_OF: ReadonlyMap<string, string> = new Map([
  ['execution', 'execution/'],
  ['incident', 'incident/'],
  ['evidence', 'evidence/'],
]);

function ownerAt(stream: string, data: JsonObject, from: From): Owner | null {
  if ('thing' in from) return `thing:${stream}`;
  if ('account' in from) return identityOf(valueAt(data, from.account), accountIdentity);
  if ('user' in from) return identityOf(valueAt(data, from.user), (id) => `user:${id}`);
  if ('stream' in from) {
    const id = valueAt(data, from.id);
    return typeof id === 'string' ? `${STREAM}${from.stream}${id}` : null;
  }
  const about = valueAt(data, from.about);
  if (!isJsonObject(about) || typeof about['type'] !== 'string' || typeof about['id'] !== 'string') return null;
  const prefix = STREAM_OF.get(about['type']);
  return prefix === undefined ? null : `${STREAM}${prefix}${about['id']}`;
}

function identityOf(value: Json | undefined, identity: (text: string) => string): Owner | null {
  return typeof value === 'string' && value !== '' ? identity(value) : null;
}

/** Goes where names can be, and nowhere else. */
function addNamed(value: Json, place: Place, named: Map<string, Owner>): void {
  if (typeof value === 'string') {
    if (place.label !== undefined && value !== '') named.set(value, accountIdentity(value));
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const names = place.any === null ? place.byName.keys() : Object.keys(value);
  for (const name of names) {
    const [member, next] = [memberOf(value, name), placeBelow(place, name)];
    if (member !== undefined && next !== null) addNamed(member, next, named);
  }
}
