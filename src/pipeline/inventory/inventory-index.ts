import { canonicalAddress } from '../../platform/address-class.ts';
import { networkOf, type Asset, type AssetType } from './asset.ts';

/** A version of the inventory, made for looking things up. */
export interface InventoryIndex {
  readonly version: number;
  /** SHA-256 over all of its parts: the same assets have the same one. */
  readonly hash: string;
  /** Sorted by type and id. */
  readonly assets: readonly Asset[];
  /** The asset of this id or alias; of an address that of the narrowest network it lies in. Null: nobody listed it. */
  find(type: AssetType, id: string): Asset | null;
}

export function inventoryIndex(version: number, hash: string, assets: readonly Asset[]): InventoryIndex {
  const byName = new Map<string, Asset>();
  const lengths = { v4: new Set<number>(), v6: new Set<number>() };
  for (const asset of assets) {
    for (const name of [asset.id, ...asset.names]) byName.set(`${asset.type}:${name}`, asset);
    if (asset.type === 'ip') lengths[asset.id.includes(':') ? 'v6' : 'v4'].add(Number(asset.id.split('/')[1]));
  }
  const longestFirst = {
    v4: [...lengths.v4].sort((left, right) => right - left),
    v6: [...lengths.v6].sort((left, right) => right - left),
  };

  function network(id: string): Asset | null {
    const address = canonicalAddress(id);
    if (address === null) return null;
    for (const bits of longestFirst[address.includes(':') ? 'v6' : 'v4']) {
      const asset = byName.get(`ip:${networkOf(address, bits)}`);
      if (asset !== undefined) return asset;
    }
    return null;
  }

  return {
    version,
    hash,
    assets,
    find: (type, id) => byName.get(`${type}:${id}`) ?? (type === 'ip' ? network(id) : null),
  };
}

/** Before anybody has given one. */
export const NO_INVENTORY: InventoryIndex = inventoryIndex(0, '', []);
