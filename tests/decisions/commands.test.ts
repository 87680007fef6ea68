import { Command } from 'commander';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addAssetCommands } from '../../src/cli/asset-commands.ts';
import { startHarness, testIo, type Harness } from '../support/server.ts';

let house: Harness;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true });
});
afterAll(() => house.stop());

/** What a command says to the administrator who gives it this on its standard input, and its exit code. */
async function said(input: string, ...words: readonly string[]): Promise<readonly [number, string]> {
  const io = {
    ...testIo({ FIREBREAK_API_KEY: house.admin.key }),
    readInput: async () => new Uint8Array(Buffer.from(input)),
  };
  const program = new Command('firebreak').exitOverride();
  let code = Promise.resolve(-1);
  addAssetCommands({
    program,
    io,
    exitWith: async (answer) => {
      code = answer;
      await answer;
    },
  });
  await program.parseAsync([...words, '--url', house.url], { from: 'user' });
  return [await code, io.said()];
}

const CSV = 'type,id,criticality,vendors\nhost,db,HIGH,acme\nip,10.0.0.0/8,LOW,\n';

it('checks, puts and shows an inventory', async () => {
  expect(await said(`${CSV}host,db,LOW,\n`, 'inventory', 'check', '-', '--format', 'csv')).toEqual([
    1,
    '-: line 4: host db stands in line 2 already; one of them has to go.\n',
  ]);
  expect(await said(CSV, 'inventory', 'check', 'x.csv')).toEqual([0, 'x.csv: 2 assets\n']);
  expect(await said(CSV, 'inventory', 'put', 'x.csv')).toEqual([0, 'version 1, 2 assets\n']);
  expect((await said('', 'inventory', 'show', 'ip', '10.9.9.9'))[1]).toContain('ip 10.0.0.0/8: LOW');
  expect((await said('', 'inventory', 'show'))[1]).toContain('version 1, 2 assets, ');
  await expect(said(CSV, 'inventory', 'put', '-')).rejects.toThrow('give --format');
});

it('shows and sets the matrix, from what it printed', async () => {
  const [, shown] = await said('', 'matrix', 'show', '--json');
  expect(await said(shown, 'matrix', 'set', 'matrix.json')).toEqual([0, 'version 1\n']);
  expect((await said('', 'matrix', 'show'))[1]).toContain('HIGH/LOW  MEDIUM  IR_LEAD');
  expect((await said('', 'matrix', 'show', '--markdown'))[1].split('\n')).toHaveLength(19);
  await expect(said('cells: []', 'matrix', 'set', 'matrix.yaml')).rejects.toThrow('not valid');
});

it('describes vendors, shows who is affected, and takes an escalation', async () => {
  const vendor = 'name: Acme\nescalation: [{ afterMinutes: 0, roles: [CISO] }]\n';
  expect(await said(vendor, 'vendors', 'set', 'acme', 'acme.yaml')).toEqual([0, 'acme  Acme, version 1\n']);
  expect((await said('', 'vendors', 'list'))[1]).toContain('1 vendors');
  const event = { id: 'e', kind: 'alert', time: new Date().toISOString(), subject: 'anna', host_id: 'db' };
  await house.admin.api('POST', '/api/events?format=firebreak', event);
  const [incident] = (await house.admin.api('GET', '/api/incidents')).body.data;
  expect((await said('', 'vendors', 'affected', incident.id))[1]).toContain(
    'affects host:db HIGH by vendor:acme > host:db',
  );
  const [escalation] = JSON.parse((await said('', 'vendors', 'escalations', '--json'))[1]).escalations;
  expect((await said('', 'vendors', 'acknowledge', escalation.id, '--note', 'mine'))[1]).toContain('ACKNOWLEDGED');
  expect((await said('', 'vendors', 'escalations'))[1]).toBe('0 escalations\n');
  expect((await said('', 'vendors', 'escalations', '--all'))[1]).toContain('1 of 1 levels told');
});
