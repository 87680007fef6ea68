/* The thread that writes a SQLite journal, from its source: a thread loads TypeScript only once it was told how. */
import { register } from 'tsx/esm/api';

register();
await import('../../src/journal/sqlite/store-thread.ts');
