import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addBundleCommands } from '../../src/cli/evidence-bundle-commands.ts';
import { addEvidenceCommands } from '../../src/cli/evidence-commands.ts';
import { startHarness, testIo, type Harness, type Person } from '../support/server.ts';

/** Artefacts and their custody from the words on the command line on, over a real server. */

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-cli-evidence-'));
let house: Harness;
let legal: Person;
let analyst: Person;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true, env: { EVIDENCE_RETENTION_DAYS: '365,screenshot=0' } });
  [legal, analyst] = await Promise.all([house.person('LEGAL'), house.person('SECURITY_ANALYST')]);
});
afterAll(async () => {
  await house.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Said {
  readonly code: number;
  readonly text: string;
}

async function said(person: Person, url: string, ...words: readonly string[]): Promise<Said> {
  const io = testIo({ FIREBREAK_API_KEY: person.key });
  const program = new Command('firebreak').exitOverride();
  const evidence = program.command('evidence');
  let code = -1;
  const exitWith = async (answer: Promise<number>): Promise<void> => {
    code = await answer;
  };
  addEvidenceCommands(evidence, { io, exitWith });
  addBundleCommands(evidence, { io, exitWith });
  for (const each of evidence.commands) each.exitOverride();
  await program.parseAsync(['evidence', ...words, '--url', url], { from: 'user' });
  return { code, text: io.said() };
}
const asks = (person: Person, ...words: readonly string[]): Promise<Said> => said(person, house.url, ...words);

let count = 0;
function file(bytes: string | Uint8Array): string {
  count += 1;
  const path = join(scratch, `file-${count}.bin`);
  writeFileSync(path, bytes);
  return path;
}

/** The id of what was handed in. */
async function put(bytes: string | Uint8Array, ...words: readonly string[]): Promise<string> {
  const { text } = await asks(analyst, 'put', file(bytes), ...words, '--json');
  return JSON.parse(text).id;
}

function kept(id: string): string {
  const folder = join(house.dataDir, 'evidence', 'objects', id.slice(-2), id);
  return join(folder, readdirSync(folder).find((name) => /^[0-9a-f]{64}$/.test(name)) ?? 'none');
}

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('firebreak evidence', () => {
  it('hands in a file, shows it with its custody, and gives it back byte for byte', async () => {
    const bytes = randomBytes(3_500_000);
    const path = file(bytes);
    const handed = await asks(
      analyst,
      'put',
      path,
      '--kind',
      'disk-image',
      '--host',
      'web-1',
      '--location',
      '/dev/sda',
    );
    const [, id = ''] = /^(evd_\w+) PRESERVED/.exec(handed.text) ?? [];
    expect(handed).toMatchObject({ code: 0, text: expect.stringContaining(`sha256     ${sha256(bytes)}`) });
    const out = join(scratch, 'back.bin');
    const got = await asks(legal, 'download', id, '--out', out, '--reason', 'a request of the court');
    expect(got).toMatchObject({ code: 0, text: expect.stringContaining('are those of its custody record') });
    expect(readFileSync(out).equals(bytes)).toBe(true);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const { text } = await asks(analyst, 'show', id);
    expect(text).toContain('source     upload web-1 /dev/sda');
    expect(text).toMatch(/kept, 3500000 bytes\n/);
    expect(text).toContain(`downloaded by ${legal.id}: a request of the court`);
    expect((await asks(analyst, 'list', '--kind', 'disk-image')).text).toContain(id);
  });

  it('takes an empty file and one whose name is hostile', async () => {
    const id = await put('', '--name', 'x\u202egpj.exe');
    const out = join(scratch, 'empty.bin');
    await asks(legal, 'download', id, '--out', out, '--reason', 'x');
    expect(statSync(out).size).toBe(0);
    expect((await asks(analyst, 'show', id)).text).not.toContain('\u202e');
  });

  it('says what the server refuses, and what cannot be handed in', async () => {
    const refused = (words: readonly string[]) => asks(analyst, 'put', ...words);
    await expect(refused([file('a'), '--sha256', sha256('b')])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(refused([file('a'), '--incident', 'inc_no'])).rejects.toMatchObject({ code: 'not_found' });
    await expect(refused([scratch])).rejects.toThrow('is a folder');
    await expect(refused([join(scratch, 'none')])).rejects.toThrow('cannot be read');
    await expect(said({ ...analyst, key: '' }, house.url, 'list')).rejects.toThrow('FIREBREAK_API_KEY');
    await expect(asks(analyst, 'show', 'evd_../../users')).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('has the server read an artefact again', async () => {
    const id = await put('original');
    expect(await asks(analyst, 'verify', id)).toMatchObject({ code: 0 });
    expect((await asks(analyst, 'show', id)).text).toContain(`read and found intact, for ${analyst.id}`);
  });

  it('leaves no file behind when other bytes come than were taken', async () => {
    const id = await put('original');
    chmodSync(kept(id), 0o600);
    writeFileSync(kept(id), 'originam');
    const out = join(scratch, 'wrong.bin');
    await expect(asks(legal, 'download', id, '--out', out, '--reason', 'x')).rejects.toThrow('is not what was taken');
    expect([existsSync(out), existsSync(`${out}.part`)]).toEqual([false, false]);
    const examined = await asks(analyst, 'verify', id);
    expect(examined).toMatchObject({ code: 1, text: expect.stringContaining('ALARM') });
    expect((await asks(analyst, 'list', '--alarmed')).text).toContain(`${id}  PRESERVED  ALARM`);
  });

  it('writes over nothing', async () => {
    const id = await put('original');
    const out = file('mine');
    await expect(asks(legal, 'download', id, '--out', out, '--reason', 'x')).rejects.toThrow('is there already');
    expect(readFileSync(out, 'utf8')).toBe('mine');
  });

  it('records a transfer, and ends with 1 when the other side has something else', async () => {
    const id = await put('bytes');
    const words = ['transfer', id, '--from', 'SOC', '--to', 'the lab', '--reason', 'analysis', '--sha256'];
    const same = await asks(analyst, ...words, sha256('bytes'));
    expect(same).toMatchObject({ code: 0, text: expect.stringContaining('custodian  the lab') });
    expect(await asks(analyst, ...words, sha256('other'))).toMatchObject({ code: 1 });
    expect((await asks(analyst, 'show', id)).text).toContain('ANOTHER SHA-256 on the other side');
  });

  it('holds, lifts the hold as another person, and lets go before a witness', async () => {
    const id = await put('bytes', '--kind', 'screenshot');
    await expect(asks(legal, 'hold', '--reason', 'x')).rejects.toThrow('either --incident ID or --evidence ID');
    const held = await asks(legal, 'hold', '--evidence', id, '--reason', 'litigation', '--json');
    const dispose = ['dispose', id, '--witness', legal.id, '--reason', 'over'];
    await expect(asks(house.admin, ...dispose)).rejects.toThrow('legal hold');
    const holdId = JSON.parse(held.text).id;
    expect((await asks(analyst, 'holds', '--status', 'standing')).text).toContain(`${holdId}  STANDING`);
    await expect(asks(legal, 'release', holdId, '--reason', 'over')).rejects.toMatchObject({ code: 'conflict' });
    expect((await asks(house.admin, 'release', holdId, '--reason', 'over')).text).toContain('RELEASED');
    expect((await asks(house.admin, ...dispose)).text).toContain('DISPOSED');
    const { text } = await asks(analyst, 'show', id);
    for (const line of [`legal hold ${holdId} set by ${legal.id}: litigation`, 'its bytes are gone from local:'])
      expect(text).toContain(line);
  });
});

describe('a server that lies', () => {
  let server: Server | null = null;
  const answerWith = async (answer: (path: string) => { type: string; body: string | Buffer }): Promise<string> => {
    server = createServer((request, reply) => {
      request.resume().on('end', () => {
        const { type, body } = answer(request.url ?? '');
        reply.writeHead(200, {
          'content-type': type,
          'content-length': String(body.length + (body === 'cut' ? 9 : 0)),
        });
        reply.write(body, () => (body === 'cut' ? reply.destroy() : reply.end()));
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  };
  const id = 'evd_0123456789abcdefghjkmnpqrs';
  const shown = async (bytes: string): Promise<string> => {
    const real = JSON.parse((await asks(analyst, 'put', file(bytes), '--json')).text);
    return JSON.stringify({ data: { ...real, id } });
  };

  it('about what it keeps is found out', async () => {
    const other = await shown('other');
    const url = await answerWith(() => ({ type: 'application/json', body: other }));
    await expect(said(analyst, url, 'put', file('mine'))).rejects.toThrow('keeps other bytes');
    server?.close();
  });

  it('or breaks off in the middle leaves no file', async () => {
    const original = await shown('cut and more');
    const url = await answerWith((path) =>
      path.endsWith('/download')
        ? { type: 'application/octet-stream', body: 'cut' }
        : { type: 'application/json', body: original },
    );
    const out = join(scratch, 'cut.bin');
    await expect(said(legal, url, 'download', id, '--out', out, '--reason', 'x')).rejects.toThrow('broke off');
    expect([existsSync(out), existsSync(`${out}.part`)]).toEqual([false, false]);
    server?.close();
  });
});
