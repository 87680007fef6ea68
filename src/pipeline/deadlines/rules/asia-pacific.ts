import type { DeadlineRule } from '../rule.ts';
import { after, afterSubmission, ROW } from './row.ts';

const SYDNEY = { timeZone: 'Australia/Sydney' } as const;
const SOCI = { ...ROW, ...SYDNEY, regime: 'AU-SOCI', sureness: 'A', recipient: 'ASD (ACSC)' } as const;
const INDIA = { ...ROW, timeZone: 'Asia/Kolkata' } as const;

export const AUSTRALIA: readonly DeadlineRule[] = [
  {
    ...ROW,
    ...SYDNEY,
    id: 'au-ndb',
    regime: 'AU-NDB',
    title: 'Eligible data breach',
    reference: 'Privacy Act 1988, s 26WH, 26WK, 26WL',
    sureness: 'A',
    recipient: 'OAIC and individuals at risk',
    appliesWhen: { organisation: { au_privacy_act: 'yes' }, incident: { personal_data: 'yes', serious_harm: 'yes' } },
    stages: [
      {
        id: 'assessment',
        title: 'Assessment whether it is an eligible data breach',
        content: ['what was found, and what follows from it'],
        limits: [after('suspicion', 'days', 30)],
      },
      {
        id: 'statement',
        title: 'Statement to the OAIC, and notification of individuals',
        content: ['who you are', 'what happened', 'kinds of information', 'what individuals should do'],
        limits: [],
        target: { after: { event: 'determined_notifiable' }, hours: 72, words: 'as soon as practicable' },
      },
    ],
  },
  {
    ...SOCI,
    id: 'au-soci-critical',
    title: 'Cyber incident with a significant impact on a critical asset',
    reference: 'Security of Critical Infrastructure Act 2018, s 30BC',
    onTag: false,
    appliesWhen: { organisation: { au_critical_infrastructure: 'yes' }, incident: { critical_impact: 'yes' } },
    stages: [
      {
        id: 'report',
        title: 'Report, oral or written',
        content: ['what the form of the ACSC asks for'],
        limits: [after('aware', 'hours', 12)],
      },
      {
        id: 'written',
        title: 'Written record of an oral report',
        content: ['what was reported'],
        limits: [afterSubmission('report', 'hours', 84)],
      },
    ],
    note: 'The written follow-up (84 hours) is owed only after an oral report, and less sure than the rest (B): say not applicable after a written one.',
  },
  {
    ...SOCI,
    id: 'au-soci-other',
    title: 'Other cyber incident with a relevant impact on a critical asset',
    reference: 'Security of Critical Infrastructure Act 2018, s 30BD',
    appliesWhen: { organisation: { au_critical_infrastructure: 'yes' }, incident: { critical_impact: 'no' } },
    stages: [
      {
        id: 'report',
        title: 'Report, oral or written',
        content: ['what the form of the ACSC asks for'],
        limits: [after('aware', 'hours', 72)],
      },
      {
        id: 'written',
        title: 'Written record of an oral report',
        content: ['what was reported'],
        limits: [afterSubmission('report', 'hours', 48)],
      },
    ],
    note: 'The written follow-up (48 hours) is owed only after an oral report, and less sure than the rest (B): say not applicable after a written one.',
  },
  {
    ...ROW,
    ...SYDNEY,
    id: 'au-ransom',
    regime: 'AU-RANSOM',
    title: 'Ransomware or extortion payment',
    reference: 'Cyber Security Act 2024, s 27; from 2025-05-30, turnover of A$ 3 million and more',
    sureness: 'B',
    onTag: false,
    recipient: 'ASD',
    appliesWhen: { organisation: { au_ransom_turnover: 'yes' }, incident: { ransom_paid: 'yes' } },
    stages: [
      {
        id: 'report',
        title: 'Ransomware payment report',
        content: ['the incident', 'the demand', 'the payment', 'communications with the extorter'],
        limits: [after('payment_made', 'hours', 72)],
      },
    ],
  },
];

/** Day 1 is the day on which it was known: of the readings of the period the one that gives the least time. */
const FROM_FIRST_DAY = { unit: 'days', firstDayCounts: true } as const;

const JAPAN_COMMON = {
  ...ROW,
  timeZone: 'Asia/Tokyo',
  regime: 'JP-APPI',
  reference: 'Act on the Protection of Personal Information, Art. 26; Enforcement Rules 7 and 8',
  sureness: 'A',
  recipient: 'Personal Information Protection Commission',
} as const;

const JAPAN_PRELIMINARY = {
  id: 'preliminary',
  title: 'Preliminary report',
  content: ['what is known so far'],
  limits: [],
  target: { after: { event: 'aware' as const }, hours: 72, words: 'promptly (3 to 5 days)' },
};

const JAPAN_FINAL = { id: 'final', title: 'Final report', content: ['all items of Rule 8', 'cause', 'prevention'] };

export const ASIA: readonly DeadlineRule[] = [
  {
    ...ROW,
    timeZone: 'Asia/Singapore',
    id: 'sg-pdpa',
    regime: 'SG-PDPA',
    title: 'Notifiable data breach',
    reference: 'Personal Data Protection Act 2012, s 26D',
    sureness: 'A',
    recipient: 'PDPC; individuals where significant harm is likely',
    appliesWhen: {
      organisation: { sg_organisation: 'yes' },
      incident: { personal_data: 'yes', sg_scale_or_harm: 'yes' },
    },
    stages: [
      {
        id: 'notification',
        title: 'Notification of the PDPC',
        content: ['facts of the breach', 'how it was handled', 'contact'],
        limits: [after('determined_notifiable', 'days', 3)],
      },
      {
        id: 'individuals',
        title: 'Notification of individuals',
        content: ['what happened', 'what they can do'],
        limits: [],
        target: { after: { event: 'determined_notifiable' }, hours: 72, words: 'as soon as practicable' },
      },
    ],
    note: 'The assessment itself should take about 30 days at most.',
  },
  {
    ...INDIA,
    id: 'in-cert-in',
    regime: 'IN-CERT-IN',
    title: 'Cyber incident of a listed kind',
    reference: 'CERT-In Direction 20(3)/2022 of 2022-04-28',
    sureness: 'A',
    recipient: 'CERT-In',
    appliesWhen: { organisation: { in_organisation: 'yes' }, incident: { in_listed: 'yes' } },
    stages: [
      {
        id: 'report',
        title: 'Incident report',
        content: ['what the form of CERT-In asks for'],
        limits: [after('noticed', 'hours', 6)],
      },
    ],
    note: 'Logs are kept for 180 days.',
  },
  {
    ...INDIA,
    id: 'in-dpdp',
    regime: 'IN-DPDP',
    title: 'Personal-data breach',
    reference: 'Digital Personal Data Protection Rules 2025, rule 7; phased to 2027',
    sureness: 'C',
    enabled: false,
    onTag: false,
    recipient: 'Data Protection Board, and people concerned',
    appliesWhen: { organisation: { in_organisation: 'yes' }, incident: { personal_data: 'yes' } },
    stages: [
      {
        id: 'intimation',
        title: 'Intimation of the Board and of people',
        content: [],
        limits: [],
        target: { after: { event: 'aware' }, hours: 24, words: 'without delay' },
      },
      { id: 'details', title: 'Details for the Board', content: [], limits: [after('aware', 'hours', 72)] },
    ],
  },
  {
    ...JAPAN_COMMON,
    id: 'jp-appi',
    title: 'Leak of personal data of a listed category',
    appliesWhen: { organisation: { jp_business: 'yes' }, incident: { jp_listed: 'yes', malicious: 'no' } },
    stages: [
      JAPAN_PRELIMINARY,
      { ...JAPAN_FINAL, limits: [{ after: { event: 'aware' }, count: { ...FROM_FIRST_DAY, amount: 30 } }] },
    ],
  },
  {
    ...JAPAN_COMMON,
    id: 'jp-appi-malicious',
    title: 'Leak of personal data by somebody with an improper purpose',
    onTag: false,
    appliesWhen: { organisation: { jp_business: 'yes' }, incident: { jp_listed: 'yes', malicious: 'yes' } },
    stages: [
      JAPAN_PRELIMINARY,
      { ...JAPAN_FINAL, limits: [{ after: { event: 'aware' }, count: { ...FROM_FIRST_DAY, amount: 60 } }] },
    ],
  },
];
