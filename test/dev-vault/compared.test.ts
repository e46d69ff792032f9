import t from 'tap';
import { devVault } from '../../src/dev-vault/index.js';
import { COMPARED, firstDifference } from './compared.js';

for (const [name, list] of Object.entries(COMPARED)) {
  t.test(`answers ${list.length} odd requests (${name}) as a real server did`, async (t) => {
    await using vault = await devVault({ rootToken: 'root' });
    t.equal(await firstDifference(vault.address, list), undefined);
  });
}
