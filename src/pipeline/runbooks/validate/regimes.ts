import { regimeNamed } from '../regime-names.ts';

/** Regimes that runbooks carry as tags, and what `validate` knows of their duties. A test compares them with the rules of clocks. */
export interface RegimeTag {
  /** Whether somebody outside has to be told of a serious incident. */
  readonly notifies: boolean;
  /**
   * The largest limit of its rules in hours that counts from when somebody came to know of it; null: none does, it counts in days, or from
   * what people determine.
   */
  readonly latestHours: number | null;
}

export const REGIME_TAGS: Readonly<Record<string, RegimeTag>> = {
  /** Art. 33(1). */
  GDPR: { notifies: true, latestHours: 72 },
  'UK-GDPR': { notifies: true, latestHours: 72 },
  /** Art. 23(4): early warning in 24 hours, notification in 72. */
  NIS2: { notifies: true, latestHours: 72 },
  /** Art. 19 with Delegated Regulation (EU) 2025/301: the initial notification, 24 hours after awareness at the latest. */
  DORA: { notifies: true, latestHours: 24 },
  /** Art. 14(2). */
  CRA: { notifies: true, latestHours: 72 },
  SEC: { notifies: true, latestHours: null },
  HIPAA: { notifies: true, latestHours: null },
  /** 72 hours, but from a determination: 23 NYCRR 500.17(a). */
  NYDFS: { notifies: true, latestHours: null },
  CIRCIA: { notifies: true, latestHours: null },
  'UK-CSR': { notifies: true, latestHours: null },
  'AU-NDB': { notifies: true, latestHours: null },
  'AU-SOCI': { notifies: true, latestHours: 72 },
  'AU-RANSOM': { notifies: true, latestHours: null },
  'SG-PDPA': { notifies: true, latestHours: null },
  'IN-CERT-IN': { notifies: true, latestHours: 6 },
  'IN-DPDP': { notifies: true, latestHours: null },
  'JP-APPI': { notifies: true, latestHours: null },
  'BR-LGPD': { notifies: true, latestHours: null },
  'CA-PIPEDA': { notifies: true, latestHours: null },
  'CA-OSFI': { notifies: true, latestHours: null },
  'PCI-DSS': { notifies: true, latestHours: null },
  'CH-ISG': { notifies: true, latestHours: null },
  ISO27001: { notifies: false, latestHours: null },
  SOC2: { notifies: false, latestHours: null },
  INTERNAL: { notifies: false, latestHours: null },
};

/** The regime that a tag names, as the table has it; null: none that is known. */
export function regimeName(tag: string): string | null {
  return regimeNamed(tag, NAMES);
}
const NAMES = Object.keys(REGIME_TAGS);

/** What is known of the regime that a tag names; null: nothing. */
export function regimeOf(tag: string): RegimeTag | null {
  const name = regimeName(tag);
  return name === null ? null : (REGIME_TAGS[name] ?? null);
}
