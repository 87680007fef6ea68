import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** A real identity provider on this machine, with its own pages to sign in at. Only tests import this file. */
export interface TestProvider {
  readonly issuer: string;
  /** Who there is, by subject: what the provider says of them beside it. Changed by tests. */
  readonly people: Map<string, Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

export const CLIENT = { id: 'firebreak', secret: 'a client secret for tests only' };

/** @param redirectUri where it sends people back to. */
export async function startIdentityProvider(redirectUri: string): Promise<TestProvider> {
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens
  const people: TestProvider['people'] = new Map();
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: () => Promise.resolve({ sub: id, ...people.get(id) }),
    }),
    cookies: { keys: ['a key for tests only'] },
    pkce: { required: () => true },
    // Its own pages load a font from elsewhere and say that they are for development.
    features: { devInteractions: { enabled: true } },
  });
  const handle = provider.callback();
  return {
    issuer,
    people,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A port that nothing listens on at this moment: where people reach a server has to be known before it starts. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo; // it listens
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}
