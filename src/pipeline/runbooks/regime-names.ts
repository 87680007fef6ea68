/** How regimes are called in the tags of runbooks, for `validate` and for the clocks. Pure. */

/** Other names that runbooks use for regimes, in plain spelling. */
export const OTHER_REGIME_NAMES: ReadonlyMap<string, string> = new Map([
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

/** The one of `regimes` that a tag names, in whatever spelling; null: none. */
export function regimeNamed(tag: string, regimes: readonly string[]): string | null {
  const wanted = plain(tag);
  const other = OTHER_REGIME_NAMES.get(wanted);
  return regimes.find((regime) => plain(regime) === wanted || regime === other) ?? null;
}

function plain(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
}
