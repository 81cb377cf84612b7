import { expect, test } from 'vitest';
import { decodeBase64 } from './decode-base64.ts';

const message = (text: string): string => {
  try {
    decodeBase64(text, 'image');
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

test('every length comes back, padded and not, in both alphabets', () => {
  for (let length = 0; length < 70; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => 255 - i * 7));
    const padded = bytes.toString('base64');
    const forms = [padded, padded.replace(/=/g, ''), bytes.toString('base64url')];
    expect(forms.map((form) => decodeBase64(form, 'image'))).toEqual([bytes, bytes, bytes]);
  }
});

test('padded URL-safe base64, as Python writes it, is accepted', () => {
  expect(decodeBase64('-_8=', 'image')).toEqual(Buffer.from([0xfb, 0xff]));
});

test('the line breaks of the base64 command are accepted', () => {
  const bytes = Buffer.alloc(200, 'picture');
  const lines = bytes.toString('base64').replace(/.{76}/g, '$&\n');
  expect(decodeBase64(`${lines}\n`, 'image')).toEqual(bytes);
  expect(decodeBase64(lines.replaceAll('\n', '\r\n'), 'image')).toEqual(bytes);
});

test.each([
  ['a space, most often a plus that a form decoder ate', 'AA A', '(character 3 is " ")'],
  ['percent-encoding', 'AAA%3D', '(character 4 is "%")'],
  ['padding in the middle', 'AA==AAAA', '(character 3 is "=")'],
  ['a sign outside of ASCII', 'AA😀A', '(character 3 is "😀")'],
  ['a sign whose low byte is a letter', 'AAA\u0141', '(character 4 is "Ł")'],
  ['one digit left over', 'AAAAA', '(its length or padding is wrong: cut short?)'],
  ['one digit left over and padded', 'AAAAA===', '(character 6 is "=")'],
  ['too little padding', 'AA=', '(its length or padding is wrong: cut short?)'],
  ['too much padding', 'AAA==', '(its length or padding is wrong: cut short?)'],
  ['padding alone', '==', '(its length or padding is wrong: cut short?)'],
  ['three signs of padding', 'A===', '(character 2 is "=")'],
])('%s is refused', (_, text, problem) => {
  expect(message(text)).toMatch(`image ${problem} is not valid base64`);
});

test('a bad sign in any place of a quantum is found', () => {
  const good = Buffer.alloc(48, 1).toString('base64');
  for (let i = 0; i < good.length; i++) {
    expect(message(`${good.slice(0, i)}*${good.slice(i + 1)}`)).toContain(`character ${i + 1} is`);
  }
});
