import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_BROWSER, startBrowser } from '../support/browser.ts';
import { CLIENT, freePort, startIdentityProvider, type TestProvider } from '../support/identity-provider.ts';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, type Harness, type Person } from '../support/server.ts';
import { givePassword, PASSWORD } from '../support/visitor.ts';

/** The pages in a real browser: on a telephone, without JavaScript, in the dark. */

if (NO_BROWSER !== null) process.stderr.write(`\nSKIPPED: the pages were not seen by a browser, since ${NO_BROWSER}\n`);

/** The width of a small telephone, in CSS pixels. */
const PHONE = { width: 360, height: 740 };

let house: Harness;
let idp: TestProvider;
let browser: Browser;
let requester: Person;
beforeAll(async () => {
  if (NO_BROWSER !== null) return;
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  idp = await startIdentityProvider(`${publicUrl}/sign-in/oidc/callback`);
  idp.people.set('nora', { email: 'nora@corp.example', email_verified: true, name: 'Nora', groups: ['soc-leads'] });
  const env = {
    PORT: String(port),
    PUBLIC_URL: publicUrl,
    OIDC_ISSUER: idp.issuer,
    OIDC_CLIENT_ID: CLIENT.id,
    OIDC_CLIENT_SECRET: CLIENT.secret,
    OIDC_ROLE_MAP: '{"soc-leads": "INCIDENT_COMMANDER"}',
  };
  house = await startHarness({ env });
  browser = await startBrowser();
  requester = await house.person('INCIDENT_COMMANDER');
  const bea = await house.person('SECURITY_ADMIN', { email: 'bea@soc.example' });
  await givePassword(house, bea.id);
  await house.admin.api('POST', BASE, byHand('two-votes', [SUSPEND_APPROVED]));
}, 60_000);
afterAll(async () => {
  if (NO_BROWSER !== null) return;
  await browser.close();
  await house.stop();
  await idp.stop();
});

async function asked(userId: string): Promise<string> {
  const run = await requester.api('POST', `${BASE}/executions/trigger`, { playbookId: 'two-votes', userId });
  await house.settled(run.body.data.executionId);
  const { body } = await house.admin.api('GET', `${BASE}/approvals?executionId=${run.body.data.executionId}`);
  return body.data[0].id;
}

/** A telephone that runs no script. What its console complains about is kept: a style or a form that the policy refuses. */
async function phone(
  colorScheme: 'light' | 'dark' = 'light',
): Promise<{ page: Page; complaints: string[]; context: BrowserContext }> {
  const context = await browser.newContext({ viewport: PHONE, javaScriptEnabled: false, colorScheme });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  return { page, complaints, context };
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Email address').fill('bea@soc.example');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Widest thing on the page, in CSS pixels: what is wider than the window has to be pushed aside to be read. */
async function widthOf(page: Page): Promise<number> {
  const boxes = await Promise.all(
    (await page.locator('body *:visible').all()).map(async (element) => {
      const box = await element.boundingBox();
      return box === null ? 0 : box.x + box.width;
    }),
  );
  return Math.max(...boxes);
}

describe.skipIf(NO_BROWSER !== null)('somebody with a telephone', () => {
  it('signs in with a password, is led to the request, approves it and signs out', async () => {
    const id = await asked('anna');
    const { page, complaints, context } = await phone();
    await page.goto(`${house.url}/approvals/${id}`);
    await signIn(page);
    expect(new URL(page.url()).pathname).toBe(`/approvals/${id}`);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('anna');
    expect(await widthOf(page)).toBeLessThanOrEqual(PHONE.width);
    await page.getByLabel('Comment').fill('I called her');
    await page.getByRole('button', { name: 'Approve' }).click();
    expect(await page.getByText('I called her').isVisible()).toBe(true);
    await page.getByRole('link', { name: 'Approvals' }).click();
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
      'Waiting for you',
      'Waiting for others',
    ]);
    expect(await widthOf(page)).toBeLessThanOrEqual(PHONE.width);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.goto(`${house.url}/approvals`);
    expect(new URL(page.url()).pathname).toBe('/sign-in');
    expect(complaints).toEqual([]);
    await context.close();
    const { body } = await house.admin.api('GET', `${BASE}/approvals/${id}`);
    expect(body.data.votes).toMatchObject([{ decision: 'APPROVE', comment: 'I called her' }]);
  });

  it('comes in by single sign-on and denies', async () => {
    const id = await asked('bela');
    const { page, complaints, context } = await phone();
    await page.goto(`${house.url}/approvals/${id}`);
    await page.getByRole('link', { name: 'organisation' }).click();
    await page.locator('input[name=login]').fill('nora');
    await page.locator('input[name=password]').fill('any');
    await page.locator('button[type=submit]').first().click();
    const consent = page.getByRole('button', { name: /continue/i });
    if (await consent.isVisible()) await consent.click();
    expect(new URL(page.url()).pathname).toBe(`/approvals/${id}`);
    await page.getByRole('button', { name: 'Deny' }).click();
    expect(await page.getByText('It was denied.').isVisible()).toBe(true);
    const cookies = (await context.cookies(house.url)).filter(({ name }) => name.startsWith('firebreak'));
    expect(cookies).toMatchObject([{ name: 'firebreak', httpOnly: true, sameSite: 'Lax' }]);
    expect(complaints.filter((text) => text.includes('firebreak') || text.includes(house.url))).toEqual([]);
    await context.close();
  });

  it('reads it in the dark, and is told in words what went wrong', async () => {
    const { page, context } = await phone('dark');
    await page.goto(`${house.url}/sign-in`);
    const dark = await page.screenshot();
    await page.emulateMedia({ colorScheme: 'light' });
    expect((await page.screenshot()).equals(dark)).toBe(false);
    await page.getByLabel('Email address').fill('bea@soc.example');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('The email address or the password is wrong');
    await context.close();
  });

  it('is not made to vote by another site', async () => {
    const id = await asked('david');
    const { page, context } = await phone();
    await page.goto(`${house.url}/sign-in`);
    await signIn(page);
    const { body: before } = await house.admin.api('GET', `${BASE}/approvals/${id}`);
    const fields = { decision: 'APPROVE', intentHash: before.data.intentHash as string };
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
    const target = `${house.url}/approvals/${id}/vote`;
    await page.route('https://evil.example/', (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<form method="post" action="${target}">${inputs.join('')}<button>A prize!</button></form>`,
      }),
    );
    await page.goto('https://evil.example/');
    await page.getByRole('button').click();
    await page.waitForURL(/\/(sign-in|vote)/);
    const { body } = await house.admin.api('GET', `${BASE}/approvals/${id}`);
    expect(body.data.votes).toEqual([]);
    await context.close();
  });
});
