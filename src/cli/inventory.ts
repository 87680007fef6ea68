import { z } from 'zod';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { printable } from '../platform/printable.ts';
import { formatOfName, readInventory, type InventoryFormat } from '../pipeline/inventory/read-inventory.ts';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';
import { say, type ServerOptions } from './say.ts';

const BASE = '/api/inventory';
const TYPES: Readonly<Record<InventoryFormat, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  csv: 'text/csv',
};

const STATUS = z.looseObject({ version: z.int(), hash: z.string().nullable(), assets: z.int() });
const ASSET = z.looseObject({
  type: z.string(),
  id: z.string(),
  criticality: z.string(),
  owner: z.string().nullable(),
  environment: z.string().nullable(),
  dataClasses: z.array(z.string()),
  vendors: z.array(z.string()),
});

/** Which version is in force; of one asset, what is known of it. Exit code 0. @throws FirebreakError `not_found` */
export async function showInventoryCommand(
  asset: { readonly type: string; readonly id: string } | null,
  options: ServerOptions,
  io: Io,
): Promise<number> {
  const client = apiClient(options.url, io);
  if (asset === null) {
    const status = STATUS.parse((await client.call('GET', BASE)).data);
    say(options, io, status, [`version ${status.version}, ${status.assets} assets, ${status.hash ?? 'no hash'}`]);
    return 0;
  }
  const path = `${BASE}/assets/${encodeURIComponent(asset.type)}/${encodeURIComponent(asset.id)}`;
  const { type, id, criticality, environment, dataClasses, vendors, owner, ...rest } = ASSET.parse(
    (await client.call('GET', path)).data,
  );
  const found = { type, id, criticality, environment, dataClasses, vendors, owner, ...rest };
  say(options, io, found, [
    printable(
      `${type} ${id}: ${criticality}, ${environment ?? 'no environment'}, holds ${dataClasses.join(', ') || 'nothing known'}` +
        `, owner ${owner ?? 'unknown'}${vendors.length === 0 ? '' : `, depends on ${vendors.join(', ')}`}`,
    ),
  ]);
  return 0;
}

/** Replaces the whole inventory by a file. Exit code 0. @throws what the server refused, each fault with its line */
export async function putInventoryCommand(file: string, options: InventoryOptions, io: Io): Promise<number> {
  const { format, bytes } = await fileIn(file, options, io);
  const { data } = await apiClient(options.url, io).call('PUT', BASE, { type: TYPES[format], bytes });
  const { version, assets, ...rest } = STATUS.parse(data);
  say(options, io, { version, assets, ...rest }, [`version ${version}, ${assets} assets`]);
  return 0;
}

/** Looks at a file without a server. Exit code 0, or 1 where it has faults, each on a line of its own. */
export async function checkInventoryCommand(file: string, options: InventoryOptions, io: Io): Promise<number> {
  const { format, bytes } = await fileIn(file, options, io);
  const read = readInventory(bytes, format);
  if ('faults' in read) {
    if (options.json) io.stdout.write(`${JSON.stringify(read)}\n`);
    else for (const { detail } of read.faults) io.stdout.write(`${printable(`${file}: ${detail}`)}\n`);
    return 1;
  }
  say(options, io, { assets: read.assets.length }, [`${file}: ${read.assets.length} assets`]);
  return 0;
}

export interface InventoryOptions extends ServerOptions {
  /** For the standard input, which has no name. */
  readonly format?: InventoryFormat;
}

async function fileIn(file: string, { format: named }: InventoryOptions, { readInput }: Io) {
  const format = named ?? formatOfName(file);
  if (format === null)
    throw new FirebreakError('invalid_request', `${file} does not end in .json, .yaml or .csv: give --format`);
  try {
    return { format, bytes: await readInput(file) };
  } catch (thrown) {
    throw new FirebreakError('invalid_request', `${file} cannot be read: ${messageOf(thrown)}`);
  }
}
