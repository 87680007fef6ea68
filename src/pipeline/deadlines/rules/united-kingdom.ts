import type { DeadlineRule } from '../rule.ts';
import { after, ROW } from './row.ts';

const LONDON = { timeZone: 'Europe/London' } as const;

const CONTENT = [
  'nature of the breach',
  'categories and approximate number of data subjects and of records',
  'name and contact of the data protection officer',
  'likely consequences',
  'measures taken or proposed',
];

export const UNITED_KINGDOM_RULES: readonly DeadlineRule[] = [
  {
    ...ROW,
    ...LONDON,
    id: 'uk-gdpr-33',
    regime: 'UK-GDPR',
    title: 'Notification of a personal-data breach to the ICO',
    reference: 'UK GDPR, Art. 33; Data Protection Act 2018',
    sureness: 'A',
    recipient: "Information Commissioner's Office",
    appliesWhen: {
      organisation: { uk_personal_data: 'yes' },
      incident: { personal_data: 'yes', risk_unlikely: 'no' },
    },
    stages: [
      {
        id: 'notification',
        title: 'Notification, in phases if need be',
        content: [...CONTENT, 'reasons, where it is later than 72 hours'],
        limits: [after('aware', 'hours', 72)],
      },
    ],
  },
  {
    ...ROW,
    ...LONDON,
    id: 'uk-gdpr-34',
    regime: 'UK-GDPR',
    title: 'Communication of a personal-data breach to the data subjects',
    reference: 'UK GDPR, Art. 34',
    sureness: 'A',
    onTag: false,
    recipient: 'data subjects',
    appliesWhen: { organisation: { uk_personal_data: 'yes' }, incident: { personal_data: 'yes', high_risk: 'yes' } },
    stages: [
      {
        id: 'communication',
        title: 'Communication in plain language',
        content: CONTENT.filter((_, index) => index !== 1),
        limits: [],
        target: { after: { event: 'aware' }, hours: 72, words: 'without undue delay' },
      },
    ],
  },
  {
    ...ROW,
    ...LONDON,
    id: 'uk-csr-bill',
    regime: 'UK-CSR',
    title: 'Incident under the Cyber Security and Resilience Bill',
    reference: 'Cyber Security and Resilience Bill; its state is not known here',
    sureness: 'C',
    enabled: false,
    onTag: false,
    recipient: 'regulator and NCSC',
    appliesWhen: { organisation: { uk_critical: 'yes' }, incident: { significant: 'yes' } },
    stages: [
      { id: 'initial', title: 'Initial notification', content: [], limits: [after('aware', 'hours', 24)] },
      { id: 'full', title: 'Full notification', content: [], limits: [after('aware', 'hours', 72)] },
    ],
  },
];
