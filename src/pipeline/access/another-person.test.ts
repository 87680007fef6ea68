import { beforeEach, describe, expect, it } from 'vitest';
import { firstAdmin, type FirstAdmin } from '../../../tests/support/first-admin.ts';
import { requireAnother, type Word } from './another-person.ts';
import type { Principal } from './principal.ts';

let journal: FirstAdmin['journal'];
let access: FirstAdmin['access'];
let root: FirstAdmin['root'];
beforeEach(async () => {
  ({ journal, access, root } = await firstAdmin());
});

/** Somebody as they call with a key that they made themself. */
async function hired(name: string, ...linkedAccounts: string[]): Promise<Principal> {
  const email = `${name}@soc.example`;
  const user = await access.createUser(root, { kind: 'person', name, email, roles: ['CISO'], linkedAccounts });
  return {
    ...root.principal,
    userId: user.id,
    kind: 'person',
    linkedAccounts: [email, ...linkedAccounts],
    keyIssuedBy: user.id,
  };
}
const word = ({ userId: by, keyIssuedBy: issuedBy }: Principal): Word => ({ by, issuedBy });
const agree = (first: Principal, second: Principal) => requireAnother(journal, [word(first)], second);

describe('somebody who agrees with somebody else', () => {
  it('is another person', async () => {
    const [ada, ben] = [await hired('ada'), await hired('ben')];
    await expect(agree(ada, ben)).resolves.toBeUndefined();
    await expect(agree(ada, ada)).rejects.toThrow('another person has to');
  });

  it('is not the same one by a link of a link', async () => {
    const ada = await hired('ada', 'ada@acme.example');
    await hired('bridge', 'ada@acme.example', 'third@acme.example');
    const third = await hired('third', 'third@acme.example');
    await expect(agree(ada, third)).rejects.toThrow('another person has to');
    await expect(agree(third, ada)).rejects.toThrow('another person has to');
  });

  it('has no key that a second login of the other one made, whichever of the two names the other', async () => {
    const [ada, ben] = [await hired('ada'), await hired('ben')];
    const second = await hired('second', ada.userId);
    const lent = { ...ben, keyIssuedBy: second.userId };
    await expect(agree(ada, lent)).rejects.toThrow('made by the other person');
    await expect(agree(lent, ada)).rejects.toThrow('made by the other person');
  });

  it('has no key of whoever made the other one, under any login', async () => {
    const [ada, ben, cleo] = [await hired('ada'), await hired('ben'), await hired('cleo')];
    const second = await hired('second', cleo.userId);
    const [one, other] = [
      { ...ada, keyIssuedBy: cleo.userId },
      { ...ben, keyIssuedBy: second.userId },
    ];
    await expect(agree(one, other)).rejects.toThrow('made by the same person');
  });
});
