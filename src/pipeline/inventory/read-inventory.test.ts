import { describe, expect, it } from 'vitest';
import { inventoryIndex } from './inventory-index.ts';
import { MAX_ASSETS, MAX_INVENTORY_BYTES, readInventory, type InventoryFormat } from './read-inventory.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const read = (text: string, format: InventoryFormat) => readInventory(bytes(text), format);

function assets(text: string, format: InventoryFormat) {
  const result = read(text, format);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.assets;
}

function faults(text: string, format: InventoryFormat): readonly string[] {
  const result = read(text, format);
  return 'faults' in result ? result.faults.map(({ detail }) => detail) : [];
}

const CSV = `type,id,names,owner,criticality,environment,data_classes,vendors
host,PAY-DB-1,"pay-db; 10.0.0.5",Payments,CRITICAL,prod,payment;pii,Acme
user,Anna@Example.com,,,,dev,,
ip,10.1.2.3/16,,,LOW,,,
`;

describe('reading an inventory', () => {
  it('gives the same assets for CSV, JSON and YAML', () => {
    const expected = assets(CSV, 'csv');
    expect(expected).toEqual([
      {
        type: 'host',
        id: 'pay-db-1',
        names: ['10.0.0.5', 'pay-db'],
        owner: 'Payments',
        criticality: 'CRITICAL',
        environment: 'prod',
        dataClasses: ['payment', 'pii'],
        vendors: ['acme'],
      },
      // The criticality follows from the environment, the network from its bits.
      expect.objectContaining({ type: 'ip', id: '10.1.0.0/16', criticality: 'LOW' }),
      expect.objectContaining({ type: 'user', id: 'anna@example.com', criticality: 'LOW', environment: 'dev' }),
    ]);
    const json = JSON.stringify({
      assets: [
        { type: 'ip', id: '10.1.2.3/16', criticality: 'low' },
        {
          type: 'host',
          id: 'PAY-DB-1',
          names: ['pay-db', '10.0.0.5'],
          owner: 'Payments',
          criticality: 'CRITICAL',
          environment: 'prod',
          dataClasses: ['pii', 'payment'],
          vendors: ['Acme'],
        },
        { type: 'user', id: 'Anna@Example.com', environment: 'dev' },
      ],
    });
    expect(assets(json, 'json')).toEqual(expected);
    const yaml = `assets:
  - { type: ip, id: 10.1.2.3/16, criticality: low }
  - type: host
    id: PAY-DB-1
    names: [pay-db, 10.0.0.5]
    owner: Payments
    criticality: CRITICAL
    environment: prod
    dataClasses: [pii, payment]
    vendors: [Acme]
  - type: user
    id: Anna@Example.com
    environment: dev
`;
    expect(assets(yaml, 'yaml')).toEqual(expected);
  });

  it.each<[string, InventoryFormat, string, string]>([
    ['an unknown column', 'csv', 'type,id,colour\nhost,a,red\n', 'line 1: colour is no column'],
    ['too many cells', 'csv', 'type,id\nhost,a,b\n', 'line 2: It has 3 cells for 2 columns'],
    ['an open quotation mark', 'csv', 'type,id\nhost,"a\n', 'line 2: It is not valid CSV'],
    [
      'the line behind a quoted line break',
      'csv',
      'type,id,owner\nhost,a,"x\ny"\nhost,b,z\n',
      'line 2: owner: holds a control character',
    ],
    ['no criticality', 'csv', 'type,id\n\nhost,a\n', 'line 3: criticality: is missing'],
    ['no type that there is', 'csv', 'type,id,criticality\nplanet,a,LOW\n', 'line 2: type: '],
    ['no network', 'csv', 'type,id,criticality\nip,10.1.2.3/33,LOW\n', 'line 2: id: is no network'],
    ['an octal address', 'csv', 'type,id,criticality\nip,010.1.2.3,LOW\n', 'line 2: id: is no network'],
    [
      'none beside other data',
      'csv',
      'type,id,criticality,dataClasses\nhost,a,LOW,none;pii\n',
      'line 2: dataClasses: none',
    ],
    [
      'twice the same',
      'csv',
      'type,id,names,criticality\nhost,a,b,LOW\nhost,B,,LOW\n',
      'line 3: host b stands in line 2 already',
    ],
    ['an empty file', 'csv', '', 'line 1: The first line names the columns'],
    ['another shape', 'json', '{"assets": {}}', 'line 1: It is no JSON list'],
    ['broken JSON', 'json', '[\n{"type":"host",\n"id":}\n]', 'line 2: It is not valid JSON'],
    [
      'a member twice',
      'json',
      '[{"type":"host","type":"user","id":"a","criticality":"LOW"}]',
      'line 1: A member stands here twice',
    ],
    [
      'a member of JavaScript',
      'json',
      '[\n\n{"__proto__":{"criticality":"LOW"},"type":"host","id":"a","criticality":"LOW"}]',
      'line 3: __proto__: not known',
    ],
    ['a number for an id', 'json', '[{"type":"host","id":7,"criticality":"LOW"}]', 'line 1: id: '],
    ['an anchor', 'yaml', '- &a {type: host, id: x, criticality: LOW}\n- *a\n', 'line 2: Anchors are not read'],
    ['a key twice in YAML', 'yaml', '- type: host\n  id: a\n  id: b\n', 'line 3: Map keys must be unique'],
    ['nesting without an end', 'yaml', '['.repeat(200_000), 'line 1: It is nested too deeply'],
    ['lists in lists on one line', 'yaml', '- '.repeat(100_000), 'line 1: It is nested too deeply'],
    [
      'a wrong member in YAML',
      'yaml',
      '- {type: host, id: a, criticality: LOW}\n- {type: host, id: b, criticality: HUGE}\n',
      'line 2: criticality: ',
    ],
  ])('refuses %s and names the line', (_what, format, text, detail) => {
    expect(faults(text, format)[0]).toContain(detail);
  });

  it('takes so many assets and bytes, and no more', () => {
    const rows = (count: number): string =>
      `type,id,criticality\n${Array.from({ length: count }, (_, index) => `host,h${index},LOW`).join('\n')}`;
    expect(assets(rows(MAX_ASSETS), 'csv')).toHaveLength(MAX_ASSETS);
    expect(faults(rows(MAX_ASSETS + 1), 'csv')).toEqual([expect.stringContaining('more than 100000 assets')]);
    const huge = readInventory(new Uint8Array(MAX_INVENTORY_BYTES + 1), 'json');
    expect(huge).toHaveProperty('faults');
    expect(faults(' '.repeat(1024 * 1024 + 1), 'yaml')[0]).toContain('give larger ones as CSV or JSON');
  });
});

describe('looking assets up', () => {
  const index = inventoryIndex(
    1,
    'hash',
    assets(
      'type,id,names,criticality\nip,10.0.0.0/8,,LOW\nip,10.1.0.0/16,,HIGH\nip,2001:db8::/32,,HIGH\nhost,web,www;web-1,LOW\n',
      'csv',
    ),
  );

  it('finds ids and aliases of the type only', () => {
    expect(index.find('host', 'www')?.id).toBe('web');
    expect(index.find('user', 'web')).toBeNull();
    expect(index.find('host', 'constructor')).toBeNull();
  });

  it('finds the narrowest network of an address', () => {
    expect(index.find('ip', '10.1.200.3')?.id).toBe('10.1.0.0/16');
    expect(index.find('ip', '10.2.0.1')?.id).toBe('10.0.0.0/8');
    expect(index.find('ip', '11.0.0.1')).toBeNull();
    expect(index.find('ip', '2001:db8:1::5')?.id).toBe('2001:db8::/32');
    expect(index.find('ip', 'no address')).toBeNull();
  });
});
