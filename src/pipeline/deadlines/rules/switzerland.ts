import type { DeadlineRule } from '../rule.ts';
import { after, ROW } from './row.ts';

export const SWITZERLAND: readonly DeadlineRule[] = [
  {
    ...ROW,
    timeZone: 'Europe/Zurich',
    id: 'ch-isg',
    regime: 'CH-ISG',
    title: 'Cyber attack on critical infrastructure',
    reference: 'Information Security Act (ISG); from 2025-04-01',
    sureness: 'C',
    enabled: false,
    onTag: false,
    recipient: 'National Cyber Security Centre',
    appliesWhen: { organisation: { ch_critical: 'yes' }, incident: { significant: 'yes' } },
    stages: [{ id: 'report', title: 'Report', content: [], limits: [after('discovered', 'hours', 24)] }],
    note: 'Ranked between B and C: what starts it was not looked up.',
  },
];
