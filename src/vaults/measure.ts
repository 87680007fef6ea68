import type { DigestTaker } from '../pipeline/evidence/digests.ts';
import type { ContentDigests } from '../pipeline/evidence/vault.ts';

/** Both digests of content. */
export async function measure(content: AsyncIterable<Uint8Array>, digests: DigestTaker): Promise<ContentDigests> {
  try {
    for await (const piece of content) await digests.add(piece);
    return await digests.finish();
  } catch (thrown) {
    digests.drop();
    throw thrown;
  }
}
