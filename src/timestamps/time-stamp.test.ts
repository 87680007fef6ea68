import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  sendReply,
  startAuthority,
  type LocalAuthority,
  type SignerName,
} from '../../tests/support/time-stamp-authority.ts';
import { safeHttp, type SafeHttp } from '../platform/safe-http.ts';
import { MAX_STAMP_SKEW_MS, timeStampAuthority } from './time-stamp-authority.ts';
import { timeStampRequest } from './time-stamp-request.ts';
import { MAX_TOKEN_BYTES, openTimeStamp, tokenOf } from './time-stamp.ts';

const DATA = Buffer.from('a signed checkpoint');
const NONCE = Buffer.from('ffeeddccbbaa9988', 'hex');

let local: LocalAuthority;
let usual: LocalAuthority['answer'];
let good: Buffer;
const clients: SafeHttp[] = [];
beforeAll(async () => {
  local = await startAuthority();
  usual = local.answer;
  good = token(local.reply(timeStampRequest(DATA, NONCE)));
});
afterEach(async () => {
  local.answer = usual;
  for (const client of clients.splice(0)) await client.close();
});
afterAll(() => local.stop());

function token(reply: Uint8Array): Buffer {
  const found = tokenOf(reply);
  if ('problem' in found) throw new Error(found.problem);
  return found.token;
}

function asked(options: { roots?: string[]; skewMs?: number; totalTimeoutMs?: number; url?: string } = {}) {
  const url = options.url ?? local.url;
  const http = safeHttp({
    allow: [new URL(url).host],
    maxResponseBytes: MAX_TOKEN_BYTES,
    totalTimeoutMs: options.totalTimeoutMs ?? 30_000,
  });
  clients.push(http);
  return timeStampAuthority({
    url,
    roots: options.roots ?? [local.root],
    http,
    randomBytes: () => NONCE,
    wallNow: () => Date.now() + (options.skewMs ?? 0),
  }).stamp(DATA);
}

describe('a token', () => {
  const trust = () => ({ roots: [local.root], nonce: NONCE });

  it('of these data is believed, with its time and who says so', async () => {
    const opened = await openTimeStamp(good, DATA, trust());
    expect(opened).toMatchObject({
      ok: true,
      stamp: { policy: '1.2.3.4.1', authority: 'O=Firebreak tests, CN=Time authority good', trusted: true },
    });
    expect(opened.ok && Math.abs(opened.stamp.genTime - Date.now())).toBeLessThan(60_000);
  });

  it('is checked without roots too, and then trusted by nobody', async () => {
    expect(await openTimeStamp(good, DATA, { roots: [], nonce: null })).toMatchObject({
      ok: true,
      stamp: { trusted: false },
    });
  });

  it('of other data, for another request or under another root is refused', async () => {
    expect(await openTimeStamp(good, Buffer.from('another'), trust())).toEqual({
      ok: false,
      problem: 'it is of other data',
    });
    const other = { ...trust(), nonce: Buffer.alloc(8, 7) };
    expect(await openTimeStamp(good, DATA, other)).toMatchObject({
      problem: expect.stringContaining('another request'),
    });
    const stranger = await startAuthority();
    const opened = await openTimeStamp(good, DATA, { ...trust(), roots: [stranger.root] });
    await stranger.stop();
    expect(opened).toMatchObject({ ok: false, problem: expect.stringContaining('certificate') });
  });

  it.each<[SignerName, string]>([
    ['not-critical', 'not critically for time stamps'],
    ['other-usage', 'not for time stamps alone'],
    ['two-usages', 'not for time stamps alone'],
    ['expired', 'expired'],
  ])('signed with a certificate that is %s is refused', async (signer, problem) => {
    const signed = token(local.reply(timeStampRequest(DATA, NONCE), signer));
    const opened = await openTimeStamp(signed, DATA, trust());
    expect(opened).toMatchObject({ ok: false, problem: expect.stringContaining(problem) });
  });

  it('with any byte changed is refused or says the same, and nothing throws', async () => {
    const original = await openTimeStamp(good, DATA, trust());
    const accepted: number[] = [];
    for (let index = 0; index < good.length; index += 7) {
      const changed = Buffer.from(good);
      changed[index] = (changed[index] ?? 0) ^ 0x01;
      const opened = await openTimeStamp(changed, DATA, trust());
      if (opened.ok) {
        accepted.push(index);
        expect(opened).toEqual(original);
      }
    }
    // Nothing that is signed covers the root that lies in the token, which ours stands in for, and a few versions and tags.
    expect(accepted.length).toBeLessThan(good.length / 7 / 4);
  });

  it('with something behind it, cut off or made up is refused', async () => {
    for (const wrong of [
      Buffer.concat([good, Buffer.from([0])]),
      good.subarray(0, 400),
      Buffer.from('x'),
      Buffer.alloc(0),
    ])
      expect(await openTimeStamp(wrong, DATA, trust())).toMatchObject({ ok: false });
    expect(await openTimeStamp(Buffer.alloc(MAX_TOKEN_BYTES + 1), DATA, trust())).toMatchObject({ ok: false });
  });
});

describe('an authority', () => {
  it('is sent the hash only, and answers with a token that is kept as it came', async () => {
    let query: Uint8Array = Buffer.alloc(0);
    local.answer = (bytes, response) => {
      query = bytes;
      usual(bytes, response);
    };
    const { token: kept, stamp } = await asked();
    expect(stamp.trusted).toBe(true);
    expect(query.length).toBeLessThan(80);
    expect(Buffer.from(query).includes(DATA)).toBe(false);
    expect(await openTimeStamp(kept, DATA, { roots: [local.root], nonce: NONCE })).toMatchObject({ ok: true });
  });

  it.each<[string, LocalAuthority['answer'], string]>([
    [
      'answers another request',
      (_, response) => sendReply(response, local.reply(timeStampRequest(DATA, Buffer.alloc(8, 1)))),
      'another request',
    ],
    [
      'stamps other data',
      (_, response) => sendReply(response, local.reply(timeStampRequest(Buffer.from('x'), NONCE))),
      'other data',
    ],
    ['answers garbage', (_, response) => sendReply(response, Buffer.alloc(300, 0x5a)), 'no DER'],
    ['answers nothing', (_, response) => sendReply(response, Buffer.alloc(0)), 'no DER'],
    ['refuses', (_, response) => sendReply(response, Buffer.from('30053003020102', 'hex')), 'status 2'],
    [
      'grants without a token',
      (_, response) => sendReply(response, Buffer.from('30053003020100', 'hex')),
      'without a token',
    ],
    ['has an error', (_, response) => response.writeHead(500).end('no'), 'it answered 500'],
    [
      'sends elsewhere',
      (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      'it answered 302',
    ],
    ['answers hugely', (_, response) => sendReply(response, Buffer.alloc(MAX_TOKEN_BYTES * 4)), 'larger'],
    ['hangs up', (_, response) => response.destroy(), 'closed'],
  ])('that %s is not believed', async (_name, answer, problem) => {
    local.answer = answer;
    await expect(asked()).rejects.toThrow(problem);
  });

  it('whose clock is wrong, or that nobody vouches for, is not believed', async () => {
    await expect(asked({ skewMs: MAX_STAMP_SKEW_MS + 60_000 })).rejects.toThrow('s from ours');
    await expect(asked({ skewMs: -MAX_STAMP_SKEW_MS - 60_000 })).rejects.toThrow('s from ours');
    const stranger = await startAuthority();
    await expect(asked({ roots: [stranger.root] })).rejects.toThrow('certificate');
    await stranger.stop();
  });

  it('that never answers is given up', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
    const { port } = silent.address() as AddressInfo; // it listens on a port
    const url = `http://127.0.0.1:${port}/`;
    await expect(asked({ url, totalTimeoutMs: 200 })).rejects.toMatchObject({ code: 'timeout' });
    silent.close();
  });
});
