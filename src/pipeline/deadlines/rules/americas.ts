import type { DeadlineRule } from '../rule.ts';
import { after, ROW } from './row.ts';

const BRAZIL = {
  ...ROW,
  timeZone: 'America/Sao_Paulo',
  calendar: 'br-national',
  regime: 'BR-LGPD',
  reference: 'LGPD, Art. 48; Resolução CD/ANPD 15/2024',
  sureness: 'A',
  recipient: 'ANPD and holders',
} as const;

const BRAZIL_CONTENT = [
  'nature and categories of data',
  'number of holders',
  'security measures',
  'risks',
  'reasons of a delay',
];
const COMPLEMENT = { id: 'complement', title: 'Complement of the communication', content: ['what was not known yet'] };

export const AMERICAS: readonly DeadlineRule[] = [
  {
    ...BRAZIL,
    id: 'br-lgpd',
    title: 'Security incident with relevant risk or damage',
    appliesWhen: {
      organisation: { br_controller: 'yes', br_small: 'no' },
      incident: { personal_data: 'yes', risk_unlikely: 'no' },
    },
    stages: [
      {
        id: 'communication',
        title: 'Communication to the ANPD and to holders',
        content: BRAZIL_CONTENT,
        limits: [after('aware', 'business-days', 3)],
      },
      { ...COMPLEMENT, limits: [after('aware', 'business-days', 20)] },
    ],
    note: 'Counts from the knowledge that personal data are affected. The complement is counted from the same day, the earliest reading.',
  },
  {
    ...BRAZIL,
    id: 'br-lgpd-small',
    title: 'Security incident of a small processing agent',
    onTag: false,
    appliesWhen: {
      organisation: { br_controller: 'yes', br_small: 'yes' },
      incident: { personal_data: 'yes', risk_unlikely: 'no' },
    },
    stages: [
      {
        id: 'communication',
        title: 'Communication to the ANPD and to holders',
        content: BRAZIL_CONTENT,
        limits: [after('aware', 'business-days', 6)],
      },
      { ...COMPLEMENT, limits: [after('aware', 'business-days', 40)] },
    ],
  },
  {
    ...ROW,
    timeZone: 'America/Toronto',
    id: 'ca-pipeda',
    regime: 'CA-PIPEDA',
    title: 'Breach with a real risk of significant harm',
    reference: 'PIPEDA, s 10.1; SOR/2018-64',
    sureness: 'A',
    recipient: 'OPC and individuals',
    appliesWhen: { organisation: { ca_organisation: 'yes' }, incident: { personal_data: 'yes', serious_harm: 'yes' } },
    stages: [
      {
        id: 'report',
        title: 'Report to the OPC, and notification of individuals',
        content: ['circumstances and cause', 'day or period', 'information', 'number of individuals', 'steps taken'],
        limits: [],
        target: { after: { event: 'determined_notifiable' }, hours: 72, words: 'as soon as feasible' },
      },
    ],
    note: 'Records of every breach are kept for 24 months. Quebec (Law 25): with diligence.',
  },
  {
    ...ROW,
    timeZone: 'America/Toronto',
    id: 'ca-osfi',
    regime: 'CA-OSFI',
    title: 'Technology or cyber incident of a federally regulated financial institution',
    reference: 'OSFI, Technology and Cyber Security Incident Reporting',
    sureness: 'B',
    onTag: false,
    recipient: 'OSFI',
    appliesWhen: { organisation: { ca_bank: 'yes' }, incident: { significant: 'yes' } },
    stages: [
      {
        id: 'report',
        title: 'Initial report',
        content: ['what the form of OSFI asks for'],
        limits: [after('aware', 'hours', 24)],
      },
    ],
    note: 'What the source says of its start is not known here: it counts from awareness, the earliest reading.',
  },
];
