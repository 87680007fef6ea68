import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { runbookJsonSchema } from '../../src/pipeline/runbooks/json-schema.ts';
import { readRunbook } from '../../src/pipeline/runbooks/runbook.ts';

const textOf = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const published = textOf('schemas/runbook.schema.json');
const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(JSON.parse(published));

const GOOD = [
  'tests/fixtures/runbooks/ransomware-containment.yaml',
  'tests/fixtures/runbooks/active-breach-containment.yaml',
  'examples/runbooks/ransomware.yaml',
  'examples/runbooks/account-takeover.yaml',
  'examples/runbooks/leaked-credential.json',
];

describe('the schema for editors', () => {
  it('is the one that the program prints: `firebreak validate --schema`', () => {
    expect(published).toBe(runbookJsonSchema());
  });

  it.each(GOOD)('takes %s, as the program does', (path) => {
    expect(validate(parse(textOf(path))), JSON.stringify(validate.errors)).toBe(true);
    expect('value' in readRunbook(textOf(path), path.endsWith('.json') ? 'json' : 'yaml')).toBe(true);
  });

  it('takes its own examples', () => {
    const { examples } = JSON.parse(published) as { readonly examples: readonly unknown[] };
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
  });

  it('describes every member of a step', () => {
    const { definitions } = JSON.parse(published) as {
      readonly definitions: {
        readonly step: { readonly properties: Record<string, { readonly description?: string }> };
      };
    };
    const undescribed = Object.entries(definitions.step.properties).filter(
      ([, member]) => member.description === undefined,
    );
    expect(undescribed).toEqual([]);
  });

  const step = (members: object): object => ({ playbooks: { high: { name: 'P', steps: [members] } } });
  it.each<[string, unknown]>([
    ['no playbooks', {}],
    ['a severity that is none', { playbooks: { urgent: { name: 'P', steps: [{ action: 'notify_soc' }] } } }],
    ['no steps', { playbooks: { high: { name: 'P', steps: [] } } }],
    ['no name', { playbooks: { high: { steps: [{ action: 'notify_soc' }] } } }],
    ['an action that is none', step({ action: 'isolate_hsot' })],
    ['an unknown member', step({ action: 'isolate_host', traget: 'x' })],
    ['a truth in words', step({ action: 'isolate_host', requires_approval: 'yes' })],
    ['an empty target', step({ action: 'isolate_host', target: '' })],
    ['a channel that is none', step({ action: 'notify_soc', channels: ['fax'] })],
    ['a block in a block', step({ parallel: [{ parallel: [{ action: 'notify_soc' }] }] })],
    ['a number as version', { metadata: { version: 2.1 }, playbooks: {} }],
  ])('refuses %s, as the program does', (_name, document) => {
    expect(validate(document)).toBe(false);
    expect('faults' in readRunbook(JSON.stringify(document), 'json')).toBe(true);
  });
});
