import type { SafeHttp } from '../platform/safe-http.ts';
import { originHash } from './witness-store.ts';

/** What a witness vouches for of one log: its newest cosigned note, or null with any other status than 200. */
export async function askWitness(
  http: SafeHttp,
  base: string,
  origin: string,
): Promise<{ readonly status: number; readonly note: string | null }> {
  const url = `${base.replace(/\/$/, '')}/checkpoint/${originHash(origin)}`;
  const { status, body } = await http.request({ method: 'GET', url });
  return { status, note: status === 200 ? body.toString('utf8') : null };
}
