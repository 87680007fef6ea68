import { canonicalJson, type JsonObject } from '../../platform/canonical-json.ts';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { derivedId, sha256Base64Url } from '../../platform/hash.ts';
import { applyAccessChange, existing } from './access-change.ts';
import { MAX_NAME_LENGTH, textOf } from './access.ts';
import { inForce } from './access-in-force.ts';
import { presentActor } from './actor.ts';
import { requireMayActOn } from './may-change.ts';
import { loadUser, type AccessJournal, type PageOf, type Versioned } from './access.store.ts';
import type { Assertion, SignedAnswer } from './assertion.ts';
import { MAX_PASSKEYS, REGISTRATION_WINDOW_MS, type Passkey } from './passkey.ts';
import { listPasskeys, loadPasskey, loadPasskeyByCredential, passkeyWrite } from './passkey.store.ts';
import { requireOperation, type CallContext, type Principal } from './principal.ts';
import { NO_RELYING_PARTY, type RelyingParty } from './relying-party.ts';
import { isOurNonce, NONCE_BYTES, NONCE_LIFETIME_MS, sealedNonce } from './sealed-nonce.ts';
import type { RandomBytes } from './secret.ts';
import { loadSession } from './session.store.ts';
import { registeredCredential, whyNotSigned, type RegistrationResponse } from './webauthn.ts';

/** What a browser is asked to make a passkey with, and the nonce that has to come back with it. */
export interface RegistrationOptions {
  readonly nonce: string;
  /** As `navigator.credentials.create` takes it, binary members in base64url. */
  readonly publicKey: JsonObject;
}

/** What a browser is asked to have signed, and the nonce that has to come back with it. */
export interface SigningOptions {
  readonly nonce: string;
  /** As `navigator.credentials.get` takes it, binary members in base64url. */
  readonly publicKey: JsonObject;
}

/** Passkeys of people: made and used in browsers, kept here by their public keys. */
export interface PasskeyService {
  /** The caller's own, newest first. */
  list(ctx: CallContext, page: { readonly limit: number; readonly skip: number }): Promise<PageOf<Passkey>>;
  /** Those of somebody else. @throws FirebreakError `not_found`. */
  listOf(ctx: CallContext, input: { readonly userId: string }): Promise<readonly Passkey[]>;
  /** What a browser needs to make one. Nothing is stored. @throws FirebreakError `forbidden` but soon after signing in, `conflict`. */
  options(ctx: CallContext): Promise<RegistrationOptions>;
  /** Keeps one that was just made. @throws FirebreakError `passkey_refused`, `forbidden`, `conflict`. */
  register(
    ctx: CallContext,
    input: { readonly name: string; readonly nonce: string; readonly response: RegistrationResponse },
  ): Promise<Passkey>;
  rename(ctx: CallContext, input: { readonly id: string; readonly name: string }): Promise<Passkey>;
  /** Removes one of the caller's own, for good. @throws FirebreakError `not_found`, also for those of others. */
  remove(ctx: CallContext, input: { readonly id: string }): Promise<Passkey>;
  /** Removes one of somebody else's. @throws FirebreakError `not_found`, `forbidden`. */
  revoke(ctx: CallContext, input: { readonly userId: string; readonly id: string }): Promise<Passkey>;
}

/** Passkeys as a proof of what somebody decides. */
export interface PasskeyProofs {
  /**
   * What a browser needs so that one of the caller's passkeys signs. `purpose` says what the nonce is for; the challenge is made
   * of it. @throws FirebreakError `passkey_needed` when there is no passkey, or no session.
   */
  ask(
    ctx: CallContext,
    what: { readonly purpose: readonly string[]; readonly challengeOf: (nonce: string) => string },
  ): Promise<SigningOptions>;
  /**
   * What the caller's passkey signed for this challenge, checked and complete; that a nonce is used once is for the record of
   * what it was used for to decide. The count of an authenticator that counts is on
   * record before this answers, so that no copy of it can sign again. @throws FirebreakError `passkey_refused`.
   */
  prove(
    ctx: CallContext,
    answer: SignedAnswer,
    what: { readonly purpose: readonly string[]; readonly challenge: string },
  ): Promise<Assertion>;
}

export interface PasskeyPorts {
  /** Must be unpredictable. */
  readonly randomBytes: RandomBytes;
  /** Seals nonces; the same in all processes of the journal. */
  readonly key: Uint8Array;
  /** Null: there are no passkeys here. */
  readonly site: RelyingParty | null;
}

export function createPasskeyService(journal: AccessJournal, ports: PasskeyPorts): PasskeyService & PasskeyProofs {
  const { randomBytes, key } = ports;
  const site = (): RelyingParty => {
    if (ports.site === null) throw new FirebreakError('conflict', NO_RELYING_PARTY);
    return ports.site;
  };

  async function change(ctx: CallContext, id: string, isMeant: (passkey: Passkey) => boolean, after: Partial<Passkey>) {
    return applyAccessChange(journal, ctx, async () => {
      const found = await loadPasskey(journal, id);
      if (found === null || found.item.removedAt !== null || !isMeant(found.item)) throw noSuchPasskey();
      const passkey: Passkey = { ...found.item, ...after };
      return { writes: [passkeyWrite(passkey, found.version, ctx.principal.userId, ctx.now)], answer: passkey };
    });
  }

  /** Asked again within the change, so that of two registrations at once one is the last that there is room for. */
  async function requireRoom(userId: string): Promise<readonly Passkey[]> {
    const { items, total } = await listPasskeys(journal, { subject: userId, limit: MAX_PASSKEYS, skip: 0 });
    if (total < MAX_PASSKEYS) return items;
    throw new FirebreakError('conflict', `You have ${MAX_PASSKEYS} passkeys: remove one that you do not use any more`);
  }

  return {
    async list({ principal }, page) {
      requireOperation(principal, 'passkey.own');
      return listPasskeys(journal, { ...page, subject: principal.userId });
    },

    async listOf({ principal }, { userId }) {
      requireOperation(principal, 'user.read');
      await existing(loadUser(journal, userId), 'user');
      return (await listPasskeys(journal, { subject: userId, limit: MAX_PASSKEYS, skip: 0 })).items;
    },

    async options(ctx) {
      const { principal, now } = ctx;
      requireOperation(principal, 'passkey.own');
      const { rpId } = site();
      await requireFreshSession(journal, ctx);
      const known = await requireRoom(principal.userId);
      const nonce = sealedNonce(key, purposeOf(principal), now, randomBytes(NONCE_BYTES));
      const { item: user } = await existing(loadUser(journal, principal.userId), 'user');
      return {
        nonce,
        publicKey: {
          rp: { id: rpId, name: 'Firebreak' },
          user: {
            id: Buffer.from(user.id).toString('base64url'),
            name: user.email ?? user.name,
            displayName: user.name,
          },
          challenge: registrationChallenge(principal, nonce),
          pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
          timeout: NONCE_LIFETIME_MS,
          attestation: 'none',
          excludeCredentials: known.map(describe),
          authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
        },
      };
    },

    async register(ctx, { name, nonce, response }) {
      const { principal, now } = ctx;
      requireOperation(principal, 'passkey.own');
      const party = site();
      requireSession(principal);
      const called = checkedName(name);
      // A nonce was given to a session that had just begun, and is worth nothing to any other.
      if (!isOurNonce(key, nonce, purposeOf(principal), now)) {
        throw new FirebreakError(
          'passkey_refused',
          'The passkey was asked for too long ago, or elsewhere: begin again',
        );
      }
      const registered = await registeredCredential(response, registrationChallenge(principal, nonce), party);
      if (!registered.ok) throw notRegistered(registered.cause);
      const { credential } = registered;
      const passkey: Passkey = {
        id: derivedId('psk', credential.credentialId),
        userId: principal.userId,
        name: called,
        ...credential,
        createdAt: now,
        removedAt: null,
        removedBy: null,
      };
      return applyAccessChange(journal, ctx, async () => {
        await requireRoom(principal.userId);
        // For ever: who could register it again could bring back what was removed, or take it over from somebody.
        if ((await loadPasskeyByCredential(journal, passkey.credentialId)) !== null)
          throw new FirebreakError('conflict', 'This passkey is or was registered already: make a new one');
        return { writes: [passkeyWrite(passkey, 0, principal.userId, now)], answer: passkey };
      });
    },

    async rename(ctx, { id, name }) {
      requireOperation(ctx.principal, 'passkey.own');
      requireSession(ctx.principal);
      return change(ctx, id, ({ userId }) => userId === ctx.principal.userId, { name: checkedName(name) });
    },

    async remove(ctx, { id }) {
      const { userId } = ctx.principal;
      requireOperation(ctx.principal, 'passkey.own');
      requireSession(ctx.principal);
      return change(ctx, id, (passkey) => passkey.userId === userId, { removedAt: ctx.now, removedBy: userId });
    },

    async revoke(ctx, { userId, id }) {
      requireOperation(ctx.principal, 'user.manage');
      const { item: owner } = await existing(loadUser(journal, userId), 'user');
      requireMayActOn(await presentActor(journal, ctx.principal, 'user.manage'), await inForce(journal, owner));
      const after = { removedAt: ctx.now, removedBy: ctx.principal.userId };
      return change(ctx, id, (passkey) => passkey.userId === userId, after);
    },

    async ask({ principal, now }, { purpose, challengeOf }) {
      const { rpId } = site();
      if (principal.provenBy !== 'session') throw new FirebreakError('passkey_needed', BY_SESSION);
      const { items } = await listPasskeys(journal, { subject: principal.userId, limit: MAX_PASSKEYS, skip: 0 });
      const usable = items.filter((passkey) => passkey.rpId === rpId);
      if (usable.length === 0) throw new FirebreakError('passkey_needed', NONE_YET);
      const nonce = sealedNonce(key, [...purpose, principal.userId], now, randomBytes(NONCE_BYTES));
      return {
        nonce,
        publicKey: {
          challenge: challengeOf(nonce),
          rpId,
          timeout: NONCE_LIFETIME_MS,
          userVerification: 'required',
          allowCredentials: usable.map(describe),
        },
      };
    },

    async prove(ctx, answer, { purpose, challenge }) {
      const { principal, now } = ctx;
      const { rpId, origin } = site();
      if (principal.provenBy !== 'session') throw new FirebreakError('passkey_refused', BY_SESSION);
      if (!isOurNonce(key, answer.nonce, [...purpose, principal.userId], now))
        throw refused('it was asked too long ago, or for something else');
      const own = async (): Promise<Versioned<Passkey>> => {
        const found = await loadPasskeyByCredential(journal, answer.credentialId);
        if (found === null || found.item.userId !== principal.userId || found.item.removedAt !== null)
          throw refused('it is not one of yours, or was removed');
        if (found.item.rpId !== rpId) throw refused(`it was registered for ${found.item.rpId}`);
        return found;
      };
      const { item } = await own();
      const assertion = { ...answer, publicKey: item.publicKey, signCount: countOf(answer), rpId, origin };
      const why = await whyNotSigned(assertion, challenge, item.signCount);
      if (why !== null) throw refused(why);
      if (assertion.signCount === 0) return assertion;
      return applyAccessChange(journal, ctx, async () => {
        const present = await own();
        if (assertion.signCount <= present.item.signCount)
          throw refused('its count does not go on: there is a copy of it');
        const counted: Passkey = { ...present.item, signCount: assertion.signCount };
        return { writes: [passkeyWrite(counted, present.version, principal.userId, now)], answer: assertion };
      });
    },
  };
}

/** COSE algorithms in order of preference: Ed25519, ES256, RS256. Every authenticator has one of them. */
const ALGORITHMS = [-8, -7, -257];

const BY_SESSION =
  'A passkey counts together with the session of a browser: sign in, and answer on the page of the request under /approvals';
const NONE_YET = 'You have no passkey yet: register one under /account, soon after signing in';

function registrationChallenge({ userId, keyId }: Principal, nonce: string): string {
  return sha256Base64Url(canonicalJson({ what: 'firebreak passkey', userId, sessionId: keyId, nonce }));
}

function purposeOf({ userId, keyId }: Principal): readonly string[] {
  return ['passkey', userId, keyId];
}

/** @throws FirebreakError `conflict`: whoever made a key for somebody, or has found one, must not become a passkey of theirs. */
function requireSession({ provenBy }: Principal): void {
  if (provenBy === 'session') return;
  throw new FirebreakError(
    'conflict',
    'Passkeys are changed by the session of a browser only: sign in, and open /account',
  );
}

async function requireFreshSession(journal: AccessJournal, { principal, now }: CallContext): Promise<void> {
  requireSession(principal);
  const session = (await loadSession(journal, principal.keyId))?.item.session;
  if (session !== undefined && now < session.createdAt + REGISTRATION_WINDOW_MS) return;
  throw new FirebreakError(
    'forbidden',
    'A passkey is registered within 10 minutes after signing in: sign in again, and come back to /account',
  );
}

function checkedName(name: string): string {
  const faults: Fault[] = [];
  const text = textOf(name, '/name', MAX_NAME_LENGTH, faults);
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The name is not valid', faults);
  return text;
}

function describe({ credentialId, transports }: Passkey) {
  return { type: 'public-key', id: credentialId, transports } as const;
}

/** Where the counter stands in authenticator data: behind the hash of the rpId and the flags (WebAuthn Level 3, section 6.1). */
const COUNT_AT = 33;

/** What is too short to hold a count is refused with the signature. */
function countOf({ authenticatorData }: SignedAnswer): number {
  const bytes = Buffer.from(authenticatorData, 'base64url');
  return bytes.length < COUNT_AT + 4 ? 0 : bytes.readUInt32BE(COUNT_AT);
}

function noSuchPasskey(): FirebreakError {
  return new FirebreakError('not_found', 'There is no such passkey');
}

/** The cause names values that the browser sent: for whoever reads logs, not for pages. */
function notRegistered(cause: string): FirebreakError {
  const said = 'What the browser sent does not register a passkey for this site: begin again';
  return new FirebreakError('passkey_refused', said, [], { cause });
}

function refused(why: string): FirebreakError {
  return new FirebreakError('passkey_refused', `The passkey does not prove this answer: ${why}`.slice(0, MAX_REASON));
}

/** Longest reason, in UTF-16 units: some of it is what the browser sent. */
const MAX_REASON = 300;
