import { VaultError, type Vault } from '../pipeline/evidence/vault.ts';

/** A store that is looked at while it is used. */
export interface WatchedVault extends Vault {
  /** Whether the last thing that was asked of it failed because it could not be reached, or did not do what it should. */
  readonly ailing: boolean;
}

/** @param ailing whether it could not be reached when it was opened */
export function watchedVault(vault: Vault, ailing: boolean): WatchedVault {
  let isAiling = ailing;

  async function noted<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await work();
      isAiling = false;
      return answer;
    } catch (thrown) {
      // A refusal is an answer: only what cannot be answered is an ailment.
      isAiling = !(thrown instanceof VaultError) || thrown.code === 'unavailable';
      throw thrown;
    }
  }

  async function* notedPieces<Piece>(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece> {
    const iterator = pieces[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await noted(() => iterator.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  return {
    id: vault.id,
    encryptionKeyId: vault.encryptionKeyId,
    get immutable() {
      return vault.immutable;
    },
    get ailing() {
      return isAiling;
    },
    async write(ref, content, options) {
      const written = await noted(() => vault.write(ref, content, options));
      if (written.broken?.by === 'store') isAiling = true;
      return written;
    },
    read: async (...given) => notedPieces(await noted(() => vault.read(...given))),
    stat: (address) => noted(() => vault.stat(address)),
    retain: (address, until) => noted(() => vault.retain(address, until)),
    hold: (address, held) => noted(() => vault.hold(address, held)),
    attach: (...given) => noted(() => vault.attach(...given)),
    destroy: (address, now) => noted(() => vault.destroy(address, now)),
    list: () => notedPieces(vault.list()),
    unfinished: () => noted(() => vault.unfinished()),
    salvage: (ref, options) => noted(() => vault.salvage(ref, options)),
    close: () => vault.close(),
  };
}
