/**
 * What authorities ask to be told, by regime and stage, as data. Each item says what is asked; `fact` names what of an incident
 * answers it, and an item without one is always for people: nothing is guessed. Facts of the texts as of 2026-11-21, not legal
 * advice; see `docs/regulatory-notifications.md` for the references and what was not checked.
 */

/** What is known of an incident by itself. */
export type FactName =
  | 'summary'
  | 'kind'
  | 'severity'
  | 'techniques'
  | 'times'
  | 'detectedAt'
  | 'containedAt'
  | 'accounts'
  | 'sources'
  | 'measures'
  | 'evidence'
  | 'status'
  | 'dpo';

export interface Item {
  /** As it stands behind MISSING. */
  readonly asks: string;
  /** What Firebreak knows of it. */
  readonly facts: readonly FactName[];
  /** Facts are only a part of the answer: what is asked stays missing beside them. */
  readonly partly: boolean;
}

export interface TemplateSection {
  readonly id: string;
  readonly heading: string;
  readonly items: readonly Item[];
}

export interface Template {
  readonly id: string;
  readonly regimes: readonly string[];
  /** Stages of the rule that it is for; empty: all of them. */
  readonly stages: readonly string[];
  readonly title: string;
  /** Where it is asked. */
  readonly reference: string;
  readonly sections: readonly TemplateSection[];
}

const known = (asks: string, ...facts: readonly FactName[]): Item => ({ asks, facts, partly: false });
const partly = (asks: string, ...facts: readonly FactName[]): Item => ({ asks, facts, partly: true });
const asked = (asks: string): Item => ({ asks, facts: [], partly: true });
const section = (id: string, heading: string, ...items: readonly Item[]): TemplateSection => ({ id, heading, items });

const WHO = section(
  'organisation',
  'Who notifies',
  asked('name, address and registration of the organisation'),
  asked('who can be asked at the authority’s request, with telephone and email'),
);
const WHAT = section(
  'incident',
  'What happened',
  known('a description of the incident', 'summary'),
  known('the kind of incident and how grave it is', 'kind', 'severity', 'techniques'),
  known('when it began and when it was noticed', 'times', 'detectedAt'),
);
const MEASURES = section(
  'measures',
  'Measures',
  known('what was done to contain it', 'measures', 'containedAt'),
  asked('what will be done so that it does not happen again'),
);

const GDPR_33: Template = {
  id: 'gdpr-33',
  regimes: ['GDPR', 'UK-GDPR', 'UK_GDPR'],
  stages: [],
  title: 'Notification of a personal-data breach',
  reference: 'GDPR Art. 33(3)',
  sections: [
    WHO,
    section(
      'nature',
      'Nature of the breach',
      known('a description of the breach', 'summary', 'kind', 'severity'),
      known('when it began and when it was noticed', 'times', 'detectedAt'),
      asked('whether confidentiality, integrity or availability of personal data is affected'),
      partly('the categories and the approximate number of data subjects', 'accounts'),
      asked('the categories and the approximate number of personal-data records'),
    ),
    section('dpo', 'Data-protection officer or contact point', known('name and contact details', 'dpo')),
    section('consequences', 'Likely consequences', asked('the likely consequences for the data subjects')),
    MEASURES,
    section(
      'delay',
      'Reasons for a delay',
      asked('the reasons, if this is handed in later than 72 hours after awareness; otherwise strike this out'),
    ),
    section('evidence', 'What is kept as evidence', known('the evidence that was kept', 'evidence')),
  ],
};

const NIS2_WARNING: Template = {
  id: 'nis2-early-warning',
  regimes: ['NIS2'],
  stages: ['early-warning'],
  title: 'Early warning of a significant incident',
  reference: 'Directive (EU) 2022/2555 Art. 23(4)(a)',
  sections: [
    WHO,
    WHAT,
    section(
      'suspicion',
      'What is suspected',
      asked('whether it is suspected to be caused by unlawful or malicious acts'),
      asked('whether it could have a cross-border impact'),
    ),
  ],
};

const NIS2_NOTIFICATION: Template = {
  id: 'nis2-notification',
  regimes: ['NIS2'],
  stages: ['notification'],
  title: 'Notification of a significant incident',
  reference: 'Directive (EU) 2022/2555 Art. 23(4)(b)',
  sections: [
    WHO,
    WHAT,
    section(
      'assessment',
      'First assessment',
      partly('severity and impact', 'severity', 'accounts'),
      partly('indicators of compromise', 'sources', 'techniques'),
      asked('what has changed since the early warning'),
    ),
    MEASURES,
  ],
};

const NIS2_FINAL: Template = {
  id: 'nis2-final',
  regimes: ['NIS2'],
  stages: ['final', 'final-after-handling'],
  title: 'Final report on a significant incident',
  reference: 'Directive (EU) 2022/2555 Art. 23(4)(d)',
  sections: [
    WHO,
    section(
      'description',
      'Detailed description',
      known('a description of the incident', 'summary', 'times'),
      partly('severity and impact', 'severity', 'accounts'),
      asked('the threat or root cause that is likely to have triggered it'),
      asked('the cross-border impact, where there is one'),
    ),
    MEASURES,
    section('evidence', 'What is kept as evidence', known('the evidence that was kept', 'evidence')),
  ],
};

const DORA_INITIAL: Template = {
  id: 'dora-initial',
  regimes: ['DORA'],
  stages: ['initial'],
  title: 'Initial notification of a major ICT-related incident',
  reference: 'Regulation (EU) 2022/2554 Art. 19(4)(a); RTS (EU) 2025/301',
  sections: [
    WHO,
    WHAT,
    section(
      'classification',
      'Classification',
      asked('when it was classified as major, and by which criteria'),
      asked('the Member States and other financial entities that are affected'),
      asked('how it was discovered, and whether it came from a third-party provider'),
      asked('whether the business-continuity plan was activated'),
    ),
  ],
};

const DORA_INTERMEDIATE: Template = {
  id: 'dora-intermediate',
  regimes: ['DORA'],
  stages: ['intermediate'],
  title: 'Intermediate report on a major ICT-related incident',
  reference: 'Regulation (EU) 2022/2554 Art. 19(4)(b); RTS (EU) 2025/301',
  sections: [
    WHO,
    section('reference', 'Reference', asked('the reference that the authority gave the initial notification')),
    WHAT,
    section(
      'impact',
      'Impact',
      partly('the clients, counterparts and transactions that are affected', 'accounts'),
      asked('the services and infrastructure that are affected, and the loss of data'),
      asked('the duration of the service downtime'),
    ),
    MEASURES,
  ],
};

const DORA_FINAL: Template = {
  id: 'dora-final',
  regimes: ['DORA'],
  stages: ['final'],
  title: 'Final report on a major ICT-related incident',
  reference: 'Regulation (EU) 2022/2554 Art. 19(4)(c); RTS (EU) 2025/301',
  sections: [
    WHO,
    section('reference', 'Reference', asked('the reference that the authority gave the earlier reports')),
    section(
      'cause',
      'Root cause',
      asked('the root cause, by the categories of the authority'),
      known('when it was resolved', 'status', 'containedAt'),
      asked('the costs and losses, gross and net'),
    ),
    MEASURES,
    section('evidence', 'What is kept as evidence', known('the evidence that was kept', 'evidence')),
  ],
};

const SEC_8K: Template = {
  id: 'sec-8k-105',
  regimes: ['SEC', 'SEC-8K', 'SEC_8K'],
  stages: [],
  title: 'Material cybersecurity incident (Form 8-K, Item 1.05)',
  reference: 'Form 8-K Item 1.05; 17 CFR 229.106',
  sections: [
    section('registrant', 'Registrant', asked('exact name, file number and signature of the registrant')),
    section(
      'nature',
      'Nature, scope and timing',
      partly('the material aspects of the nature of the incident', 'kind', 'severity'),
      partly('its scope', 'accounts'),
      known('its timing', 'times', 'detectedAt'),
      asked('when it was determined to be material'),
    ),
    section(
      'impact',
      'Material impact',
      asked('the material impact, or the reasonably likely one, on financial condition and results of operations'),
      asked('what was not determined or not available at the time of the filing'),
    ),
  ],
};

const HIPAA: Template = {
  id: 'hipaa',
  regimes: ['HIPAA'],
  stages: [],
  title: 'Notice of a breach of unsecured protected health information',
  reference: '45 CFR 164.404(c), 164.408',
  sections: [
    WHO,
    section(
      'what',
      'What happened',
      known('a brief description, with the dates of the breach and of its discovery', 'summary', 'times', 'detectedAt'),
      partly('the number of individuals', 'accounts'),
    ),
    section(
      'information',
      'Information involved',
      asked('the types of unsecured protected health information that were involved'),
    ),
    section(
      'individuals',
      'What individuals should do',
      asked('the steps with which individuals should protect themselves'),
    ),
    MEASURES,
    section(
      'contact',
      'Contact procedures',
      asked('a toll-free number, an email address, a web site or a postal address'),
    ),
  ],
};

const NYDFS: Template = {
  id: 'nydfs',
  regimes: ['NYDFS'],
  stages: [],
  title: 'Notice of a cybersecurity event',
  reference: '23 NYCRR 500.17',
  sections: [
    WHO,
    WHAT,
    section(
      'event',
      'The event',
      asked('when it was determined that a cybersecurity event had occurred, and under which part of 500.17(a)'),
      partly('the consumers and systems that are affected', 'accounts'),
      asked('whether it happened at a third-party service provider'),
      asked('whether ransomware was deployed, and whether a payment was made'),
    ),
    MEASURES,
  ],
};

/** For every regime without one of its own, and for a limit that a runbook sets itself. */
const GENERIC: Template = {
  id: 'generic',
  regimes: [],
  stages: [],
  title: 'Notification of a security incident',
  reference: '',
  sections: [
    WHO,
    WHAT,
    section(
      'impact',
      'Impact',
      partly('who and what is affected', 'accounts'),
      asked('the consequences that have to be expected'),
    ),
    MEASURES,
    section('contact', 'Contact', known('name and contact details of the contact point', 'dpo')),
    section('evidence', 'What is kept as evidence', known('the evidence that was kept', 'evidence')),
  ],
};

export const TEMPLATES: readonly Template[] = [
  GDPR_33,
  NIS2_WARNING,
  NIS2_NOTIFICATION,
  NIS2_FINAL,
  DORA_INITIAL,
  DORA_INTERMEDIATE,
  DORA_FINAL,
  SEC_8K,
  HIPAA,
  NYDFS,
  GENERIC,
];

/** The template of a regime and stage; that of its first stage where none is named, and the generic one for all others. */
export function templateFor(regime: string, stage: string | null): Template {
  const own = TEMPLATES.filter(({ regimes }) => regimes.includes(regime.toUpperCase()));
  const exact = own.find(({ stages }) => stages.length === 0 || (stage !== null && stages.includes(stage)));
  return exact ?? own[0] ?? GENERIC;
}
