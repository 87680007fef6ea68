import { crashMatrix } from '../support/crash-matrix.ts';
import { sqliteHouse } from '../support/crash-places.ts';

crashMatrix('SQLite', sqliteHouse, ['impossible travel', '2FA bypass', 'privilege action']);
