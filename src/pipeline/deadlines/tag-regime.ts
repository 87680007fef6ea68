import type { DeadlineRule } from './rule.ts';

/** Other names that runbooks use for regimes. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['GDPR33', 'GDPR'],
  ['GDPR34', 'GDPR'],
  ['EUGDPR', 'GDPR'],
  ['DSGVO', 'GDPR'],
  ['SEC8K', 'SEC'],
  ['8K', 'SEC'],
  ['PCI', 'PCI-DSS'],
  ['NYCRR500', 'NYDFS'],
  ['23NYCRR500', 'NYDFS'],
  ['DPA2018', 'UK-GDPR'],
  ['NDB', 'AU-NDB'],
  ['SOCI', 'AU-SOCI'],
  ['PDPA', 'SG-PDPA'],
  ['CERTIN', 'IN-CERT-IN'],
  ['DPDP', 'IN-DPDP'],
  ['APPI', 'JP-APPI'],
  ['LGPD', 'BR-LGPD'],
  ['PIPEDA', 'CA-PIPEDA'],
  ['OSFI', 'CA-OSFI'],
]);

/** The regime that a runbook's tag names, in whatever spelling; null: none that there are rules for. */
export function tagRegime(tag: string, rules: readonly Pick<DeadlineRule, 'regime'>[]): string | null {
  const wanted = plain(tag);
  const other = OTHER_NAMES.get(wanted);
  return rules.find(({ regime }) => plain(regime) === wanted || regime === other)?.regime ?? null;
}

function plain(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
}
