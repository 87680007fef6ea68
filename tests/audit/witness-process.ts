import { processIo } from '../../src/cli/io.ts';
import { startWitness } from '../../src/cli/witness.ts';

/**
 * The witness of `firebreak witness` in a process of its own that ends itself, without any warning, between its disk
 * and its answer: at the checkpoint of the size given. Arguments: data directory, key of the log, size (0: never).
 */
const [data = '', logKey = '', size = '0'] = process.argv.slice(2);
const io = processIo();
const options = { data, host: '127.0.0.1', port: '0', name: 'witness.example/w1', logKey: [logKey] };
const { running, publicKey } = await startWitness(options, io, (store) => ({
  ...store,
  keep(origin, state, note) {
    store.keep(origin, state, note);
    if (state.size === Number(size)) process.kill(process.pid, 'SIGKILL');
  },
}));
process.stdout.write(`${JSON.stringify({ url: running.url, witnessKey: publicKey })}\n`);
