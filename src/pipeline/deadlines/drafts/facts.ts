import type { Incident } from '../../incidents/incident.ts';
import type { NamedContact } from '../contacts/contacts.service.ts';
import { refusalOf } from '../contacts/contact.ts';
import type { KnownFacts, LabelledFact } from './fill.ts';

/** Evidence of an incident, as far as a draft names it. */
export interface EvidenceOfIncident {
  readonly id: string;
  readonly name: string;
  readonly sha256: string | null;
}

/** One run of a playbook. */
export interface ExecutionOfIncident {
  readonly id: string;
  readonly playbookName: string;
  readonly status: string;
  readonly containedAt: number | null;
}

export interface FactSources {
  readonly incident: Incident;
  readonly executions: readonly ExecutionOfIncident[];
  readonly evidence: readonly EvidenceOfIncident[];
  readonly contacts: readonly NamedContact[];
  /** Business time, ms since 1970. */
  readonly now: number;
}

/** Things of one kind that a draft names; the rest is counted. */
const MAX_NAMED = 20;

/** What the records say of an incident, and nothing that follows from it: what is not there is absent. */
export function factsOf({ incident, executions, evidence, contacts, now }: FactSources): KnownFacts {
  return {
    ...fact('summary', text('As detected', incident.summary)),
    ...fact('kind', text('Kind', incident.type), text('Subject', `${incident.subject.type} ${incident.subject.id}`)),
    ...fact('severity', text('Severity', incident.severity), text('Impact', incident.impact)),
    ...fact(
      'techniques',
      list('ATT&CK techniques', [...new Set(incident.findings.flatMap((each) => each.techniques))]),
    ),
    ...fact('times', time('First evidence', incident.firstTime), time('Latest evidence', incident.lastTime)),
    ...fact('detectedAt', time('Detected', incident.openedAt)),
    ...fact('containedAt', time('Contained', incident.containedAt)),
    ...fact('accounts', accountsOf(incident.accounts)),
    ...fact('sources', list('Source addresses', incident.sourceIps)),
    ...fact('measures', ...executions.slice(0, MAX_NAMED).map(measureOf), more('Further runs', executions)),
    ...fact('evidence', ...evidence.slice(0, MAX_NAMED).map(evidenceLine), more('Further evidence', evidence)),
    ...fact('status', text('Status', incident.status), time('Resolved', incident.resolvedAt)),
    ...fact('dpo', ...officersOf(contacts, now)),
  };
}

type Maybe = LabelledFact | null;

/** A fact of its lines; absent where all of them are. */
function fact(name: keyof KnownFacts, ...lines: readonly Maybe[]): KnownFacts {
  const known = lines.filter((line) => line !== null);
  return known.length === 0 ? {} : { [name]: known };
}

function text(label: string, value: string): Maybe {
  return value.trim() === '' ? null : { label, value };
}

function time(label: string, at: number | null): Maybe {
  return at === null || at <= 0 ? null : { label, value: new Date(at).toISOString() };
}

function list(label: string, values: readonly string[]): Maybe {
  if (values.length === 0) return null;
  const rest = values.length > MAX_NAMED ? ` and ${values.length - MAX_NAMED} more` : '';
  return { label, value: `${values.slice(0, MAX_NAMED).join(', ')}${rest}` };
}

function more(label: string, all: readonly unknown[]): Maybe {
  return all.length > MAX_NAMED ? { label, value: String(all.length - MAX_NAMED) } : null;
}

/** Counted only: how many people stand behind accounts, and whose data, nobody here knows. */
function accountsOf(accounts: readonly string[]): Maybe {
  return accounts.length === 0
    ? null
    : { label: 'Accounts known to be touched (not a count of persons)', value: String(accounts.length) };
}

function measureOf({ id, playbookName, status, containedAt }: ExecutionOfIncident): LabelledFact {
  const contained = containedAt === null ? '' : `, contained at ${new Date(containedAt).toISOString()}`;
  return { label: `Response ${id}`, value: `${playbookName}: ${status}${contained}` };
}

function evidenceLine({ id, name, sha256 }: EvidenceOfIncident): LabelledFact {
  return { label: `Evidence ${id}`, value: sha256 === null ? name : `${name}, SHA-256 ${sha256}` };
}

/** Only those that another person has verified and that are in force. */
function officersOf(contacts: readonly NamedContact[], now: number): readonly LabelledFact[] {
  return contacts
    .filter(({ contact }) => contact.document.roles.includes('DPO') && refusalOf(contact, now) === null)
    .map(({ contact: { document } }) => {
      const phone = document.phone === undefined ? '' : `, ${document.phone}`;
      return { label: 'Data-protection officer', value: `${document.name}, ${document.email}${phone}` };
    });
}
