/**
 * What every reply carries for browsers, which have no business with an API but may be led to it: load nothing, be
 * framed by nobody, guess no type, tell no referrer, stay on TLS where it came by TLS. The set is that of the OWASP REST
 * Security Cheat Sheet with what helmet 8 adds by default; as a constant, because it is the same for every request. The
 * pages at /docs bring a policy of their own.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; upgrade-insecure-requests",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
};
