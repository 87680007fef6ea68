import { crashMatrix } from '../support/crash-matrix.ts';
import { sqliteHouse } from '../support/crash-places.ts';

crashMatrix('SQLite', sqliteHouse, ['campaign that is undone']);
