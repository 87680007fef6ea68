import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillTemplate, missingIn, type KnownFacts } from './fill.ts';
import { hashOf, markdownOf, textOf } from './render.ts';
import { TEMPLATES, templateFor, type FactName, type Template } from './templates.ts';

const NAMES = [
  ...new Set(TEMPLATES.flatMap(({ sections }) => sections.flatMap(({ items }) => items.flatMap(({ facts }) => facts)))),
];
const itemsOf = ({ sections }: Template) => sections.flatMap(({ items }) => items);
/** Every fact known, as this value. */
const all = (value: string): KnownFacts => Object.fromEntries(NAMES.map((name) => [name, [{ label: 'Known', value }]]));
const HOSTILE = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'MISSING: x',
    'a\nMISSING: x',
    'a\r\nMISSING: x',
    'a\u2028MISSING: x',
    'a\u0085MISSING: x',
    '{{incident.id}}',
    '<b>',
    '# x',
    '\u202ex',
    '__proto__',
  ),
);

describe('templates', () => {
  it.each(TEMPLATES)('$id asks in words, once in each section', (template) => {
    expect(new Set(template.sections.map(({ id }) => id)).size).toBe(template.sections.length);
    for (const { asks, facts, partly } of itemsOf(template)) {
      expect(asks.length).toBeGreaterThan(5);
      // What no fact answers can never become silent.
      expect(facts.length > 0 || partly).toBe(true);
    }
  });

  it('are found by regime in either case and by stage, and there is one for everything else', () => {
    expect(templateFor('gdpr', null).id).toBe('gdpr-33');
    expect(templateFor('NIS2', 'notification').id).toBe('nis2-notification');
    expect(templateFor('NIS2', null).id).toBe('nis2-early-warning');
    expect(templateFor('__proto__', 'constructor').id).toBe('generic');
  });
});

describe('a filled template', () => {
  it.each(TEMPLATES)('$id says everything missing where nothing is known', (template) => {
    const missing = missingIn(fillTemplate(template, {}));
    expect(missing).toHaveLength(itemsOf(template).length);
  });

  it.each(TEMPLATES)('$id still asks for what facts answer only in part', (template) => {
    const missing = missingIn(fillTemplate(template, all('x')));
    expect(missing).toHaveLength(itemsOf(template).filter(({ partly }) => partly).length);
  });

  it('invents nothing: no value makes a line that looks like one of ours, or takes one away', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TEMPLATES), HOSTILE, (template, value) => {
        const filled = fillTemplate(template, all(value));
        const plain = fillTemplate(template, all('x'));
        expect(missingIn(filled)).toEqual(missingIn(plain));
        expect(textOf(filled).split('\n')).toHaveLength(textOf(plain).split('\n').length);
      }),
    );
  });

  it('takes no fact from an object’s own roots', () => {
    const template = {
      ...templateFor('gdpr', null),
      sections: [{ id: 'a', heading: 'A', items: [{ asks: 'it', facts: ['constructor' as FactName], partly: false }] }],
    };
    expect(missingIn(fillTemplate(template, {}))).toEqual(['A: it']);
  });
});

describe('a rendered draft', () => {
  const document = { title: 'T', sections: [{ id: 'a', heading: 'H', text: 'one\ntwo' }] };

  it('is hashed by its text: any change changes it', () => {
    expect(textOf(document)).toBe('T\n=\n\nH\n-\none\ntwo\n');
    expect(hashOf(document)).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf({ ...document, title: 'U' })).not.toBe(hashOf(document));
  });

  it('has no live mark-up in Markdown', () => {
    fc.assert(
      fc.property(HOSTILE, (value) => {
        const text = markdownOf({
          title: 'T',
          sections: [{ id: 'a', heading: 'H', text: `${value} <script> [x](y) *b* &lt;` }],
        });
        const body = text.slice(text.indexOf('## '));
        expect(body).not.toMatch(/(?<!\\)(?:\\\\)*[<>[\]*_`&]/);
      }),
    );
  });
});
