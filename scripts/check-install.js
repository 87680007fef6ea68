/*
 * Runs after the installation and says in words what npm says in pages: whether the SQLite driver can be used. It
 * never fails the installation, because everything but the embedded journal works without it.
 */
import { createRequire } from 'node:module';

try {
  new (createRequire(import.meta.url)('better-sqlite3'))(':memory:').close();
} catch (thrown) {
  const reason = thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '') : String(thrown);
  process.stderr.write(
    [
      '',
      'Firebreak: the SQLite driver (better-sqlite3) is missing, so the server cannot keep its journal.',
      'No prebuilt binary could be had and compiling it needs a C++ compiler, make and Python 3.',
      '  Debian, Ubuntu:  apt-get install g++ make python3',
      '  Fedora:          dnf install gcc-c++ make python3',
      '  macOS:           xcode-select --install',
      'Then: npm rebuild better-sqlite3',
      `(The loader said: ${reason})`,
      '',
      '',
    ].join('\n'),
  );
}
