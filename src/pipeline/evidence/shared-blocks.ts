/** Size of a block, in bytes: large enough that handing it to a thread costs nothing beside hashing it. */
const BLOCK_BYTES = 1024 * 1024;
/** Blocks that are on their way at once: one fills while the others are hashed. Bounds the memory of one content. */
const BLOCKS_AT_ONCE = 3;

export interface SharedBlocks {
  /** Nothing waits to be copied or handed on. */
  readonly isEmpty: boolean;
  /** Copies what is given, in the order of calling; the promise resolves when it may be used again. */
  add(piece: Uint8Array): Promise<void>;
  /** Hands on the rest. */
  flush(): Promise<void>;
}

/**
 * Gathers pieces of any size in few blocks of shared memory, which other threads can read without a copy.
 * @param handOn uses a block until its promise resolves
 */
export function sharedBlocks(handOn: (block: Uint8Array) => Promise<void>): SharedBlocks {
  const ring: { readonly bytes: Uint8Array; free: Promise<void> }[] = [];
  let turn = 0;
  let filled = 0;
  let underWay = 0;
  let tail: Promise<void> = Promise.resolve();

  function current(): (typeof ring)[number] {
    const at = turn % BLOCKS_AT_ONCE;
    // Memory is taken when it is needed: what lies in shared memory already never comes here.
    return (ring[at] ??= { bytes: new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES)), free: Promise.resolve() });
  }

  async function send(): Promise<void> {
    const slot = current();
    slot.free = handOn(slot.bytes.subarray(0, filled));
    // Whoever waits for the block hears of it; nobody may wait before the next turn.
    slot.free.catch(() => undefined);
    turn += 1;
    filled = 0;
    await current().free;
  }

  async function copy(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + BLOCK_BYTES - filled);
      current().bytes.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === BLOCK_BYTES) await send();
    }
  }

  function inOrder(work: () => Promise<void>): Promise<void> {
    underWay += 1;
    tail = tail.then(work).finally(() => {
      underWay -= 1;
    });
    tail.catch(() => undefined);
    return tail;
  }

  return {
    get isEmpty() {
      return filled === 0 && underWay === 0;
    },
    add: (piece) => inOrder(() => copy(piece)),
    flush: () =>
      inOrder(async () => {
        if (filled > 0) await send();
        await Promise.all(ring.map(({ free }) => free));
      }),
  };
}
