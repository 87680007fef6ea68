/** Tags that runbooks carry, and what `validate` knows of their duties. The rules of deadlines say the rest. */
export interface RegimeTag {
  /** Whether somebody outside has to be told of a serious incident. */
  readonly notifies: boolean;
  /** Latest first notification, in hours from awareness, where the law gives hours; null: it is not that simple. */
  readonly latestHours: number | null;
}

export const REGIME_TAGS: Readonly<Record<string, RegimeTag>> = {
  /** Art. 33(1): 72 hours. */
  GDPR: { notifies: true, latestHours: 72 },
  UK_GDPR: { notifies: true, latestHours: 72 },
  /** Art. 23(4): early warning in 24 hours, notification in 72. */
  NIS2: { notifies: true, latestHours: 72 },
  DORA: { notifies: true, latestHours: null },
  SEC: { notifies: true, latestHours: null },
  HIPAA: { notifies: true, latestHours: null },
  /** 23 NYCRR 500.17(a): 72 hours. */
  NYDFS: { notifies: true, latestHours: 72 },
  PCI: { notifies: true, latestHours: null },
  PCI_DSS: { notifies: true, latestHours: null },
  LGPD: { notifies: true, latestHours: null },
  APPI: { notifies: true, latestHours: null },
  PDPA: { notifies: true, latestHours: 72 },
  CERT_IN: { notifies: true, latestHours: 6 },
  NDB: { notifies: true, latestHours: null },
  ISO27001: { notifies: false, latestHours: null },
  SOC2: { notifies: false, latestHours: null },
  INTERNAL: { notifies: false, latestHours: null },
};

/** The tag as the table has it: upper case, with "_". */
export function regimeName(tag: string): string {
  return tag
    .trim()
    .toUpperCase()
    .replaceAll(/[\s-]+/g, '_');
}
