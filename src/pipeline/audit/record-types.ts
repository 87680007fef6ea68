import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';

/**
 * The catalogue of record types: which there are, in which versions, and which members of their data are personal.
 *
 * This *marks* personal members; `../persons/owners.ts` says whose they are. Where personal data are encrypted, their texts are stored
 * under a key of that person, so that erasure destroys the key and the log still verifies. Records that were written in the clear
 * stay so: their bytes are what was hashed.
 *
 * A new version is added beside the old one, never in its place: readers read every version for ever.
 */
export interface RecordType {
  readonly type: string;
  readonly v: number;
  /**
   * JSON pointers into `data`; `*` stands for any one member or item. A pointer marks its value and everything below
   * it. When in doubt a member is marked: a mark too many costs a key look-up, one too few cannot be taken back.
   *
   * Ids that Firebreak made up itself (`usr_…`) are not marked: they name nobody once the name in
   * `access.user_saved` is sealed, and without them nobody could say whose votes belong together.
   */
  readonly personal: readonly string[];
}

const INCIDENT_PERSONAL = [
  '/cause/reason',
  '/incident/accounts',
  '/incident/decision/assets',
  '/incident/decision/because',
  '/incident/details',
  '/incident/findings/*/explanation',
  '/incident/reason',
  '/incident/sourceIps',
  '/incident/subject',
  '/incident/summary',
  '/incident/systems',
];

const PAUSE_PERSONAL = ['/document/paused/reason', '/document/proposal/reason', '/reason'];

const GLASS_PERSONAL = ['/document/declared/terms/reason', '/document/proposal/terms/reason'];

const CATALOGUE: readonly RecordType[] = [
  { type: 'journal.created', v: 1, personal: [] },
  // The last record of a journal that goes on elsewhere, and in the place where it goes on the first sign of its move.
  { type: 'journal.sealed', v: 1, personal: [] },
  // Names what retention takes out of the journal, and the archive that holds it; only what such a record names may be missing.
  { type: 'journal.archived', v: 1, personal: ['/by'] },
  // A journal that was set back: who takes it into use without what is lost, and from when on its log has another origin.
  { type: 'journal.recovery_confirmed', v: 1, personal: ['/reason'] },
  { type: 'journal.generation_begun', v: 1, personal: [] },
  { type: 'config.changed', v: 1, personal: [] },
  // A checkpoint with the token of an authority that says when it existed.
  { type: 'log.timestamped', v: 1, personal: [] },

  { type: 'access.user_saved', v: 1, personal: ['/user/email', '/user/linkedAccounts', '/user/name'] },
  { type: 'access.key_saved', v: 1, personal: ['/key/name'] },
  { type: 'access.setup_saved', v: 1, personal: [] },
  { type: 'access.session_saved', v: 1, personal: ['/session/account', '/session/ip', '/session/userAgent'] },
  // Holds a digest of what is stored of a password, never what it could be guessed from.
  { type: 'access.credential_saved', v: 1, personal: [] },
  { type: 'access.sign_in_refused', v: 1, personal: ['/attempt/account', '/attempt/ip', '/attempt/userAgent'] },
  { type: 'access.lockout_ended', v: 1, personal: [] },
  { type: 'access.identity_linked', v: 1, personal: ['/identity/account', '/identity/subject'] },
  // Whose signatures count; the public key stays readable, or no vote of its owner could be verified any more.
  { type: 'access.passkey_saved', v: 1, personal: ['/passkey/name'] },
  { type: 'access.group_saved', v: 1, personal: [] },
  { type: 'access.group_deleted', v: 1, personal: [] },
  { type: 'access.role_saved', v: 1, personal: [] },
  { type: 'access.role_deleted', v: 1, personal: [] },
  { type: 'access.delegation_saved', v: 1, personal: ['/delegation/reason', '/delegation/revoked/reason'] },
  { type: 'access.denied', v: 1, personal: ['/email', '/ip', '/path'] },

  // Ids, hashes and payloads of events lie beside the log; the record holds their root and counts.
  { type: 'events.accepted', v: 1, personal: [] },
  { type: 'events.quarantined', v: 1, personal: ['/excerpt', '/reason'] },
  { type: 'detector.error', v: 1, personal: ['/events/*/eventId', '/key', '/message'] },

  { type: 'incident.opened', v: 1, personal: INCIDENT_PERSONAL },
  { type: 'incident.updated', v: 1, personal: INCIDENT_PERSONAL },
  { type: 'incident.closed', v: 1, personal: INCIDENT_PERSONAL },

  { type: 'playbook.saved', v: 1, personal: [] },
  { type: 'playbook.deleted', v: 1, personal: [] },
  // The text that people wrote, and the playbooks that were made of it.
  // The author of a commit is a person; those of versions that people put have none.
  {
    type: 'runbook.saved',
    v: 1,
    personal: ['/document/git/author', '/document/git/changedIn/author', '/document/git/signature/signer'],
  },
  { type: 'runbook.deleted', v: 1, personal: [] },
  { type: 'runbook.synced', v: 1, personal: ['/document/source/author', '/document/source/signature/signer'] },
  { type: 'guard.saved', v: 1, personal: ['/document/identities'] },
  { type: 'guard.reserved', v: 1, personal: [] },
  { type: 'guard.paused', v: 1, personal: PAUSE_PERSONAL },
  { type: 'guard.resume_proposed', v: 1, personal: PAUSE_PERSONAL },
  { type: 'guard.resumed', v: 1, personal: PAUSE_PERSONAL },
  { type: 'guard.glass_proposed', v: 1, personal: GLASS_PERSONAL },
  { type: 'guard.glass_declared', v: 1, personal: GLASS_PERSONAL },
  { type: 'guard.glass_revoked', v: 1, personal: [...GLASS_PERSONAL, '/reason'] },
  { type: 'guard.glass_used', v: 1, personal: GLASS_PERSONAL },
  // The entry that stays of a use, and who has looked at it since.
  { type: 'glass.used', v: 1, personal: ['/entry/reason'] },
  { type: 'glass.reviewed', v: 1, personal: ['/note'] },
  { type: 'change.proposed', v: 1, personal: ['/accounts', '/change/document/identities', '/change/weakens'] },
  { type: 'change.confirmed', v: 1, personal: ['/accounts'] },
  { type: 'change.rejected', v: 1, personal: ['/reason'] },
  {
    type: 'exemption.proposed',
    v: 1,
    personal: ['/accounts', '/exemption/appliesTo/condition', '/exemption/appliesTo/userIds', '/exemption/reason'],
  },
  { type: 'exemption.confirmed', v: 1, personal: ['/accounts'] },
  { type: 'exemption.revoked', v: 1, personal: ['/reason'] },
  {
    type: 'contact.saved',
    v: 1,
    personal: [
      '/certificate',
      '/document/certificate',
      '/document/email',
      '/document/name',
      '/document/phone',
      '/document/userId',
    ],
  },
  { type: 'contact.verified', v: 1, personal: ['/how'] },
  { type: 'contact.revoked', v: 1, personal: ['/reason'] },
  // People stand among the assets, and as owners of others.
  { type: 'inventory.part', v: 1, personal: ['/assets/*/id', '/assets/*/names', '/assets/*/owner'] },
  { type: 'inventory.saved', v: 1, personal: [] },
  // Reasons, and the names of who handed something in or agreed to it, are typed by people.
  { type: 'deadline.started', v: 1, personal: ['/event/evidence', '/event/reason'] },
  { type: 'deadline.recomputed', v: 1, personal: ['/event/evidence', '/event/reason'] },
  { type: 'deadline.extended', v: 1, personal: ['/approver', '/reason'] },
  { type: 'deadline.paused', v: 1, personal: ['/approver', '/reason'] },
  { type: 'deadline.resumed', v: 1, personal: ['/approver', '/reason'] },
  { type: 'deadline.met', v: 1, personal: ['/note', '/person'] },
  { type: 'deadline.not_applicable', v: 1, personal: ['/person', '/reason'] },
  { type: 'deadline.reminded', v: 1, personal: [] },
  { type: 'deadline.overrun', v: 1, personal: [] },
  { type: 'deadline.requested', v: 1, personal: [] },
  { type: 'deadline.answered', v: 1, personal: [] },
  { type: 'deadline.rule_confirmed', v: 1, personal: ['/reason'] },
  { type: 'deadline.settings_saved', v: 1, personal: [] },
  {
    type: 'breach.saved',
    v: 1,
    personal: ['/document/effects', '/document/facts', '/document/reason', '/document/remedialAction'],
  },
  { type: 'draft.made', v: 1, personal: ['/document'] },
  { type: 'draft.edited', v: 1, personal: ['/document'] },
  { type: 'draft.approved', v: 1, personal: [] },
  { type: 'draft.submitted', v: 1, personal: ['/note', '/person', '/reference'] },
  { type: 'draft.withdrawn', v: 1, personal: ['/reason'] },
  { type: 'draft.contacts_asked', v: 1, personal: ['/notice/facts', '/notice/lines', '/notice/title'] },
  { type: 'portal.opened', v: 1, personal: ['/message/lines', '/message/text', '/message/title'] },
  // The digest is keyed: the record tells nobody the code.
  { type: 'portal.code_issued', v: 1, personal: [] },
  { type: 'portal.refused', v: 1, personal: ['/ip', '/userAgent'] },
  { type: 'portal.read', v: 1, personal: ['/ip', '/userAgent'] },
  { type: 'portal.revoked', v: 1, personal: ['/reason'] },
  { type: 'vendor.saved', v: 1, personal: ['/document/contacts', '/document/supports'] },
  { type: 'escalation.started', v: 1, personal: ['/through'] },
  { type: 'escalation.raised', v: 1, personal: ['/through'] },
  { type: 'escalation.acknowledged', v: 1, personal: ['/note', '/through'] },
  { type: 'basis.saved', v: 1, personal: ['/document/entries/*/decidedBy', '/document/entries/*/note'] },
  // Drafts and titles name whom an incident is about; what people say of it may too.
  { type: 'task.opened', v: 1, personal: ['/about/title', '/draft', '/task/title'] },
  { type: 'task.claimed', v: 1, personal: ['/about/title'] },
  { type: 'task.released', v: 1, personal: [] },
  { type: 'task.draft_saved', v: 1, personal: ['/draft'] },
  { type: 'task.commented', v: 1, personal: ['/text'] },
  { type: 'task.due_set', v: 1, personal: [] },
  { type: 'task.reminded', v: 1, personal: ['/about/title'] },
  { type: 'task.done', v: 1, personal: ['/note'] },
  { type: 'task.dropped', v: 1, personal: ['/reason'] },
  { type: 'oncall.saved', v: 1, personal: ['/document/overrides/*/reason'] },
  {
    type: 'policy.saved',
    v: 1,
    personal: ['/document/exemptions/*/reason', '/document/policyGates/*/exemptions/*/reason'],
  },

  {
    type: 'execution.advanced',
    v: 1,
    personal: [
      '/facts/*/accounts',
      '/facts/*/approval/gates/*/exemptions/*/accounts',
      '/facts/*/approval/gates/*/exemptions/*/condition',
      '/facts/*/approval/gates/*/exemptions/*/userIds',
      '/facts/*/approval/subjectIds',
      '/facts/*/children/*/account',
      '/facts/*/parameters',
      '/facts/*/reason',
      '/facts/*/target',
      '/input/accounts',
      '/input/comment',
      '/input/incident',
      '/input/read',
      '/input/reason',
      '/input/result',
      '/input/snapshot',
      '/input/voter/issuerAccounts',
      '/input/voter/lentSeats/*/linkedAccounts',
      '/input/voter/linkedAccounts',
    ],
  },
  {
    type: 'notice.raised',
    v: 1,
    personal: ['/notice/facts', '/notice/lines', '/notice/title'],
  },
  { type: 'notice.tried', v: 1, personal: [] },
  { type: 'notice.resent', v: 1, personal: [] },
  { type: 'notice.read', v: 1, personal: [] },
  { type: 'preference.saved', v: 1, personal: [] },

  // Custody. Whom an artefact was taken from shows in its name and place; digests and sizes name nobody.
  {
    type: 'evidence.begun',
    v: 1,
    personal: ['/acquisition/method', '/exceptions', '/identity/name', '/source/host', '/source/location'],
  },
  { type: 'evidence.preserved', v: 1, personal: ['/exceptions'] },
  { type: 'evidence.failed', v: 1, personal: ['/why'] },
  { type: 'evidence.accessed', v: 1, personal: ['/reason'] },
  { type: 'evidence.exported', v: 1, personal: ['/reason'] },
  { type: 'evidence.transferred', v: 1, personal: ['/from', '/reason', '/to'] },
  { type: 'evidence.verified', v: 1, personal: [] },
  { type: 'evidence.alarm', v: 1, personal: ['/found', '/name'] },
  { type: 'evidence.held', v: 1, personal: ['/reason'] },
  { type: 'evidence.released', v: 1, personal: ['/reason'] },
  { type: 'evidence.disposed', v: 1, personal: ['/reason', '/witness'] },
  { type: 'evidence.gone', v: 1, personal: [] },
  { type: 'evidence.bundle_exported', v: 1, personal: ['/reason'] },

  { type: 'erasure.requested', v: 1, personal: ['/account', '/reason', '/reference'] },
  { type: 'erasure.confirmed', v: 1, personal: [] },
  { type: 'erasure.withdrawn', v: 1, personal: ['/reason'] },
  // Names whose key is destroyed by the pseudonym.
  { type: 'erasure.begun', v: 1, personal: [] },
  { type: 'erasure.done', v: 1, personal: [] },
  // What is held on somebody was handed out: to whom, and why.
  { type: 'person.exported', v: 1, personal: ['/account', '/reason'] },

  { type: 'execution.note', v: 1, personal: ['/text'] },
];

const BY_NAME: ReadonlyMap<string, RecordType> = new Map(
  CATALOGUE.map((entry) => [nameOf(entry.type, entry.v), entry]),
);

function nameOf(type: string, v: number): string {
  return `${type} v${v}`;
}

/** All record types, for documentation and tests. */
export function allRecordTypes(): readonly RecordType[] {
  return CATALOGUE;
}

/**
 * The catalogue's entry. To be asked before a record is sealed: what nobody classified is never written.
 *
 * @throws Error for a type or version that is not in the catalogue: a bug of whoever wrote the record.
 */
export function recordType(type: string, v: number): RecordType {
  const entry = BY_NAME.get(nameOf(type, v));
  invariant(
    entry !== undefined,
    `record type ${nameOf(type, v)} is in the catalogue (src/pipeline/audit/record-types.ts)`,
  );
  return entry;
}

/**
 * The personal values that some data really hold, as JSON pointers in the order of the data: the places that sealing
 * will replace. `data` is canonical-JSON safe. @throws Error for an unknown type or version.
 */
export function personalPointers(type: string, v: number, data: Json): readonly string[] {
  const found: string[] = [];
  const patterns = recordType(type, v).personal.map((pattern) => pattern.split('/').slice(1));
  collect(data, '', patterns, found);
  return found;
}

/** `patterns` are the rests of the patterns that matched so far. */
function collect(value: Json, pointer: string, patterns: readonly (readonly string[])[], found: string[]): void {
  if (patterns.some((rest) => rest.length === 0)) {
    found.push(pointer);
    return;
  }
  if (patterns.length === 0 || typeof value !== 'object' || value === null) return;
  // Arrays and objects alike: the entries of an array are named by their index.
  for (const [key, member] of Object.entries(value)) {
    const escaped = key.replaceAll('~', '~0').replaceAll('/', '~1');
    const rests = patterns.filter(([first]) => first === '*' || first === escaped).map((rest) => rest.slice(1));
    collect(member, `${pointer}/${escaped}`, rests, found);
  }
}
