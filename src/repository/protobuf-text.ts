/**
 * Reads protobuf's text format as far as configurations use it: fields, nested messages in braces or angle
 * brackets, lists, strings that follow each other, comments. Knows no schema: all values are texts.
 *
 * Rules: https://protobuf.dev/reference/protobuf/textformat-spec/
 */

export interface TextField {
  readonly name: string;
  readonly value: string | TextMessage;
  readonly line: number;
}

export interface TextMessage {
  readonly fields: readonly TextField[];
}

export interface ParsedText {
  readonly message: TextMessage;
  /** Where it cannot be read any further, with its line. */
  readonly problem?: string;
}

interface Token {
  readonly kind: 'word' | 'string' | 'sign' | 'end';
  readonly text: string;
  readonly line: number;
}

class TextProblem extends Error {}

const deepest = 32;

const pattern =
  /(\s+|#[^\n]*)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|([A-Za-z0-9_.+/-]+)|([{}<>[\]:,;])/y;

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };

function unquote(text: string): string {
  const inner = text.slice(1, -1);
  return inner.replace(/\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)/g, (_, code: string) => {
    if (code.length > 1 && code.startsWith('x'))
      return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    return escapes[code] ?? code;
  });
}

function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  pattern.lastIndex = 0;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const [whole, space, quoted, word] = pattern.exec(text) ?? [];
    if (whole === undefined) {
      const what = JSON.stringify(text.slice(at, at + 20).split('\n', 1)[0]);
      throw new TextProblem(`line ${line}: unexpected ${what}`);
    }
    if (quoted !== undefined) tokens.push({ kind: 'string', text: unquote(quoted), line });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, line });
    else if (space === undefined) tokens.push({ kind: 'sign', text: whole, line });
    for (const char of whole) if (char === '\n') line += 1;
  }
  tokens.push({ kind: 'end', text: 'the end', line });
  return tokens;
}

class Parser {
  private at = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  private get next(): Token {
    return this.tokens[this.at] as Token;
  }

  private take(): Token {
    const token = this.next;
    if (token.kind !== 'end') this.at += 1;
    return token;
  }

  private skip(...signs: readonly string[]): string | undefined {
    const { kind, text } = this.next;
    if (kind !== 'sign' || !signs.includes(text)) return undefined;
    this.at += 1;
    return text;
  }

  private fail(expected: string): never {
    const { line, kind, text } = this.next;
    throw new TextProblem(
      `line ${line}: expected ${expected}, got ${kind === 'end' ? text : JSON.stringify(text)}`,
    );
  }

  /** Fields up to `end`, or to the end of the text. */
  message(end: string | undefined, depth: number): TextMessage {
    const fields: TextField[] = [];
    if (depth > deepest) this.fail(`at most ${deepest} messages inside each other`);
    while (end === undefined ? this.next.kind !== 'end' : !this.skip(end)) {
      const { kind, text: name, line } = this.next;
      if (kind !== 'word') this.fail(end === undefined ? 'a field' : `a field or "${end}"`);
      this.at += 1;
      const colon = this.skip(':') !== undefined;
      for (const value of this.values(colon, depth)) fields.push({ name, value, line });
      this.skip(',', ';');
    }
    return { fields };
  }

  private values(colon: boolean, depth: number): (string | TextMessage)[] {
    if (!this.skip('[')) return [this.value(colon, depth)];
    const values: (string | TextMessage)[] = [];
    while (!this.skip(']')) {
      values.push(this.value(true, depth));
      if (!this.skip(',') && this.next.text !== ']') this.fail('"," or "]"');
    }
    return values;
  }

  private value(colon: boolean, depth: number): string | TextMessage {
    const open = this.skip('{', '<');
    if (open) return this.message(open === '{' ? '}' : '>', depth + 1);
    if (!colon) this.fail('":" or "{"');
    if (this.next.kind === 'word') return this.take().text;
    if (this.next.kind !== 'string') this.fail('a value');
    let text = '';
    while (this.next.kind === 'string') text += this.take().text;
    return text;
  }
}

/** Never throws for what stands in the text. */
export function parseProtobufText(text: string): ParsedText {
  try {
    return { message: new Parser(tokenise(text)).message(undefined, 0) };
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    return { message: { fields: [] }, problem: error.message };
  }
}
