/** Says that a node runs in a data folder. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Refused } from 'sealing/errors';

/**
 * Held while the node `name` runs in `folder`. SQLite locks the empty file `running_<node>.lock` for it. The kernel ends the lock with the
 * process, however that ends, and shows it to other containers too.
 * @throws Refused when another process has it
 */
export function lockRunning(folder: string, name: string): Disposable {
  const database = new DatabaseSync(join(folder, `running_${name}.lock`), { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw new Refused(`${folder}: ${name} runs there already, or a program works on its files. Stop it first`, { cause: error });
  }
  return {
    [Symbol.dispose]: () => {
      database.close();
    },
  };
}
