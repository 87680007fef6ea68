import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { z } from 'zod';
import { messageOf } from '../../platform/errors.ts';
import type { Assertion } from './assertion.ts';
import type { Passkey } from './passkey.ts';
import type { RelyingParty } from './relying-party.ts';

/** Longest attestation object, in characters of base64url: without a chain of certificates it takes some 400 bytes. */
const MAX_ATTESTATION = 8_192;

/** What browsers hand over when a passkey was made; of the rest of it nothing is used. */
export const REGISTRATION_RESPONSE = z.looseObject({
  id: z.string().min(1).max(2_048),
  rawId: z.string().min(1).max(2_048),
  type: z.literal('public-key'),
  response: z.looseObject({
    clientDataJSON: z.string().max(MAX_ATTESTATION),
    attestationObject: z.string().max(MAX_ATTESTATION),
    transports: z
      .array(z.string().regex(/^[a-z-]{1,32}$/))
      .max(8)
      .optional(),
  }),
});
export type RegistrationResponse = z.infer<typeof REGISTRATION_RESPONSE>;

/** What is kept of a passkey that was just made. */
export type RegisteredCredential = Pick<
  Passkey,
  'credentialId' | 'publicKey' | 'signCount' | 'rpId' | 'transports' | 'backedUp'
>;

export type Registered =
  { readonly ok: true; readonly credential: RegisteredCredential } | { readonly ok: false; readonly cause: string };

/** The library takes half a second to load, for formats of attestation that are not used here: whoever uses no passkey does without. */
const library = () => import('@simplewebauthn/server');
const helpers = () => import('@simplewebauthn/server/helpers');

/**
 * Checks what a browser says it has registered: on our site, for this challenge, by somebody who has proven to the authenticator
 * who they are. Attestations with certificates are refused: none was asked for, and checking one would ask other servers.
 */
export async function registeredCredential(
  response: RegistrationResponse,
  challenge: string,
  { rpId, origin }: RelyingParty,
): Promise<Registered> {
  try {
    const { decodeAttestationObject, isoBase64URL } = await helpers();
    const { verifyRegistrationResponse } = await library();
    const attestation = decodeAttestationObject(isoBase64URL.toBuffer(response.response.attestationObject));
    const isPlain =
      ['none', 'packed'].includes(attestation.get('fmt')) && attestation.get('attStmt').get('x5c') === undefined;
    if (!isPlain) return { ok: false, cause: 'an attestation was sent that was not asked for' };
    const { id, rawId, type } = response;
    const { clientDataJSON, attestationObject, transports = [] } = response.response;
    const sent: RegistrationResponseJSON = {
      id,
      rawId,
      type,
      response: { clientDataJSON, attestationObject },
      clientExtensionResults: {},
    };
    const expected = { expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: rpId };
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: sent,
      ...expected,
      requireUserVerification: true,
    });
    if (!verified) return { ok: false, cause: 'the signature is wrong' };
    const { credential, credentialBackedUp } = registrationInfo;
    return {
      ok: true,
      credential: {
        credentialId: credential.id,
        publicKey: isoBase64URL.fromBuffer(credential.publicKey),
        signCount: credential.counter,
        rpId,
        transports,
        backedUp: credentialBackedUp,
      },
    };
  } catch (thrown) {
    return { ok: false, cause: messageOf(thrown) };
  }
}

/**
 * Why an assertion is not what the owner of `publicKey` signed for this challenge, or null: signature, site, challenge, and that
 * the authenticator knew who was there. Needs nothing but its arguments, so that it can be asked again years later.
 *
 * @param knownCount the highest count seen before: one that is not higher comes from a copy, unless neither counts.
 */
export async function whyNotSigned(
  assertion: Assertion,
  challenge: string,
  knownCount: number,
): Promise<string | null> {
  const { credentialId, authenticatorData, clientDataJSON, signature, publicKey, rpId, origin } = assertion;
  const response: AuthenticationResponseJSON = {
    id: credentialId,
    rawId: credentialId,
    type: 'public-key',
    response: { authenticatorData, clientDataJSON, signature },
    clientExtensionResults: {},
  };
  try {
    const { verifyAuthenticationResponse } = await library();
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      credential: { id: credentialId, publicKey: Buffer.from(publicKey, 'base64url'), counter: knownCount },
      requireUserVerification: true,
    });
    if (!verified) return 'its signature is wrong';
    return authenticationInfo.newCounter === assertion.signCount ? null : 'its count is not what was signed';
  } catch (thrown) {
    return messageOf(thrown);
  }
}
