import type { DeadlineRule } from '../rule.ts';
import { AMERICAS } from './americas.ts';
import { ASIA, AUSTRALIA } from './asia-pacific.ts';
import { EU_DATA_PROTECTION, EU_SECURITY } from './european-union.ts';
import { PAYMENT_CARDS } from './payment-cards.ts';
import { SWITZERLAND } from './switzerland.ts';
import { UNITED_KINGDOM_RULES } from './united-kingdom.ts';
import { US_FEDERAL, US_STATES } from './united-states.ts';

/** Every row, in the order in which they are shown. Ids are unique; a test looks. */
export const BUILTIN_RULES: readonly DeadlineRule[] = [
  ...EU_DATA_PROTECTION,
  ...EU_SECURITY,
  ...US_FEDERAL,
  ...US_STATES,
  ...UNITED_KINGDOM_RULES,
  ...AUSTRALIA,
  ...ASIA,
  ...AMERICAS,
  ...PAYMENT_CARDS,
  ...SWITZERLAND,
];
