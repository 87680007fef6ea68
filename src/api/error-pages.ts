import { ERRORS, type ErrorCode } from '../platform/errors.ts';

/** What a person needs to know about one error code. */
export interface ErrorPage {
  readonly meaning: string;
  readonly fix: string;
}

/** One page for each code of `platform/errors.ts`; `docs/errors.md` and `GET /errors/:code` are made from it. */
export const ERROR_PAGES: Readonly<Record<ErrorCode, ErrorPage>> = {
  malformed_json: {
    meaning: 'The body is not UTF-8 or not JSON.',
    fix: 'Check quotes, commas and the encoding; send what your JSON library writes.',
  },
  invalid_request: {
    meaning: 'A member of the body, the path, the query or a header has the wrong shape, or is not known.',
    fix: 'Each entry of `errors` names one fault: `in` says where, `pointer` which member, `detail` what is allowed.',
  },
  unknown_format: {
    meaning: 'The `format` of the events is not one that Firebreak reads.',
    fix: 'Leave `format` out to have it recognised, or use one that the detail names.',
  },
  batch_too_large: {
    meaning: 'The request holds more events than one batch may hold (10,000).',
    fix: 'Split it. Nothing of the batch was accepted.',
  },
  body_too_large: {
    meaning: 'The body is larger than this route takes: 16 MiB for events, 1 MiB for everything else.',
    fix: 'Split the events, or take what is not needed out of the body.',
  },
  unsupported_media_type: {
    meaning: 'The content type, or the content encoding, is not read here.',
    fix: 'Send `application/json` (events also `application/x-ndjson`), in UTF-8 and not compressed.',
  },
  invalid_playbook: {
    meaning: 'The playbook was read, but it could not be run as it stands.',
    fix: 'Each entry of `errors` points to a member of the playbook and says what it may be. Nothing was saved.',
  },
  invalid_policy: {
    meaning: 'The approval policy was read, but it could not be applied as it stands.',
    fix: 'Each entry of `errors` points to a member of the policy and says what it may be. Nothing was saved.',
  },
  invalid_runbook: {
    meaning: 'The runbook cannot be run as it stands: none of it was saved.',
    fix: 'Each entry of `errors` points to a step or a member, with its line, and says what it may be. Send it again whole.',
  },
  invalid_guard: {
    meaning: 'The list was read, but it could not be set as it stands.',
    fix: 'Each entry of `errors` points to a member and says what it may be. Nothing was saved.',
  },
  invalid_schedule: {
    meaning: 'The on-call schedule was read, but it does not say who is on call when.',
    fix: 'Each entry of `errors` points to a member and says what it may be. Nothing was saved.',
  },
  invalid_contact: {
    meaning:
      'The regulatory contact was read, but it could not be stored as it stands: a member or its certificate is wrong.',
    fix: 'Each entry of `errors` points to a member and says what it may be. Nothing was saved, and nobody is told in the clear instead.',
  },
  invalid_inventory: {
    meaning: 'The inventory of assets cannot be read, or an asset in it is not valid. Nothing of it was taken.',
    fix: 'Each fault names its line. Repair them and put the whole inventory again; `firebreak inventory check` looks at a file without a server.',
  },
  invalid_draft: {
    meaning:
      'The text of a draft, or the proof that it was handed in, was read, but it could not be recorded as it stands.',
    fix: 'Each entry of `errors` points to a member and says what it may be. Nothing was recorded.',
  },
  invalid_vendor: {
    meaning: 'The description of a vendor is not valid; nothing of it was saved.',
    fix: 'Each fault names its member. Levels of an escalation path have to come later one by one, and each names a role or a person.',
  },
  invalid_exemption: {
    meaning: 'The exemption was read, but it could not be proposed as it stands.',
    fix: 'Each entry of `errors` points to a member and says what it may be. Nothing was saved.',
  },
  invalid_lawful_basis: {
    meaning: 'The lawful bases were read, but they do not say by what right what is done.',
    fix: 'Each entry of `errors` points to a member and says what it may be. Nothing was saved.',
  },
  lawful_basis_missing: {
    meaning:
      'This would touch personal data, no lawful basis is on record for it, and this installation asks for one (`LAWFUL_BASIS_REQUIRED`).',
    fix: 'Have it decided and saved with `PUT /api/lawful-basis`, then ask again.',
  },
  invalid_task: {
    meaning:
      'What was said of a task cannot be: a role that there is not, a time in the past, somebody who may not work on it, or a text with control characters.',
    fix: 'Each entry of `errors` names one member and what it may be. Nothing was saved.',
  },
  invalid_deadline: {
    meaning:
      'What was said of a deadline cannot be: an event that its rule does not count from, a time in the future, or a year whose holidays nobody has entered.',
    fix: 'Each entry of `errors` names one fault. A year without holidays is entered in a calendar of your own, under `/api/deadline-settings`.',
  },
  invalid_expression: {
    meaning: 'A condition is not valid CEL, or names something that does not exist.',
    fix: 'The roots are `incident`, `event`, `results`, `context` and `user`; the detail names the place.',
  },
  invalid_template: {
    meaning: 'A `{{…}}` names something that does not exist, or that has no value here.',
    fix: 'Correct the name, or give the value. A missing value is never taken as an empty text.',
  },
  weak_password: {
    meaning: 'The password is too short, too long, too common, or holds the own name.',
    fix: "Use at least 12 characters that are nobody's name; four words that do not belong together are easy to keep.",
  },
  idempotency_mismatch: {
    meaning: 'This `Idempotency-Key` was used within the last day for another request.',
    fix: 'Use a new key for each new request, and the same key only to repeat one byte for byte.',
  },
  unauthenticated: {
    meaning:
      'There is no credential, or it is unknown, expired or revoked, or its owner is disabled; or a sign-in failed.',
    fix: 'Send `Authorization: Bearer fbk_…` (or `X-API-Key`) with a key that is in force, or sign in at `/sign-in`.',
  },
  forbidden: {
    meaning: 'The credential is good, but neither role nor key scope allow this.',
    fix: 'The detail names what would: ask somebody who has it, or a SECURITY_ADMIN for the role.',
  },
  cross_site: {
    meaning:
      'A request that changes something came with the cookie of a session, and nothing shows that one of our own pages sent it.',
    fix:
      'Open the page again and send its form. A program sends an API key, or `Origin` as a browser does. Behind a proxy set ' +
      '`PUBLIC_URL` to the address that people use.',
  },
  cannot_vote: {
    meaning: 'This person may vote elsewhere but not here: they asked for it, it is about them, or they lack the role.',
    fix: 'Somebody else has to decide; the approval lists the roles that count.',
  },
  passkey_needed: {
    meaning:
      'The rules that ask for this want an approval to be signed by a passkey, and this answer carried no signature.',
    fix:
      'Sign in, open the page of the request under `/approvals` and approve it there; passkeys are registered under `/account`. ' +
      'API keys, links in mails and Slack can deny it, not approve it.',
  },
  passkey_refused: {
    meaning:
      'What came from a passkey does not prove this: it is too old, was used before, was made for something else or on another ' +
      'site, or by a passkey that is not one of yours.',
    fix: 'Begin again, and use the passkey at once. The detail says what did not fit.',
  },
  not_found: {
    meaning: 'There is no such route, or nothing with this id.',
    fix: 'Check the address, or list the things of this kind.',
  },
  archived: {
    meaning:
      'It was here; its records were written to an archive and taken out of the journal when its retention ended.',
    fix: 'The detail names the archive by its SHA-256: look it up there, and check it with `firebreak audit verify`.',
  },
  method_not_allowed: {
    meaning: 'The address exists, but not for this method.',
    fix: 'The `Allow` header lists the methods.',
  },
  conflict: {
    meaning: 'The request is fine, but the present state does not allow it.',
    fix: 'Read the thing again; the detail says what stands in the way.',
  },
  already_decided: {
    meaning: 'The vote came after the decision.',
    fix: 'Nothing to do: the approval shows the decision and who took it.',
  },
  stale_version: {
    meaning: '`If-Match` names a version that is not the present one: somebody changed it meanwhile.',
    fix: 'Read it again, apply your change to the new version, and send the new `ETag`.',
  },
  precondition_required: {
    meaning: 'This change needs `If-Match`, so that nobody overwrites what they have not seen.',
    fix: 'Read the thing and send its `ETag` as `If-Match`.',
  },
  rate_limited: {
    meaning: 'This key (or, without one, this address) sent more requests than it may.',
    fix: 'Wait as many seconds as `Retry-After` says. Send events in larger batches.',
  },
  internal: {
    meaning: 'A mistake of ours. Nothing about it is shown here; the log has it under `traceId`.',
    fix: 'Repeat it if it is safe to (with an `Idempotency-Key` it is), and report the `traceId`.',
  },
  store_unavailable: {
    meaning:
      'The journal cannot be written or read. Without a record nothing is done, so the request was not done; where the ' +
      'journal did not answer in time, the detail says that it is not known.',
    fix:
      'Repeat after `Retry-After` seconds, with the same `Idempotency-Key`. `GET /readyz` says when the journal is well ' +
      'again; look at disk space and permissions.',
  },
  overloaded: {
    meaning: 'More work is waiting than can be taken on safely.',
    fix: 'Repeat after `Retry-After` seconds.',
  },
};

/** The text of `docs/errors.md`. A test compares the file with it. */
export function errorsMarkdown(): string {
  const codes = Object.entries(ERRORS);
  const head = [
    '# Errors',
    '',
    'Every failure of the API is a problem document (RFC 9457, `application/problem+json`):',
    '',
    '```json',
    JSON.stringify(EXAMPLE, null, 2),
    '```',
    '',
    '`type` leads to the same text as this page (`GET /errors/invalid_request`). `errors` may be empty; `pointer` is a',
    'JSON pointer (RFC 6901) into the part of the request that `in` names (the body, where there is no `in`).',
    '`429` and `503` carry `Retry-After`. This page is generated from `src/api/error-pages.ts`.',
    '',
    ...table([
      ['Code', 'Status', 'Title'],
      ...codes.map(([code, { status, title }]) => [`[\`${code}\`](#${code})`, String(status), title]),
    ]),
  ];
  const sections = codes.flatMap(([code, { status, title }]) => {
    const page = ERROR_PAGES[code as ErrorCode]; // safe: `codes` are the entries of ERRORS
    return ['', `## ${code}`, '', `**${status}** ${title}`, '', page.meaning, '', `**What to do.** ${page.fix}`];
  });
  return `${[...head, ...sections].join('\n')}\n`;
}

/** A Markdown table with padded columns, as the formatter of this repository leaves it. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) => `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [...lines.slice(0, 1), rule, ...lines.slice(1)];
}

const EXAMPLE = {
  success: false,
  type: '/errors/invalid_request',
  title: ERRORS.invalid_request.title,
  status: 400,
  code: 'invalid_request',
  detail: 'The body does not have the expected shape',
  errors: [{ in: 'body', pointer: '/actions/0/stage', detail: 'expected number, received string' }],
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
};
