import { createHash } from 'node:crypto';
import type { Artifact, EvidenceDesk, PreservedArtifact } from '../../src/pipeline/actions/desks.ts';

/** A fake: an evidence desk that keeps everything in memory. It can be slow and it can fail. Only tests import this file. */
export interface FakeDesk extends EvidenceDesk {
  readonly kept: readonly Kept[];
  /** Called with the size so far after each piece; it may throw, as a store does that has no room. */
  onPiece: (size: number) => void | Promise<void>;
}

export interface Kept extends PreservedArtifact {
  readonly artifact: Artifact;
  readonly bytes: Buffer;
  readonly altered: string | null;
}

export function fakeDesk(): FakeDesk {
  const kept: Kept[] = [];
  const desk: FakeDesk = {
    kept,
    onPiece: () => undefined,
    async preserve(artifact, content, _signal, altered) {
      const pieces: Uint8Array[] = [];
      let size = 0;
      const keep = (complete: boolean): Kept => {
        const bytes = Buffer.concat(pieces);
        const hash = (name: string): string => createHash(name).update(bytes).digest('hex');
        const one = {
          evidenceId: `evd_${kept.length + 1}`,
          size,
          sha256: hash('sha256'),
          sha512: hash('sha512'),
          complete,
          artifact,
          bytes,
          altered: altered?.() ?? null,
        };
        kept.push(one);
        return one;
      };
      try {
        for await (const piece of content) {
          pieces.push(Buffer.from(piece));
          size += piece.length;
          await desk.onPiece(size);
        }
      } catch (thrown) {
        keep(false);
        throw thrown;
      }
      return keep(true);
    },
    async find(key) {
      const tries = kept.filter((each) => each.artifact.key === key);
      return tries.find(({ complete }) => complete) ?? tries.at(-1) ?? null;
    },
    holdAll: () => Promise.reject(new Error('no holds here')),
    findHold: () => Promise.resolve(null),
  };
  return desk;
}
