import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import { enabledPeople } from '../access/access-in-force.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { incidentOf } from '../incidents/incident-change.ts';
import type { InventoryIndex } from '../inventory/inventory-index.ts';
import { keptRead } from '../kept-read.ts';
import {
  recordable,
  requireVersion,
  shownTime,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
  type Listing,
} from '../service.ts';
import { affectedBy } from './graph.ts';
import { readVendor, type Vendor } from './vendor.ts';
import { dependentsOf, NO_VENDORS, vendorBook, vendorNode, vendorsTouched, type VendorBook } from './vendor-book.ts';

/** Vendors of one installation: all of them are in memory. */
export const MAX_VENDORS = 1_000;
/** Who else is affected, as far as one answer names it: people read the first ones, and the count of the rest. */
const MAX_AFFECTED = 500;

export interface VendorPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'shared'>;
  readonly committer: GroupCommitter;
  readonly inventory: { inForce(): Promise<InventoryIndex> };
}

export interface VendorService {
  list(ctx: CallContext, query: { readonly limit: number; readonly skip: number }): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Describes a vendor, or replaces the whole of it by a new version. @throws FirebreakError `invalid_vendor`, `stale_version`, `conflict`. */
  set(
    ctx: CallContext,
    input: { readonly id: string; readonly definition: Definition; readonly ifMatch: IfMatch },
  ): Promise<Answer>;
  /**
   * The vendors that an incident touches, and everything that hangs on them over however many others, each with the way why.
   * @throws FirebreakError `not_found`.
   */
  affected(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** The vendors in force; the same object as long as none is changed. */
  inForce(): Promise<VendorBook>;
  versionOf(id: string): Promise<number>;
  refresh(): void;
}

interface Stored {
  readonly document: Vendor;
  readonly version: number;
  readonly updatedAt: number;
  readonly savedBy: string;
}

/** Builds the service. Every version of a vendor is a record with the whole of it. */
export function createVendorService({ journal, committer, inventory }: VendorPorts): VendorService {
  const kept = keptRead(journal, async () => {
    const { items } = await journal.listViews({ kind: 'vendor', limit: MAX_VENDORS, skip: 0 });
    if (items.length === 0) return NO_VENDORS;
    return vendorBook(new Map(items.map((view) => [view.id, storedOf(view).document])));
  });

  async function existing(id: string): Promise<Stored> {
    const view = await journal.view('vendor', id);
    if (view === null) throw new FirebreakError('not_found', `There is no vendor ${id}`);
    return storedOf(view);
  }

  async function requireRoom(): Promise<void> {
    const { total } = await journal.listViews({ kind: 'vendor', limit: 1, skip: 0 });
    if (total >= MAX_VENDORS)
      throw new FirebreakError('conflict', `There are ${MAX_VENDORS} vendors already: change one of them`);
  }

  /** What names somebody or something that is not there: nobody would be told, nothing would be found. */
  async function warningsOf({ escalation, dependsOn }: Vendor): Promise<readonly string[]> {
    const people = new Set((await enabledPeople(journal)).map(({ id }) => id));
    const { vendors } = await kept.read();
    return [
      ...(escalation.length === 0 ? ['/escalation: is empty, so nobody is told when an incident touches it.'] : []),
      ...escalation.flatMap(({ userIds }, level) =>
        userIds
          .filter((id) => !people.has(id))
          .map((id) => `/escalation/${level}/userIds: ${id} is nobody who is here, and will not be told.`),
      ),
      ...dependsOn
        .filter((id) => !vendors.has(id))
        .map((id) => `/dependsOn: nobody has described the vendor ${id} yet.`),
    ];
  }

  return {
    async list(_ctx, { limit, skip }) {
      const { items, total } = await journal.listViews({ kind: 'vendor', limit, skip });
      return { items: items.map((view) => shown(view.id, storedOf(view))), total };
    },
    async get(_ctx, { id }) {
      const stored = await existing(id);
      return { data: shown(id, stored), version: stored.version };
    },
    async set(ctx, { id, definition, ifMatch }) {
      const read = readVendor(definition, id);
      if ('faults' in read) throw new FirebreakError('invalid_vendor', 'The vendor is not valid', read.faults);
      const document = recordable(read.value, 'invalid_vendor');
      const answer = await untilApplied(async () => {
        const view = await journal.view('vendor', id);
        const before = view === null ? 0 : storedOf(view).version;
        requireVersion(ifMatch, before);
        if (view === null) await requireRoom();
        const version = before + 1;
        const { userId: by } = ctx.principal;
        const record = {
          type: 'vendor.saved',
          v: 1,
          at: ctx.now,
          trace: recordedTrace(ctx),
          data: { by, document, version },
        };
        const body = { document, version, updatedAt: ctx.now, savedBy: by };
        const status = read.value.enabled ? 'ENABLED' : 'DISABLED';
        const result = await committer.submit({
          appends: [{ stream: `vendor/${id}`, expectedSeq: before, records: [record] }],
          views: [{ kind: 'vendor', id, expectedVersion: view?.version ?? 0, status, at: ctx.now, body }],
        });
        kept.forget();
        const stored = { document: read.value, version, updatedAt: ctx.now, savedBy: by };
        return { result, answer: { data: shown(id, stored), version } };
      });
      return { ...answer, warnings: await warningsOf(read.value) };
    },
    async affected(_ctx, { id }) {
      const view = await journal.view('incident', id);
      if (view === null) throw new FirebreakError('not_found', `There is no incident ${id}`);
      const [book, assets] = await Promise.all([kept.read(), inventory.inForce()]);
      const touched = vendorsTouched(incidentOf(view).incident, book);
      const starts = touched.map(({ vendorId }) => vendorNode(vendorId));
      const { reached, cut } = affectedBy(dependentsOf(book, assets), starts, MAX_AFFECTED);
      const affected = reached.map(({ node, path }) => describe(node, path, book, assets));
      const classes = new Set([
        ...touched.flatMap(({ vendorId }) => book.vendors.get(vendorId)?.dataClasses ?? []),
        ...affected.flatMap(({ dataClasses }) => dataClasses),
      ]);
      return {
        data: {
          id,
          touched: touched.map(({ vendorId, through }) => {
            const vendor = book.vendors.get(vendorId);
            return {
              vendorId,
              name: vendor?.name ?? vendorId,
              because: through === null ? 'the incident is about it' : `${through} hangs on it`,
              duties: recordable(vendor?.duties ?? null, 'internal'),
            };
          }),
          affected,
          dataClasses: [...classes].filter((name) => name !== 'none').sort(),
          cut,
        },
      };
    },
    inForce: () => kept.read(),
    versionOf: async (id) => (await existing(id)).version,
    refresh: () => kept.forget(),
  };
}

function describe(node: string, path: readonly string[], { vendors }: VendorBook, { find }: InventoryIndex) {
  const at = node.indexOf(':');
  const [type, id] = [node.slice(0, at), node.slice(at + 1)];
  if (type === 'vendor') {
    const vendor = vendors.get(id);
    return {
      type,
      id,
      name: vendor?.name ?? id,
      criticality: null,
      owner: null,
      dataClasses: [...(vendor?.dataClasses ?? [])],
      path,
    };
  }
  // Every node that is no vendor was made from an asset type.
  const asset = find(type as Parameters<typeof find>[0], id);
  const { criticality = null, owner = null, dataClasses = [] } = asset ?? {};
  return { type, id, name: id, criticality, owner, dataClasses: [...dataClasses], path };
}

function shown(id: string, { document, version, updatedAt, savedBy }: Stored): Answer['data'] {
  const members = document as unknown as { readonly [key: string]: Json }; // plain JSON by its type
  return { id, ...members, version, updatedAt: shownTime(updatedAt), savedBy };
}

function storedOf(view: StoredView): Stored {
  // Only this file writes these bodies.
  return view.body as unknown as Stored;
}
