import { z } from 'zod';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { apiClient, jsonBody } from './api-client.ts';
import { documentIn } from './document-file.ts';
import type { Io } from './io.ts';
import { MAX_LISTED, say, type ServerOptions } from './say.ts';

const BASE = '/api/regulatory-contacts';

const CONTACT = z.looseObject({
  id: z.string(),
  name: z.string(),
  email: z.string(),
  status: z.string(),
  roles: z.array(z.string()),
  regimes: z.array(z.string()),
  certificateFacts: z
    .looseObject({ fingerprint: z.string(), key: z.string(), validUntil: z.string().nullable() })
    .nullable(),
  encryptedEmail: z.string().nullable(),
  securePortal: z.string().nullable(),
  savedBy: z.string(),
  verifiedBy: z.string().nullable(),
  revokedReason: z.string().nullable(),
  version: z.int(),
});
type Contact = z.infer<typeof CONTACT>;

/** The contacts, one line each. Exit code 0. */
export async function listContactsCommand(options: ServerOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}`);
  const contacts = items.map((item) => CONTACT.parse(item));
  const lines = contacts.map(({ id, status, name, email, version }) =>
    [id, status, `${name} <${email}>`, `version ${version}`].join('  '),
  );
  say(options, io, { total, contacts }, [...lines, `${total} contacts`]);
  return 0;
}

/** One contact, with what keeps a message from it. Exit code 0. @throws what the server refused */
export async function showContactCommand(id: string, options: ServerOptions, io: Io): Promise<number> {
  return tell(await apiClient(options.url, io).call('GET', addressOf(id)), options, io);
}

/** Makes a contact of a file, or replaces the whole of it. Exit code 0. @throws what the server refused */
export async function setContactCommand(
  id: string,
  file: string,
  { certificate, ...options }: ServerOptions & { readonly certificate?: string },
  io: Io,
): Promise<number> {
  const definition = await documentIn(file, 'invalid_contact', io);
  const pem = certificate === undefined ? {} : { certificate: await textOf(certificate, io) };
  return tell(
    await apiClient(options.url, io).call('PUT', addressOf(id), jsonBody({ ...definition, ...pem })),
    options,
    io,
  );
}

/** Says that it was compared over another line. Exit code 0. @throws what the server refused */
export async function verifyContactCommand(
  id: string,
  options: ServerOptions & { readonly versionCompared: string; readonly fingerprint?: string; readonly how: string },
  io: Io,
): Promise<number> {
  const { versionCompared, fingerprint = null, how } = options;
  const body = jsonBody({ version: Number(versionCompared), fingerprint, how });
  return tell(await apiClient(options.url, io).call('POST', `${addressOf(id)}/verify`, body), options, io);
}

/** Ends its use at once. Exit code 0. @throws what the server refused */
export async function revokeContactCommand(
  id: string,
  { reason, ...options }: ServerOptions & { readonly reason: string },
  io: Io,
): Promise<number> {
  return tell(
    await apiClient(options.url, io).call('POST', `${addressOf(id)}/revoke`, jsonBody({ reason })),
    options,
    io,
  );
}

function addressOf(id: string): string {
  return `${BASE}/${encodeURIComponent(id)}`;
}

async function textOf(file: string, { readInput }: Io): Promise<string> {
  try {
    return Buffer.from(await readInput(file)).toString('utf8');
  } catch (thrown) {
    throw new FirebreakError('invalid_request', `${file} cannot be read: ${messageOf(thrown)}`);
  }
}

function tell(
  { data, warnings }: { readonly data: unknown; readonly warnings: readonly string[] },
  options: ServerOptions,
  io: Io,
): number {
  const contact = CONTACT.parse(data);
  say(options, io, contact, [...linesOf(contact), ...warnings.map((warning) => `warning      ${warning}`)]);
  return 0;
}

function linesOf(contact: Contact): readonly string[] {
  const { certificateFacts, encryptedEmail, securePortal, verifiedBy, revokedReason } = contact;
  return [
    `${contact.id} ${contact.status} version ${contact.version}`,
    `who          ${contact.name} <${contact.email}>, ${contact.roles.join(', ')}`,
    `regimes      ${contact.regimes.length === 0 ? 'all' : contact.regimes.join(', ')}`,
    ...(certificateFacts === null
      ? []
      : [
          `certificate  ${certificateFacts.key}, until ${certificateFacts.validUntil}, ${certificateFacts.fingerprint}`,
        ]),
    `mail         ${encryptedEmail ?? 'encrypted mail can be sent'}`,
    `portal       ${securePortal ?? 'messages can wait on a page'}`,
    verifiedBy === null ? `saved        by ${contact.savedBy}, verified by nobody` : `verified     by ${verifiedBy}`,
    ...(revokedReason === null ? [] : [`revoked      ${revokedReason}`]),
  ];
}
