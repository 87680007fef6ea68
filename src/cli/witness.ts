import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadLogKey } from '../journal/log-key.ts';
import { takeFence } from '../journal/sqlite/process-fence.ts';
import { formatWitnessKey, witnessKey } from '../pipeline/audit/cosignature.ts';
import { parseKeys } from '../pipeline/audit/export.ts';
import { parseVerifierKey, type NoteKey } from '../pipeline/audit/signed-note.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { createWitness } from '../witness/witness.ts';
import { serveWitness, type RunningWitness } from '../witness/witness-server.ts';
import { openWitnessStore, type WitnessStore } from '../witness/witness-store.ts';
import type { Io } from './io.ts';

export interface WitnessOptions {
  /** Where the witness keeps its key and what it cosigned. */
  readonly data: string;
  readonly host: string;
  readonly port: string;
  /** The name that it signs with. */
  readonly name: string;
  /** Keys of the logs it vouches for: verifier key lines, or files with such lines or with an export's keys. */
  readonly logKey: readonly string[];
}

/**
 * Runs a witness until it is asked to stop. When it is ready it prints one JSON line with its address and its public
 * key, which verifiers need (`--witness-key`) and the server (`WITNESS_KEY`).
 */
export async function witnessCommand(options: WitnessOptions, io: Io): Promise<number> {
  const { running, publicKey, release } = await startWitness(options, io, (store) => store);
  io.stdout.write(`${JSON.stringify({ event: 'ready', url: running.url, witnessKey: publicKey })}\n`);
  await io.stopRequested();
  await running.stop();
  release();
  return 0;
}

/** The parts of the command. `around` may wrap the store: tests stop the process between the disk and the answer. */
export async function startWitness(
  options: WitnessOptions,
  io: Io,
  around: (store: WitnessStore) => WitnessStore,
): Promise<{ readonly running: RunningWitness; readonly publicKey: string; readonly release: () => void }> {
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new FirebreakError('invalid_request', `--port ${options.port} is no port`);
  }
  mkdirSync(options.data, { recursive: true, mode: 0o700 });
  const fence = takeFence(join(options.data, 'witness.lock'));
  try {
    const pair = loadLogKey(join(options.data, 'witness-key.pem'));
    const key = witnessKey(options.name, pair.publicKey);
    const witness = createWitness({
      key,
      privateKey: pair.privateKey,
      logKeys: options.logKey.flatMap((given) => logKeysIn(given, io)),
      store: around(openWitnessStore(join(options.data, 'checkpoints'), key)),
      now: () => Date.now(),
      onContradiction: (why, note) => io.stderr.write(`${JSON.stringify({ event: 'contradiction', why, note })}\n`),
    });
    const running = await serveWitness(witness, {
      host: options.host,
      port,
      onError: (thrown) => io.stderr.write(`${JSON.stringify({ event: 'error', message: messageOf(thrown) })}\n`),
    });
    return { running, publicKey: formatWitnessKey(key), release: () => fence.release() };
  } catch (thrown) {
    fence.release();
    throw thrown;
  }
}

/** @throws FirebreakError `invalid_request` for what is neither a key nor a file with keys. */
function logKeysIn(given: string, io: Io): readonly NoteKey[] {
  const direct = parseVerifierKey(given.trim());
  if (direct !== null) return [direct];
  if (!existsSync(given)) throw new FirebreakError('invalid_request', `--log-key ${given} is no key and no file`);
  const text = io.readTextSync(given);
  if (text.trimStart().startsWith('{')) return parseKeys(text);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const key = parseVerifierKey(line.trim());
    if (key === null) throw new FirebreakError('invalid_request', `${given} holds a line that is no verifier key`);
    return key;
  });
}
