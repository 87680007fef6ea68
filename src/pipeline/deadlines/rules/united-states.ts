import type { DeadlineRule } from '../rule.ts';
import { after, ROW } from './row.ts';

const EASTERN = { timeZone: 'America/New_York' } as const;

/** 17:30 in New York: what comes later counts as filed on the next business day (Regulation S-T, Rule 13). */
const EDGAR_CLOSES = 17 * 60 + 30;

const HIPAA_CONTENT = [
  'what happened, with the dates of breach and discovery',
  'types of information',
  'what individuals should do',
  'what is done about it',
  'whom to ask',
];

const HIPAA = { ...ROW, ...EASTERN, regime: 'HIPAA', sureness: 'A' } as const;

export const US_FEDERAL: readonly DeadlineRule[] = [
  {
    ...ROW,
    ...EASTERN,
    id: 'sec-8k-105',
    regime: 'SEC',
    title: 'Material cybersecurity incident of a registrant',
    reference: 'Form 8-K, item 1.05; 17 CFR 229.106',
    sureness: 'A',
    recipient: 'SEC, by EDGAR; public',
    calendar: 'us-federal',
    dayEndsAt: EDGAR_CLOSES,
    appliesWhen: { organisation: { sec_registrant: 'yes' }, incident: { material: 'yes' } },
    stages: [
      {
        id: 'form-8-k',
        title: 'Form 8-K, item 1.05',
        content: ['nature, scope and timing', 'material impact, or what is reasonably likely'],
        limits: [after('determined_material', 'business-days', 4)],
      },
      {
        id: 'amendment',
        title: 'Amendment with what was not known',
        content: ['what item 1.05 asks for and was not available'],
        limits: [after('information_available', 'business-days', 4)],
        onlyIfStarted: true,
      },
    ],
    note: 'Materiality is determined without unreasonable delay after discovery. A delay that the Attorney General grants (30, 30 and at most 60 days) is recorded as an extension.',
  },
  {
    ...HIPAA,
    id: 'hipaa-individuals',
    title: 'Breach of unsecured protected health information: individuals',
    reference: '45 CFR 164.404',
    recipient: 'individuals concerned',
    appliesWhen: { organisation: { hipaa_entity: 'yes' }, incident: { unsecured_phi: 'yes' } },
    stages: [
      {
        id: 'notice',
        title: 'Notice to individuals',
        content: HIPAA_CONTENT,
        limits: [after('discovered', 'days', 60)],
      },
    ],
    note: 'Without unreasonable delay: 60 days are the outer limit. Discovered is when it would have been known by reasonable diligence.',
  },
  {
    ...HIPAA,
    id: 'hipaa-media',
    title: 'Breach of more than 500 residents of a state: media',
    reference: '45 CFR 164.406',
    onTag: false,
    recipient: 'prominent media of the state',
    appliesWhen: {
      organisation: { hipaa_entity: 'yes' },
      incident: { unsecured_phi: 'yes', over_500_in_state: 'yes' },
    },
    stages: [
      { id: 'notice', title: 'Notice to the media', content: HIPAA_CONTENT, limits: [after('discovered', 'days', 60)] },
    ],
  },
  {
    ...HIPAA,
    id: 'hipaa-hhs-large',
    title: 'Breach of 500 or more individuals: HHS',
    reference: '45 CFR 164.408(b)',
    onTag: false,
    recipient: 'Secretary of HHS',
    appliesWhen: { organisation: { hipaa_entity: 'yes' }, incident: { unsecured_phi: 'yes', persons_500: 'yes' } },
    stages: [
      {
        id: 'notice',
        title: 'Notice to HHS, at the same time as to individuals',
        content: HIPAA_CONTENT,
        limits: [after('discovered', 'days', 60)],
      },
    ],
  },
  {
    ...HIPAA,
    id: 'hipaa-hhs-small',
    title: 'Breach of fewer than 500 individuals: HHS',
    reference: '45 CFR 164.408(c)',
    onTag: false,
    recipient: 'Secretary of HHS',
    appliesWhen: { organisation: { hipaa_entity: 'yes' }, incident: { unsecured_phi: 'yes', persons_500: 'no' } },
    stages: [
      {
        id: 'notice',
        title: 'Entry in the yearly log of HHS',
        content: HIPAA_CONTENT,
        limits: [after('discovered', 'days-after-year-end', 60)],
      },
    ],
  },
  {
    ...HIPAA,
    id: 'hipaa-business-associate',
    title: "A business associate's notice to the covered entity",
    reference: '45 CFR 164.410',
    onTag: false,
    recipient: 'covered entity',
    appliesWhen: { organisation: { hipaa_business_associate: 'yes' }, incident: { unsecured_phi: 'yes' } },
    stages: [
      {
        id: 'notice',
        title: 'Notice to the covered entity',
        content: ['whom it concerns', 'what the covered entity has to say'],
        limits: [after('discovered', 'days', 60)],
      },
    ],
  },
  {
    ...ROW,
    ...EASTERN,
    id: 'circia-incident',
    regime: 'CIRCIA',
    title: 'Covered cyber incident of critical infrastructure',
    reference: '6 U.S.C. 681b; proposed rule 89 FR 23644',
    sureness: 'C',
    enabled: false,
    onTag: false,
    recipient: 'CISA',
    appliesWhen: { organisation: { circia_entity: 'yes' }, incident: { significant: 'yes' } },
    stages: [
      {
        id: 'report',
        title: 'Incident report',
        content: ['as the final rule will say'],
        limits: [after('suspicion', 'hours', 72)],
      },
    ],
    note: 'Counts from reasonable belief. No final rule was seen.',
  },
  {
    ...ROW,
    ...EASTERN,
    id: 'circia-ransom',
    regime: 'CIRCIA',
    title: 'Ransom payment of critical infrastructure',
    reference: '6 U.S.C. 681b; proposed rule 89 FR 23644',
    sureness: 'C',
    enabled: false,
    onTag: false,
    recipient: 'CISA',
    appliesWhen: { organisation: { circia_entity: 'yes' }, incident: { ransom_paid: 'yes' } },
    stages: [
      {
        id: 'report',
        title: 'Ransom payment report',
        content: ['as the final rule will say'],
        limits: [after('payment_made', 'hours', 24)],
      },
    ],
    note: 'No final rule was seen.',
  },
];

const NYDFS = {
  ...ROW,
  ...EASTERN,
  regime: 'NYDFS',
  sureness: 'A',
  recipient: 'Superintendent, by the portal of DFS',
} as const;

export const US_STATES: readonly DeadlineRule[] = [
  {
    ...NYDFS,
    id: 'nydfs-event',
    title: 'Cybersecurity event of a covered entity',
    reference: '23 NYCRR 500.17(a)',
    appliesWhen: { organisation: { nydfs_entity: 'yes' }, incident: { nydfs_event: 'yes' } },
    stages: [
      {
        id: 'notice',
        title: 'Notice of the event; updates are a continuing duty',
        content: ['what the portal asks for'],
        limits: [after('determined_notifiable', 'hours', 72)],
      },
    ],
  },
  {
    ...NYDFS,
    id: 'nydfs-ransom',
    title: 'Extortion payment of a covered entity',
    reference: '23 NYCRR 500.17(c)',
    onTag: false,
    appliesWhen: { organisation: { nydfs_entity: 'yes' }, incident: { ransom_paid: 'yes' } },
    stages: [
      {
        id: 'notice',
        title: 'Notice of the payment',
        content: ['that a payment was made'],
        limits: [after('payment_made', 'hours', 24)],
      },
      {
        id: 'explanation',
        title: 'Explanation of the payment',
        content: ['why it was necessary', 'alternatives considered', 'diligence on sanctions'],
        limits: [after('payment_made', 'days', 30)],
      },
    ],
  },
];
