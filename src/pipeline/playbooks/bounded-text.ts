import { yaml } from '../../platform/yaml.ts';

/**
 * A look at the tokens of a text before it is parsed. The parser of YAML calls itself for each level and compiles a
 * pattern for each indentation: 1 MiB of opening brackets keeps it busy for many seconds and may end the process.
 */

/** Deepest nesting of brackets, twice what `checkJson` allows in all. */
const MAX_FLOW_DEPTH = 32;

/** `-`, `?` and `:` of one line outside brackets: `- - a: 1` has three, and nobody reads a line with 32. */
const MAX_LINE_INDICATORS = 32;

/** Deepest column that a block may start in, in characters: 16 levels of 8 fit. */
const MAX_INDENT = 200;

/** Anchors, tags and directives of one text: what is refused anyway need not be parsed in millions. */
const MAX_PROPERTIES = 500;

/** Tokens of one text: 20,000 members have about 10 each. */
const MAX_TOKENS = 250_000;

/** What is too much for the parser and where it begins, or null. Linear; stops at the first. */
export function boundedText(text: string): { readonly detail: string; readonly offset: number } | null {
  let [offset, depth, indicators, properties, tokens] = [0, 0, 0, 0, 0];
  let scalar = false;
  for (const token of new (yaml().Lexer)().lex(text)) {
    tokens += 1;
    if (tokens > MAX_TOKENS) return { detail: `It has more than ${MAX_TOKENS} parts; split it.`, offset };
    const [first = ''] = token;
    if (scalar) scalar = false;
    else if (token === '\u001f') scalar = true;
    else if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth = Math.max(0, depth - 1);
    else if (first === '&' || first === '*' || first === '!' || first === '%') properties += 1;
    else if (first === '\n' || first === '\r') indicators = 0;
    else if (depth === 0 && (token === '-' || token === '?' || token === ':')) indicators += 1;
    else if (indicators === 0 && first === ' ' && token.length > MAX_INDENT) {
      return { detail: `A line is indented by more than ${MAX_INDENT} blanks; make the document flat.`, offset };
    }
    if (depth > MAX_FLOW_DEPTH) return { detail: `It is nested deeper than ${MAX_FLOW_DEPTH}; make it flat.`, offset };
    if (indicators > MAX_LINE_INDICATORS) {
      return { detail: `A line opens more than ${MAX_LINE_INDICATORS} levels; make the document flat.`, offset };
    }
    if (properties > MAX_PROPERTIES) {
      return { detail: `Anchors, tags or directives are used more than ${MAX_PROPERTIES} times; remove them.`, offset };
    }
    // What the lexer marks a document's start and a scalar's beginning with takes no room in the text.
    if (token !== '\u0002' && token !== '\u001f' && token !== '\u0018') offset += token.length;
  }
  return null;
}
