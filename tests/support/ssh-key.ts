import ssh2 from 'ssh2';

/** Tries of one key. The library writes one key of 200 so that it cannot be read again. */
const MAX_TRIES = 20;

/** A new Ed25519 key in OpenSSH form, which can be read. */
export function newSshKey(): { readonly private: string; readonly public: string } {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    const isReadable = [pair.private, pair.public].every((text) => !(ssh2.utils.parseKey(text) instanceof Error));
    if (isReadable) return pair;
  }
  throw new Error(`none of ${MAX_TRIES} keys could be read again`);
}
