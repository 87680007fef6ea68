import { expect, it } from 'vitest';
import { derivedId } from '../../../platform/hash.ts';
import { portalToken, readPortalToken } from './portal-token.ts';

const KEY = Buffer.alloc(32, 7);
const ID = derivedId('ptl', 'a');

it('proves nothing when any letter of it was changed, the last one too', () => {
  for (let expiresAt = 1; expiresAt <= 50; expiresAt += 1) {
    const token = portalToken(KEY, ID, expiresAt);
    expect(readPortalToken(KEY, token)).toMatchObject({ portalId: ID, expiresAt });
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
      if (!token.endsWith(last)) expect(readPortalToken(KEY, token.slice(0, -1) + last)).toBeNull();
  }
});
