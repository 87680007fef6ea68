/**
 * The only script of all pages: it asks the browser for a passkey, which no form can. Served as a file of our own, so that the
 * policy of the pages lets in nothing else. It decides nothing: what it sends is checked by the server, and who switches scripts
 * off is told in words what to do.
 */
export const PASSKEY_SCRIPT = `'use strict';
(() => {
  const bytesOf = (text) => {
    const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(plain, (character) => character.charCodeAt(0));
  };
  const textOf = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '');
  const described = (list) => (list ?? []).map((each) => ({ ...each, id: bytesOf(each.id) }));

  const answerOf = async (address, init) => {
    const reply = await fetch(address, { credentials: 'same-origin', ...init });
    const body = await reply.json();
    if (!reply.ok) throw new Error(body.detail ?? body.title ?? 'The server refused it');
    return body.data;
  };

  const register = async (form) => {
    const { nonce, publicKey } = await answerOf(form.dataset.passkeyRegister + '/options');
    const made = await navigator.credentials.create({
      publicKey: {
        ...publicKey,
        challenge: bytesOf(publicKey.challenge),
        user: { ...publicKey.user, id: bytesOf(publicKey.user.id) },
        excludeCredentials: described(publicKey.excludeCredentials),
      },
    });
    const response = {
      id: made.id,
      rawId: textOf(made.rawId),
      type: made.type,
      response: {
        clientDataJSON: textOf(made.response.clientDataJSON),
        attestationObject: textOf(made.response.attestationObject),
        transports: made.response.getTransports?.() ?? [],
      },
    };
    const body = JSON.stringify({ name: form.elements.name.value, nonce, response });
    await answerOf(form.dataset.passkeyRegister, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    location.reload();
  };

  const add = (form, name, value) => {
    const field = document.createElement('input');
    field.type = 'hidden';
    field.name = name;
    field.value = value;
    form.append(field);
  };

  const approve = async (form) => {
    const query = new URLSearchParams({ decision: 'APPROVE', intentHash: form.elements.intentHash.value });
    const { nonce, publicKey } = await answerOf(form.dataset.passkeyVote + '?' + query);
    const signed = await navigator.credentials.get({
      publicKey: {
        ...publicKey,
        challenge: bytesOf(publicKey.challenge),
        allowCredentials: described(publicKey.allowCredentials),
      },
    });
    const assertion = {
      credentialId: textOf(signed.rawId),
      authenticatorData: textOf(signed.response.authenticatorData),
      clientDataJSON: textOf(signed.response.clientDataJSON),
      signature: textOf(signed.response.signature),
      nonce,
    };
    add(form, 'decision', 'APPROVE');
    add(form, 'assertion', JSON.stringify(assertion));
    form.submit();
  };

  const wordsOf = (thrown) =>
    thrown instanceof DOMException
      ? 'The browser gave no passkey (' + thrown.name + '): try again, or use another device. Nothing was sent.'
      : thrown.message;

  const guard = (form, isMeant, work) => {
    form.addEventListener('submit', async (event) => {
      if (!isMeant(event)) return;
      event.preventDefault();
      const problem = form.querySelector('[data-passkey-problem]');
      const buttons = [...form.querySelectorAll('button')];
      problem.hidden = true;
      for (const button of buttons) button.disabled = true;
      try {
        await work(form);
      } catch (thrown) {
        problem.textContent = wordsOf(thrown);
        problem.hidden = false;
        for (const button of buttons) button.disabled = false;
      }
    });
  };

  for (const note of document.querySelectorAll('[data-passkey-scriptless]')) note.hidden = true;
  for (const form of document.querySelectorAll('form[data-passkey-register]')) guard(form, () => true, register);
  for (const form of document.querySelectorAll('form[data-passkey-vote]')) {
    guard(form, (event) => event.submitter?.value === 'APPROVE', approve);
  }
})();
`;

/** Where it is served. */
export const PASSKEY_SCRIPT_PATH = '/passkeys.js';
