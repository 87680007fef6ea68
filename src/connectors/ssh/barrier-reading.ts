import { z } from 'zod';
import { contentHash, sha256Hex } from '../../platform/hash.ts';
import { refused } from '../define-handler.ts';

/** What a host shows of a barrier, from `nft -j list table`. */
export interface BarrierReading {
  /** Mark of the effect that made what stands there; null: there is nothing, or nothing of Firebreak's making. */
  readonly mark: string | null;
  /** Whether a table of this name stands there at all. */
  readonly present: boolean;
  /** `held`: it cuts off. `trial`: it does until its trial ends. `over`: it stands there and cuts nothing off (any more). */
  readonly state: 'held' | 'trial' | 'over';
  /** How long it still holds, in ms; null: until it is taken away. */
  readonly leftMs: number | null;
  /** SHA-256 over sets, chains and rules without counters, handles and remaining times: differs when somebody changed them. */
  readonly rules: string;
  /** SHA-256 of all that was read. */
  readonly digest: string;
}

const NOTHING = { mark: null, present: false, state: 'over', leftMs: null, rules: '' } as const;

const listing = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const armingSet = z.object({ name: z.string().regex(/^by_[0-9a-f]{24}$/), elem: z.array(z.unknown()).optional() });
const element = z.object({
  elem: z.object({ val: z.enum(['ipv4', 'ipv6']), expires: z.number().optional(), comment: z.string().optional() }),
});

/** @param text null: the host has no such table. @throws ConnectorError when it is not what nft writes */
export function readBarrier(text: string | null): BarrierReading {
  if (text === null) return { ...NOTHING, digest: sha256Hex('') };
  const parsed = listing.safeParse(jsonOf(text));
  if (!parsed.success) throw refused('unexpected_reply', 'nft answered with something that is not its listing');
  const digest = sha256Hex(text);
  const parts = parsed.data.nftables.filter((part) => !('metainfo' in part));
  const arming = parts.flatMap((part) => {
    const found = armingSet.safeParse(part['set']);
    return found.success ? [found.data] : [];
  });
  const rules = contentHash(parts.map(withoutPassing));
  const [only, ...more] = arming;
  if (only === undefined || more.length > 0) return { ...NOTHING, present: true, rules, digest };
  return { mark: only.name.slice(3), present: true, ...stateOf(only.elem ?? []), rules, digest };
}

/** Both families have to be armed, and the whole holds no longer than its shorter half. */
function stateOf(elems: readonly unknown[]): Pick<BarrierReading, 'state' | 'leftMs'> {
  const armed = elems.flatMap((each) => {
    const found = element.safeParse(each);
    return found.success ? [found.data.elem] : [];
  });
  if (new Set(armed.map(({ val }) => val)).size < 2) return { state: 'over', leftMs: null };
  const ends = armed.flatMap(({ expires }) => (expires === undefined ? [] : [expires * 1_000]));
  const state = armed.every(({ comment }) => comment === 'held') ? 'held' : 'trial';
  return { state, leftMs: ends.length === 0 ? null : Math.round(Math.min(...ends)) };
}

/** Without what changes by itself: counters, remaining times, and the numbers that the kernel gives. */
function withoutPassing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPassing);
  if (typeof value !== 'object' || value === null) return value;
  const isArming = 'name' in value && typeof value.name === 'string' && value.name.startsWith('by_');
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'handle' && name !== 'counter' && !(isArming && name === 'elem'))
      .map(([name, member]) => [name, withoutPassing(member)]),
  );
}

function jsonOf(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}
