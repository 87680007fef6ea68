import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { contentHash } from '../../platform/hash.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, RecordDraft } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { canonicalIdentity } from '../events/text.ts';
import { keptRead } from '../kept-read.ts';
import {
  requireVersion,
  shownTime,
  untilApplied,
  type Answer,
  type IfMatch,
  type Listing,
  type Resource,
} from '../service.ts';
import type { Severity } from '../vocabulary.ts';
import { canonicalNetwork, type Asset, type AssetType } from './asset.ts';
import { inventoryIndex, NO_INVENTORY, type InventoryIndex } from './inventory-index.ts';
import { readInventory, type InventoryFormat } from './read-inventory.ts';

/** Where every version of the inventory stands. */
export const INVENTORY_STREAM = 'inventory/assets';
const VIEW_ID = 'assets';
/** Assets of one record: some 100 KiB, so that no reader has to take in megabytes at once. */
const ASSETS_PER_RECORD = 500;
/** Who has saved what came from the file that the configuration names. */
const BY_FILE = 'INVENTORY_FILE';

export interface InventoryPorts {
  readonly journal: Pick<JournalReader, 'view' | 'readStream' | 'shared'>;
  readonly committer: GroupCommitter;
}

export interface InventoryFile {
  readonly bytes: Uint8Array;
  readonly format: InventoryFormat;
}

export interface InventoryService {
  /** Which version is in force: its hash, how many assets of which type, who saved it. Version 0: none was ever given. */
  status(ctx: CallContext): Promise<Answer>;
  /**
   * Replaces the whole inventory by a new version. The same assets again are no new version.
   * @throws FirebreakError `invalid_inventory` with every fault's line; `stale_version`.
   */
  put(ctx: CallContext, input: InventoryFile & { readonly ifMatch: IfMatch }): Promise<Answer>;
  list(ctx: CallContext, query: AssetQuery): Promise<Listing>;
  /** One asset by its id, an alias, or an address in a network. @throws FirebreakError `not_found`. */
  find(ctx: CallContext, input: { readonly type: AssetType; readonly id: string }): Promise<Answer>;
  /** Takes over what a file of the configuration says. @throws FirebreakError `invalid_inventory`. */
  putFile(file: InventoryFile, now: number): Promise<void>;
  /** What impact is judged by; the same object as long as nothing was put. */
  inForce(): Promise<InventoryIndex>;
  /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
  refresh(): void;
}

export interface AssetQuery {
  readonly limit: number;
  readonly skip: number;
  readonly type?: AssetType | undefined;
  readonly criticality?: Severity | undefined;
  /** A vendor that they depend on. */
  readonly vendor?: string | undefined;
}

const STORED = z.object({
  version: z.int(),
  hash: z.string(),
  assets: z.int(),
  /** The record before the first part of this version. */
  after: z.int(),
  seq: z.int(),
  updatedAt: z.int(),
  savedBy: z.string(),
});
type Stored = z.infer<typeof STORED>;

export function createInventoryService({ journal, committer }: InventoryPorts): InventoryService {
  let latest = NO_INVENTORY;

  async function stored(): Promise<{ readonly row: Stored | null; readonly viewVersion: number }> {
    const view = await journal.view('inventory', VIEW_ID);
    return { row: view === null ? null : STORED.parse(view.body), viewVersion: view?.version ?? 0 };
  }

  const kept = keptRead(journal, async () => {
    const { row } = await stored();
    if (row === null) latest = NO_INVENTORY;
    else if (row.version !== latest.version) latest = await load(row);
    return latest;
  });

  async function load({ version, hash, after, seq }: Stored): Promise<InventoryIndex> {
    const records = await journal.readStream(INVENTORY_STREAM, after);
    const parts = records.filter(({ record }) => record.type === 'inventory.part' && record.seq < seq);
    // Only `submit` writes these records, from assets.
    const assets = parts.flatMap(({ record }) => record.data['assets'] as unknown as readonly Asset[]);
    return inventoryIndex(version, hash, assets);
  }

  /** Null: these assets are in force already. */
  function submit(assets: readonly Asset[], by: string, at: number, trace: RecordDraft['trace'], ifMatch: IfMatch) {
    const parts = partsOf(assets);
    const hash = contentHash(parts.map((part) => contentHash(part)));
    return untilApplied(async () => {
      const { row, viewVersion } = await stored();
      requireVersion(ifMatch, row?.version ?? 0);
      if (row?.hash === hash) return { result: { status: 'applied' as const, hashes: [] }, answer: row };
      const version = (row?.version ?? 0) + 1;
      const after = row?.seq ?? 0;
      const seq = after + parts.length + 1;
      const next: Stored = { version, hash, assets: assets.length, after, seq, updatedAt: at, savedBy: by };
      const common = { v: 1, at, ...(trace === undefined ? {} : { trace }) };
      const records = [
        ...parts.map((part, index) => ({
          ...common,
          type: 'inventory.part',
          data: { assets: part as unknown as Json, part: index + 1, version }, // plain JSON by its type
        })),
        { ...common, type: 'inventory.saved', data: { by, assets: assets.length, hash, parts: parts.length, version } },
      ];
      const result = await committer.submit({
        appends: [{ stream: INVENTORY_STREAM, expectedSeq: after, records }],
        views: [{ kind: 'inventory', id: VIEW_ID, expectedVersion: viewVersion, at, body: next }],
      });
      kept.forget();
      return { result, answer: next };
    });
  }

  async function shown(row: Stored | null): Promise<Answer> {
    const { assets } = await kept.read();
    const counts = new Map<string, number>();
    for (const { type } of assets) counts.set(type, (counts.get(type) ?? 0) + 1);
    const { version = 0, hash = null, updatedAt = null, savedBy = null } = row ?? {};
    const byType = Object.fromEntries(counts);
    return {
      data: { id: VIEW_ID, version, hash, assets: assets.length, byType, updatedAt: shownTime(updatedAt), savedBy },
      version,
    };
  }

  return {
    status: async () => shown((await stored()).row),
    async put(ctx, { bytes, format, ifMatch }) {
      const assets = readOrRefuse({ bytes, format });
      return shown(await submit(assets, ctx.principal.userId, ctx.now, recordedTrace(ctx), ifMatch));
    },
    async list(_ctx, { limit, skip, type, criticality, vendor }) {
      const { assets } = await kept.read();
      const wanted = vendor === undefined ? undefined : (canonicalIdentity(vendor) ?? vendor);
      const found = assets.filter(
        (asset) =>
          (type === undefined || asset.type === type) &&
          (criticality === undefined || asset.criticality === criticality) &&
          (wanted === undefined || asset.vendors.includes(wanted)),
      );
      return { items: found.slice(skip, skip + limit).map(shownAsset), total: found.length };
    },
    async find(_ctx, { type, id }) {
      const canonical = (type === 'ip' ? (canonicalNetwork(id) ?? id) : canonicalIdentity(id)) ?? id;
      const index = await kept.read();
      const asset = index.find(type, canonical) ?? index.find(type, id);
      if (asset === null) throw new FirebreakError('not_found', `There is no ${type} ${id} in the inventory`);
      return { data: shownAsset(asset) };
    },
    async putFile(file, now) {
      await submit(readOrRefuse(file), BY_FILE, now, undefined, null);
    },
    inForce: () => kept.read(),
    refresh: () => kept.forget(),
  };
}

function readOrRefuse({ bytes, format }: InventoryFile): readonly Asset[] {
  const read = readInventory(bytes, format);
  if ('assets' in read) return read.assets;
  throw new FirebreakError('invalid_inventory', 'The inventory is not valid; nothing of it was taken', read.faults);
}

/** At least one, so that an empty inventory is a version as well. */
function partsOf(assets: readonly Asset[]): readonly (readonly Asset[])[] {
  const count = Math.max(1, Math.ceil(assets.length / ASSETS_PER_RECORD));
  return Array.from({ length: count }, (_, index) =>
    assets.slice(index * ASSETS_PER_RECORD, (index + 1) * ASSETS_PER_RECORD),
  );
}

function shownAsset(asset: Asset): Resource {
  return { id: asset.id, ...(asset as unknown as Resource) }; // plain JSON by its type
}
