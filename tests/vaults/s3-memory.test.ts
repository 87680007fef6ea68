import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fakeS3Options, startFakeS3, type FakeS3 } from '../support/fake-s3.ts';
import { PEAK_MIB } from '../support/peak-memory.ts';

/** Most that a process which takes an artefact may ever have in memory, in MiB, however large the artefact is. */
const MOST_MIB = 220;
/** Larger than that, in MiB: what kept the content would be far above. */
const ARTEFACT_MIB = 19 * 16;

let s3: FakeS3;
beforeAll(async () => {
  s3 = await startFakeS3();
});
afterAll(() => s3.close());

it(`takes and gives back ${ARTEFACT_MIB} MiB with less than ${MOST_MIB} MiB of memory`, async () => {
  const vault = fileURLToPath(new URL('../../dist/vaults/s3/vault.js', import.meta.url));
  // Every part is the same, so that the fake store holds it once.
  const script = `${PEAK_MIB}
    const { openS3Vault } = await import(${JSON.stringify(vault)});
    const options = { ...JSON.parse(process.argv[1]), prefix: '', keys: [], onFault() {} };
    const piece = Buffer.alloc(65_536, 7);
    async function* content() {
      for (let index = 0; index < ${ARTEFACT_MIB * 16}; index += 1) yield piece;
    }
    const vault = await openS3Vault(options);
    const ref = 'evd_0123456789abcdefghjkmnpqrs';
    const how = { signal: new AbortController().signal, maxBytes: 2 ** 40, retainUntil: Date.now() + 86_400_000 };
    const { sha256, broken } = await vault.write(ref, content(), how);
    const written = peakMib();
    let read = 0;
    for await (const each of await vault.read({ ref, sha256 })) read += each.length;
    await vault.close();
    console.log(JSON.stringify({ broken, read, written, mib: peakMib() }));
  `;
  const env = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(fakeS3Options(s3))], {
    env,
  });
  const [said, wrong] = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8'));
  let [out, errors] = ['', ''];
  said?.on('data', (text: string) => (out += text));
  wrong?.on('data', (text: string) => (errors += text));
  await once(child, 'close');
  expect(errors).toBe('');
  const found = JSON.parse(out);
  expect(found).toMatchObject({ broken: null, read: ARTEFACT_MIB * 1024 * 1024 });
  expect(found.mib).toBeLessThan(MOST_MIB);
  expect(s3.seen.filter((operation) => operation === 'UploadPart')).toHaveLength(19);
});
