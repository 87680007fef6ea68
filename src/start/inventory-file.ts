import { readFile } from 'node:fs/promises';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import type { Config } from '../platform/config.ts';
import type { InventoryService } from '../pipeline/inventory/inventory.service.ts';
import { formatOfName, type InventoryFormat } from '../pipeline/inventory/read-inventory.ts';

/**
 * Takes over the inventory that the configuration names, where it differs from the one in force. A file that cannot be
 * used stops the start: an old inventory would silently judge new incidents.
 * @throws FirebreakError `invalid_inventory` naming every fault.
 */
export async function takeInventoryFile(
  { inventoryFile: path }: Pick<Config, 'inventoryFile'>,
  inventory: Pick<InventoryService, 'putFile'>,
  now: number,
): Promise<void> {
  if (path === null) return;
  const format = inventoryFormatOf(path);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (thrown) {
    throw new FirebreakError('invalid_inventory', `INVENTORY_FILE ${path} cannot be read: ${messageOf(thrown)}`);
  }
  await inventory.putFile({ bytes, format }, now);
}

/** @throws FirebreakError `invalid_inventory` for a name that says no format. */
export function inventoryFormatOf(path: string): InventoryFormat {
  const format = formatOfName(path);
  if (format !== null) return format;
  throw new FirebreakError('invalid_inventory', `${path} has to end in .json, .yaml, .yml or .csv`);
}
