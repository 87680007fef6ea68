import { randomBytes } from 'node:crypto';
import type { Services } from '../api/services.ts';
import type { AccessJournal } from '../pipeline/access/access.store.ts';
import { createPasskeyService, type PasskeyProofs, type PasskeyService } from '../pipeline/access/passkeys.service.ts';
import { relyingPartyOf } from '../pipeline/access/relying-party.ts';
import { createPasswordHasher, type ScryptCost } from '../pipeline/access/password-hasher.ts';
import { createPasswordService } from '../pipeline/access/passwords.service.ts';
import { createSessionService } from '../pipeline/access/sessions.service.ts';
import { createSingleSignOnService } from '../pipeline/access/single-sign-on.service.ts';
import type { Config } from '../platform/config.ts';
import { configuredProvider } from './single-sign-on.ts';

export interface SignInPorts {
  readonly journal: AccessJournal;
  /** Seals what passkeys are asked with. */
  readonly passkeyKey: Uint8Array;
  /** What a password costs to check. Absent: what is right today. */
  readonly passwordCost: ScryptCost | undefined;
  /** A sign-in or a refusal is on record. Must not throw. */
  readonly onRecorded: () => void;
  /** Told why somebody could not sign in at the identity provider. */
  readonly onRefused: (why: string) => void;
}

/** How people prove who they are: by password, by passkey, and at the identity provider where one is configured. */
export function openSignIn(
  config: Config,
  { journal, passkeyKey, passwordCost, onRecorded, onRefused }: SignInPorts,
): Pick<Services, 'sessions' | 'passwords' | 'singleSignOn'> & { readonly passkeys: PasskeyService & PasskeyProofs } {
  const identity = configuredProvider(config, onRefused);
  const { roleOf, groupOf } = identity ?? { roleOf: new Map(), groupOf: new Map() };
  const hasher = createPasswordHasher(passwordCost);
  return {
    sessions: createSessionService(journal),
    passwords: createPasswordService(journal, { randomBytes, hasher, onRecorded }),
    passkeys: createPasskeyService(journal, {
      randomBytes,
      key: passkeyKey,
      site: relyingPartyOf(config.publicUrl),
    }),
    singleSignOn:
      identity === null
        ? null
        : { ...identity, service: createSingleSignOnService(journal, { randomBytes, roleOf, groupOf, onRecorded }) },
  };
}
