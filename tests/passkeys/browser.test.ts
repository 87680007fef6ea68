import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_BROWSER, startBrowser } from '../support/browser.ts';
import { freePort } from '../support/identity-provider.ts';
import { BASE, byHand, SUSPEND } from '../support/playbooks.ts';
import { startHarness, type Harness, type Person } from '../support/server.ts';
import { givePassword, PASSWORD } from '../support/visitor.ts';

/** Passkeys in a real browser, with the authenticator that Chromium brings for tests. */

if (NO_BROWSER !== null) process.stderr.write(`\nSKIPPED: no browser has used a passkey, since ${NO_BROWSER}\n`);

/** The width of a small telephone, in CSS pixels. */
const PHONE = { width: 360, height: 740 };

let house: Harness;
let browser: Browser;
let requester: Person;
/** Under the name that people use: authenticators know no addresses of numbers. */
let site: string;

beforeAll(async () => {
  if (NO_BROWSER !== null) return;
  const port = await freePort();
  site = `http://localhost:${port}`;
  house = await startHarness({ env: { PORT: String(port), HOST: 'localhost', PUBLIC_URL: site } });
  browser = await startBrowser();
  requester = await house.person('INCIDENT_COMMANDER');
  for (const email of ['bea@soc.example', 'cyd@soc.example'])
    await givePassword(house, (await house.person('SECURITY_ADMIN', { email })).id);
  const approval = { roles: ['SECURITY_ADMIN'], requiredApprovers: 1, requirePasskey: true };
  await house.admin.api('POST', BASE, byHand('keyed', [{ ...SUSPEND, requiresApproval: true, approval }]));
}, 60_000);
afterAll(async () => {
  if (NO_BROWSER !== null) return;
  await browser.close();
  await house.stop();
});

async function asked(userId: string): Promise<string> {
  const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'keyed', userId });
  await house.settled(run.body.data.executionId);
  const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${run.body.data.executionId}`);
  return body.data[0].id;
}

interface Phone {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly cdp: CDPSession;
  readonly authenticatorId: string;
  /** What the console complained about: a script or a style that the policy refuses. */
  readonly complaints: string[];
}

/** A telephone with a platform authenticator that knows its owner. */
async function phone(javaScriptEnabled = true): Promise<Phone> {
  const context = await browser.newContext({ viewport: PHONE, javaScriptEnabled });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  const cdp = await context.newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { page, context, cdp, authenticatorId, complaints };
}

async function signIn(page: Page, email = 'bea@soc.example', to = '/account'): Promise<void> {
  await page.goto(`${site}${to}`);
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${site}${to}`);
}

async function register(page: Page, name: string): Promise<void> {
  await page.goto(`${site}/account`);
  await page.getByLabel('Name of a new passkey').fill(name);
  await page.getByRole('button', { name: 'Register a passkey' }).click();
  await page.getByText(name, { exact: true }).waitFor();
}

async function widthOf(page: Page): Promise<number> {
  const boxes = await Promise.all(
    (await page.locator('body *:visible').all()).map(async (element) => {
      const box = await element.boundingBox();
      return box === null ? 0 : box.x + box.width;
    }),
  );
  return Math.max(...boxes);
}

describe.skipIf(NO_BROWSER !== null)('somebody with a telephone that knows them', () => {
  it('registers a passkey and approves with it', async () => {
    const id = await asked('anna');
    const { page, context, complaints } = await phone();
    await signIn(page);
    expect(await page.getByText('You have none yet.').isVisible()).toBe(true);
    await register(page, 'my telephone');
    expect(await widthOf(page)).toBeLessThanOrEqual(PHONE.width);
    await page.goto(`${site}/approvals/${id}`);
    await page.getByLabel('Comment').fill('I called her');
    await page.getByRole('button', { name: 'Approve with a passkey' }).click();
    await page.getByText('It was approved.').waitFor();
    expect(await page.getByText('with a passkey').isVisible()).toBe(true);
    expect(complaints).toEqual([]);
    const { body } = await house.admin.api('GET', `${BASE}/approvals/${id}`);
    expect(body.data.votes).toMatchObject([
      { decision: 'APPROVE', comment: 'I called her', assertion: { rpId: 'localhost', origin: site } },
    ]);
    await context.close();
  });

  it('is refused by an authenticator that does not know them, and nothing is sent', async () => {
    const id = await asked('bela');
    const { page, context, cdp, authenticatorId } = await phone();
    await signIn(page);
    await register(page, 'second telephone');
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await page.goto(`${site}/approvals/${id}`);
    await page.getByRole('button', { name: 'Approve with a passkey' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('Nothing was sent');
    expect((await house.admin.api('GET', `${BASE}/approvals/${id}`)).body.data.votes).toEqual([]);
    await context.close();
  }, 60_000);

  it('is told what to do without a passkey, and can still deny', async () => {
    const id = await asked('david');
    const { page, context } = await phone();
    await signIn(page, 'cyd@soc.example', `/approvals/${id}`);
    await page.getByRole('button', { name: 'Approve with a passkey' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('register one under /account');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByText('It was denied.').waitFor();
    await context.close();
  });

  it('is told what to do without scripts, and can still deny', async () => {
    const id = await asked('emma');
    const { page, context } = await phone(false);
    await signIn(page, 'cyd@soc.example', `/approvals/${id}`);
    expect(await page.getByText('allow scripts of this site to approve').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Approve with a passkey' }).click();
    expect(await page.getByRole('alert').first().textContent()).toContain('A passkey is needed to approve this');
    await page.getByRole('button', { name: 'Deny' }).click();
    expect(await page.getByText('It was denied.').isVisible()).toBe(true);
    await context.close();
  });

  it('renames and removes passkeys, ends sessions and changes the password on one page', async () => {
    const { page, context, complaints } = await phone();
    await signIn(page, 'cyd@soc.example');
    await register(page, 'old name');
    await page.getByLabel('Name', { exact: true }).fill('new name');
    await page.getByRole('button', { name: 'Rename old name' }).click();
    expect(await page.getByText('new name', { exact: true }).isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Remove new name' }).click();
    expect(await page.getByText('You have none yet.').isVisible()).toBe(true);
    await page.getByRole('button', { name: 'End it' }).first().click();
    await page.getByLabel('Present password').fill('wrong');
    await page.getByLabel('New password').fill('another four of nonsense');
    await page.getByRole('button', { name: 'Change the password' }).click();
    expect(await page.getByRole('alert').first().textContent()).toContain('The old password is wrong');
    await page.getByLabel('Present password').fill(PASSWORD);
    await page.getByLabel('New password').fill('another four of nonsense');
    await page.getByRole('button', { name: 'Change the password' }).click();
    expect(await page.getByRole('listitem').count()).toBe(1);
    expect(await widthOf(page)).toBeLessThanOrEqual(PHONE.width);
    await page.getByRole('button', { name: 'End this session' }).click();
    await page.waitForURL(/\/sign-in/);
    expect(complaints.filter((text) => !text.includes('403'))).toEqual([]);
    await context.close();
  });

  it('runs no script that somebody else brings', async () => {
    const { page, context, complaints } = await phone();
    await signIn(page);
    await page.evaluate(`{
      const script = document.createElement('script');
      script.textContent = 'globalThis.stolen = true';
      document.body.append(script);
    }`);
    expect(await page.evaluate(`'stolen' in globalThis`)).toBe(false);
    expect(complaints.join()).toContain('Content Security Policy');
    await context.close();
  });
});
