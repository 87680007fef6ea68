import type { DeadlineRule } from '../rule.ts';
import { after, afterSubmission, ROW, submission } from './row.ts';

const BRUSSELS = { timeZone: 'Europe/Brussels', calendar: 'eu-common' } as const;

const TWO_WORKING_DAYS = {
  kind: 'two-working-days',
  sureness: 'A',
  enabled: true,
  reference: 'Reg. (EEC, Euratom) 1182/71, Art. 3(5)',
} as const;

const NEXT_WORKING_DAY = {
  kind: 'next-working-day',
  sureness: 'B',
  enabled: false,
  reference: 'Reg. (EEC, Euratom) 1182/71, Art. 3(4)',
} as const;

const BREACH_CONTENT = [
  'nature of the breach',
  'categories and approximate number of data subjects and of records',
  'name and contact of the data protection officer',
  'likely consequences',
  'measures taken or proposed',
];

export const EU_DATA_PROTECTION: readonly DeadlineRule[] = [
  {
    ...ROW,
    ...BRUSSELS,
    id: 'gdpr-33',
    regime: 'GDPR',
    title: 'Notification of a personal-data breach to the supervisory authority',
    reference: 'Regulation (EU) 2016/679, Art. 33(1); aware: EDPB Guidelines 9/2022',
    sureness: 'A',
    recipient: 'lead supervisory authority',
    appliesWhen: {
      organisation: { eu_personal_data: 'yes' },
      incident: { personal_data: 'yes', risk_unlikely: 'no' },
    },
    stages: [
      {
        id: 'notification',
        title: 'Notification, in phases if need be',
        content: [...BREACH_CONTENT, 'reasons, where it is later than 72 hours'],
        limits: [after('aware', 'hours', 72)],
      },
    ],
    reliefs: [TWO_WORKING_DAYS],
    note: 'Not owed where a risk to the rights of people is unlikely; the register of Art. 33(5) is kept in any case.',
  },
  {
    ...ROW,
    ...BRUSSELS,
    id: 'gdpr-33-2',
    regime: 'GDPR',
    title: "A processor's notification to its controller",
    reference: 'Regulation (EU) 2016/679, Art. 33(2)',
    sureness: 'A',
    onTag: false,
    recipient: 'controller',
    appliesWhen: { organisation: { eu_processor: 'yes' }, incident: { personal_data: 'yes' } },
    stages: [
      {
        id: 'notification',
        title: 'Notification of the controller',
        content: ['what happened', 'which data of the controller'],
        limits: [],
        target: { after: { event: 'aware' }, hours: 24, words: 'without undue delay' },
      },
    ],
  },
  {
    ...ROW,
    ...BRUSSELS,
    id: 'gdpr-34',
    regime: 'GDPR',
    title: 'Communication of a personal-data breach to the data subjects',
    reference: 'Regulation (EU) 2016/679, Art. 34',
    sureness: 'A',
    onTag: false,
    recipient: 'data subjects',
    appliesWhen: { organisation: { eu_personal_data: 'yes' }, incident: { personal_data: 'yes', high_risk: 'yes' } },
    stages: [
      {
        id: 'communication',
        title: 'Communication in plain language',
        content: BREACH_CONTENT.filter((_, index) => index !== 1),
        limits: [],
        target: { after: { event: 'aware' }, hours: 72, words: 'without undue delay' },
      },
    ],
    note: 'Not owed where data were unintelligible (encrypted), the high risk is gone, or the effort is out of proportion.',
  },
  {
    ...ROW,
    ...BRUSSELS,
    id: 'eu-digital-omnibus',
    regime: 'GDPR',
    title: 'Notification by the single entry point, as proposed',
    reference: 'Proposal of the Commission of November 2025 (Digital Omnibus)',
    sureness: 'C',
    enabled: false,
    onTag: false,
    recipient: 'single entry point at ENISA',
    appliesWhen: { organisation: { eu_personal_data: 'yes' }, incident: { personal_data: 'yes', high_risk: 'yes' } },
    stages: [
      {
        id: 'notification',
        title: 'Notification',
        content: BREACH_CONTENT,
        limits: [after('aware', 'hours', 96)],
      },
    ],
    note: 'A proposal that was not in force in the sources seen.',
  },
];

const NIS2_COMMON = {
  ...ROW,
  ...BRUSSELS,
  regime: 'NIS2',
  sureness: 'A',
  recipient: 'CSIRT or competent authority',
  reference: 'Directive (EU) 2022/2555, Art. 23(4), and the national law',
} as const;

const EARLY_WARNING = {
  id: 'early-warning',
  title: 'Early warning',
  content: ['whether it is suspected to be malicious', 'whether it may have an effect across borders'],
  limits: [after('aware', 'hours', 24)],
};

const NIS2_NOTIFICATION = ['severity', 'impact', 'indicators of compromise'];

const NIS2_FINAL = [
  {
    id: 'final',
    title: 'Final report, or a progress report while the incident goes on',
    content: ['detailed description', 'root cause', 'mitigations', 'effect across borders'],
    limits: [afterSubmission('notification', 'months', 1)],
  },
  {
    id: 'final-after-handling',
    title: 'Final report of an incident that went on',
    content: ['detailed description', 'root cause', 'mitigations', 'effect across borders'],
    limits: [after('handled', 'months', 1)],
    onlyIfStarted: true as const,
  },
];

export const EU_SECURITY: readonly DeadlineRule[] = [
  {
    ...NIS2_COMMON,
    id: 'nis2',
    title: 'Significant incident of an essential or important entity',
    appliesWhen: { organisation: { nis2_entity: 'yes', nis2_trust_service: 'no' }, incident: { significant: 'yes' } },
    stages: [
      EARLY_WARNING,
      {
        id: 'notification',
        title: 'Incident notification',
        content: NIS2_NOTIFICATION,
        limits: [after('aware', 'hours', 72)],
      },
      ...NIS2_FINAL,
    ],
    reliefs: [NEXT_WORKING_DAY],
  },
  {
    ...NIS2_COMMON,
    id: 'nis2-trust-service',
    title: 'Significant incident of a trust service provider',
    onTag: false,
    appliesWhen: { organisation: { nis2_trust_service: 'yes' }, incident: { significant: 'yes' } },
    stages: [
      EARLY_WARNING,
      {
        id: 'notification',
        title: 'Incident notification',
        content: NIS2_NOTIFICATION,
        limits: [after('aware', 'hours', 24)],
      },
      ...NIS2_FINAL,
    ],
    reliefs: [NEXT_WORKING_DAY],
  },
  {
    ...ROW,
    ...BRUSSELS,
    id: 'dora',
    regime: 'DORA',
    title: 'Major ICT-related incident of a financial entity',
    reference: 'Regulation (EU) 2022/2554, Art. 19; RTS 2025/301, ITS 2025/302',
    sureness: 'A',
    recipient: 'competent authority',
    appliesWhen: { organisation: { dora_entity: 'yes' }, incident: { major_ict: 'yes' } },
    stages: [
      {
        id: 'initial',
        title: 'Initial notification',
        content: ['template of ITS 2025/302, initial'],
        limits: [after('classified', 'hours', 4), after('aware', 'hours', 24)],
      },
      {
        id: 'intermediate',
        title: 'Intermediate report; a new one at each change of the state',
        content: ['template of ITS 2025/302, intermediate'],
        limits: [afterSubmission('initial', 'hours', 72)],
      },
      {
        id: 'final',
        title: 'Final report',
        content: ['template of ITS 2025/302, final', 'root cause', 'costs and losses'],
        limits: [{ after: submission('intermediate', 'latest'), count: { unit: 'months', amount: 1 } }],
      },
    ],
    reliefs: [
      {
        kind: 'noon-next-working-day',
        sureness: 'B',
        enabled: false,
        reference: 'RTS 2025/301: weekends and bank holidays; not for some entities',
      },
    ],
  },
  {
    ...ROW,
    ...BRUSSELS,
    id: 'cra-vulnerability',
    regime: 'CRA',
    title: 'Actively exploited vulnerability in a product with digital elements',
    reference: 'Regulation (EU) 2024/2847, Art. 14(1) and (2); applies from 2026-09-11',
    sureness: 'B',
    onTag: false,
    recipient: 'CSIRT and ENISA, by the single reporting platform',
    appliesWhen: { organisation: { cra_manufacturer: 'yes' }, incident: { exploited_vulnerability: 'yes' } },
    stages: [
      EARLY_WARNING,
      {
        id: 'notification',
        title: 'Vulnerability notification',
        content: ['product', 'nature of the exploit and of the vulnerability', 'measures'],
        limits: [after('aware', 'hours', 72)],
      },
      {
        id: 'final',
        title: 'Final report, 14 days after a corrective measure is available',
        content: ['description, severity and impact', 'who exploited it, if known', 'security update'],
        limits: [after('information_available', 'days', 14)],
      },
    ],
  },
  {
    ...ROW,
    ...BRUSSELS,
    id: 'cra-incident',
    regime: 'CRA',
    title: 'Severe incident that affects the security of a product with digital elements',
    reference: 'Regulation (EU) 2024/2847, Art. 14(3) and (4); applies from 2026-09-11',
    sureness: 'B',
    recipient: 'CSIRT and ENISA, by the single reporting platform',
    appliesWhen: { organisation: { cra_manufacturer: 'yes' }, incident: { product_incident: 'yes' } },
    stages: [
      EARLY_WARNING,
      {
        id: 'notification',
        title: 'Incident notification',
        content: ['nature of the incident', 'first assessment', 'measures'],
        limits: [after('aware', 'hours', 72)],
      },
      {
        id: 'final',
        title: 'Final report',
        content: ['description, severity and impact', 'root cause', 'mitigations'],
        limits: [afterSubmission('notification', 'months', 1)],
      },
    ],
  },
];
