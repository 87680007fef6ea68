import type { Incident } from '../incidents/incident.ts';
import type { Asset } from '../inventory/asset.ts';
import type { InventoryIndex } from '../inventory/inventory-index.ts';
import { hangOn, type Dependents } from './graph.ts';
import type { Vendor } from './vendor.ts';

/** The vendors in force, found by id or by another name. */
export interface VendorBook {
  readonly vendors: ReadonlyMap<string, Vendor>;
  /** The id of an enabled vendor under one of its names; null: nobody has described it. */
  idOf(name: string): string | null;
}

export const NO_VENDORS: VendorBook = { vendors: new Map(), idOf: () => null };

export function vendorBook(vendors: ReadonlyMap<string, Vendor>): VendorBook {
  const ids = new Map<string, string>();
  for (const [id, { enabled, names }] of vendors) {
    if (!enabled) continue;
    for (const name of names) if (!ids.has(name)) ids.set(name, id);
  }
  return { vendors, idOf: (name) => (vendors.get(name)?.enabled === true ? name : (ids.get(name) ?? null)) };
}

export function vendorNode(id: string): string {
  return `vendor:${id}`;
}

/** A vendor that an incident touches, and why. */
export interface Touched {
  readonly vendorId: string;
  /** `null`: the incident is about the vendor itself. Otherwise the asset that hangs on it, as `type:id`. */
  readonly through: string | null;
}

/**
 * The vendors that an incident touches, each once, sorted: its subject where that is one, and those on which an asset that
 * the decision names hangs itself. Pure.
 */
export function vendorsTouched(
  { subject, decision }: Pick<Incident, 'subject' | 'decision'>,
  book: VendorBook,
): readonly Touched[] {
  const touched = new Map<string, Touched>();
  const add = (name: string, through: string | null): void => {
    const vendorId = book.idOf(name);
    if (vendorId !== null && !touched.has(vendorId)) touched.set(vendorId, { vendorId, through });
  };
  if (subject.type === 'vendor') add(subject.id, null);
  for (const { type, id, vendors } of decision?.assets ?? []) {
    if (type === 'vendor') add(id, null);
    for (const vendor of vendors) add(vendor, `${type}:${id}`);
    for (const [vendor, { supports }] of book.vendors)
      if (supports.some((each) => each.type === type && each.id === id)) add(vendor, `${type}:${id}`);
  }
  return [...touched.values()].sort((left, right) => (left.vendorId < right.vendorId ? -1 : 1));
}

/** Assets on vendors, and vendors on vendors. */
export function dependentsOf(book: VendorBook, { assets, find }: InventoryIndex): Dependents {
  const graph = new Map<string, string[]>();
  for (const asset of assets)
    for (const name of asset.vendors) {
      const id = book.idOf(name);
      if (id !== null) hangOn(graph, vendorNode(id), nodeOf(asset));
    }
  for (const [id, { enabled, dependsOn, supports }] of book.vendors) {
    if (!enabled) continue;
    for (const on of dependsOn) hangOn(graph, vendorNode(book.idOf(on) ?? on), vendorNode(id));
    for (const { type, id: name } of supports) {
      const asset = find(type, name);
      hangOn(graph, vendorNode(id), asset === null ? `${type}:${name}` : nodeOf(asset));
    }
  }
  return graph;
}

function nodeOf({ type, id }: Asset): string {
  return `${type}:${id}`;
}
