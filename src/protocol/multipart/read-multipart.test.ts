import { describe, expect, test } from 'vitest';
import { ServingError } from '../../errors.ts';
import { clientBodies, recordedFile } from './client-bodies.fixture.ts';
import { defaultMultipartLimits, readMultipart } from './read-multipart.ts';

const contentType = 'multipart/form-data; boundary=AaB';
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const disposition = 'Content-Disposition: form-data; name="image"';
const form = (data: string, headers = disposition): string =>
  `--AaB\r\n${headers}\r\n\r\n${data}\r\n--AaB--\r\n`;
const read = (body: string): { name: string; data: string }[] =>
  readMultipart(bytes(body), contentType).map(({ name, data }) => ({
    name,
    data: data.toString('latin1'),
  }));
const problemOf = (body: string, type = contentType): string => {
  try {
    readMultipart(bytes(body), type);
  } catch (error) {
    if (error instanceof ServingError) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('bodies of real clients', () => {
  test.each(clientBodies.map((recorded) => [recorded.client, recorded] as const))(
    '%s',
    (_, recorded) => {
      const parts = readMultipart(bytes(recorded.body), recorded.contentType);
      expect(parts).toEqual(
        recorded.parts.map(([name, filename, contentType]) => ({
          name,
          filename,
          contentType,
          data: recordedFile,
        })),
      );
    },
  );

  test('FormData of this runtime comes back', async () => {
    const sent = new FormData();
    sent.append('image', new File([recordedFile], 'hé.png', { type: 'image/png' }));
    sent.append('', 'value');
    const response = new Response(sent);
    const type = response.headers.get('content-type') ?? '';
    const parts = readMultipart(Buffer.from(await response.arrayBuffer()), type);
    expect(parts).toEqual([
      { name: 'image', filename: 'hé.png', contentType: 'image/png', data: recordedFile },
      { name: '', filename: undefined, contentType: undefined, data: bytes('value') },
    ]);
  });
});

describe('the form of a body', () => {
  test('parts are views on the body, not copies', () => {
    const body = bytes(form('data'));
    expect(readMultipart(body, contentType)[0]?.data.buffer).toBe(body.buffer);
  });

  test.each([
    ['preamble and epilogue are passed over', `To the reader\r\n${form('x')}bye\r\n--AaB\r\n`, 'x'],
    ['an empty line may come before the first boundary', `\r\n${form('x')}`, 'x'],
    ['spaces and tabs may follow a boundary', form('x').replace(/AaB(--)?/g, '$& \t'), 'x'],
    ['the last line break may be missing', form('x').slice(0, -2), 'x'],
    ['an empty part is empty', form(''), ''],
    ['an empty part without its line break is empty', `--AaB\r\n${disposition}\r\n\r\n--AaB--`, ''],
    ['the boundary inside a line is data', form('a--AaB\r\n'), 'a--AaB\r\n'],
    [
      'the boundary with more behind it is data',
      form('\r\n--AaBc\r\n--AaB-'),
      '\r\n--AaBc\r\n--AaB-',
    ],
    ['the boundary after LF alone is data', form('\n--AaB\n--AaB--\n'), '\n--AaB\n--AaB--\n'],
    ['dashes and line breaks at the end are data', form('\r\n--\r\n-\r'), '\r\n--\r\n-\r'],
  ])('%s', (_, body, data) => {
    expect(read(body)).toEqual([{ name: 'image', data }]);
  });

  test.each([
    ['a quoted boundary', 'multipart/form-data; boundary="A a:B"', 'A a:B'],
    ['other parameters', 'Multipart/Form-Data; charset=utf-8; Boundary=x; a=b', 'x'],
    [
      'an unquoted boundary with signs that need quotes',
      'multipart/form-data;boundary=a/b:c=',
      'a/b:c=',
    ],
  ])('%s is understood', (_, type, boundary) => {
    expect(problemOf(form('x').replaceAll('AaB', boundary), type)).toBe('accepted');
  });
});

describe('headers of a part', () => {
  const headersOf = (headers: string) => {
    const [part] = readMultipart(bytes(form('x', headers)), contentType);
    return [part?.name, part?.filename, part?.contentType];
  };

  test.each([
    ['names in any case', 'content-DISPOSITION: Form-Data; NAME="a"', ['a', undefined, undefined]],
    ['a bare value', 'Content-Disposition: form-data; name=a', ['a', undefined, undefined]],
    [
      "filename*=UTF-8'' goes before filename",
      `${disposition}; filename="e.jpg"; filename*=UTF-8''%e2%82%ac.jpg`,
      ['image', '€.jpg', undefined],
    ],
    [
      "filename*=ISO-8859-1'' is read",
      `${disposition}; filename*=iso-8859-1'en'%e9.jpg`,
      ['image', 'é.jpg', undefined],
    ],
    [
      'a broken filename* is passed over',
      `${disposition}; filename="e.jpg"; filename*=UTF-8''%ff`,
      ['image', 'e.jpg', undefined],
    ],
    ['raw Latin-1', `${disposition}; filename="\xe9.jpg"`, ['image', 'é.jpg', undefined]],
    ['raw UTF-8', `${disposition}; filename="\xc3\xa9.jpg"`, ['image', 'é.jpg', undefined]],
    ['%22 is a quote', `${disposition}; filename="%22%0d%41"`, ['image', '"%0d%41', undefined]],
    [
      'a folded line',
      'Content-Disposition: form-data;\r\n name="a";\r\n\tfilename="b"',
      ['a', 'b', undefined],
    ],
    [
      'Content-Type as it is',
      `${disposition}\r\nContent-Type: image/JPEG; q=1`,
      ['image', undefined, 'image/JPEG; q=1'],
    ],
    [
      'Content-Transfer-Encoding: binary changes nothing',
      `${disposition}\r\nContent-Transfer-Encoding: Binary\r\nContent-Length: 1`,
      ['image', undefined, undefined],
    ],
  ])('%s', (_, headers, expected) => {
    expect(headersOf(headers)).toEqual(expected);
  });
});

describe('a broken body is refused with what is wrong', () => {
  const long = 'a'.repeat(71);
  test.each([
    ['', 'it is empty'],
    ['not multipart at all', 'the boundary of its Content-Type does not occur in it'],
    [form('x').replaceAll('\r\n', '\n'), 'its lines end in LF alone; expected CRLF (RFC 2046)'],
    ['--AaBx\r\n', 'the boundary of its Content-Type never stands alone on a line'],
    ['--AaB', 'the boundary of its Content-Type never stands alone on a line'],
    ['--AaB\r\n', 'it ends inside the headers of part 1: the closing boundary is missing'],
    [form('x').slice(0, -5), 'it ends inside part 1 ("image"): the closing boundary is missing'],
    [form('x').slice(0, -10), 'it ends inside part 1 ("image"): the closing boundary is missing'],
    [form('x', ''), 'part 1 has no headers'],
    [form('x', 'Content-Type: a/b'), 'part 1 has no Content-Disposition header'],
    [
      form('x', 'Content-Disposition: attachment; name="a"'),
      'the Content-Disposition of part 1 is not form-data',
    ],
    [
      form('x', 'Content-Disposition: form-data; filename="a"'),
      'the Content-Disposition of part 1 has no name',
    ],
    [form('x', 'nonsense'), 'a header line of part 1 has no name and colon'],
    [form('x', `${disposition}; filename="a\nb"`), 'a header of part 1 has a control character'],
    [form('x', `${disposition}; filename="a\0"`), 'a header of part 1 has a control character'],
    [
      form('x', `${disposition}\r\nX: ${'a'.repeat(16_400)}`),
      'the headers of part 1 are longer than 16384 bytes',
    ],
    [
      form('=41', `${disposition}\r\nContent-Transfer-Encoding: quoted-printable`),
      'the Content-Transfer-Encoding of part 1 is not supported',
    ],
    [
      form('A*AA', `${disposition}\r\nContent-Transfer-Encoding: base64`),
      'part 1 (character 2 is "*") is not valid base64',
    ],
    [`${`--AaB\r\n${disposition}\r\n\r\n\r\n`.repeat(101)}--AaB--`, 'it has over 100 parts'],
    [form('\r\n--AaBx'.repeat(1001)), 'too many of its lines begin with the boundary and go on'],
  ])('%#: %.40j', (body, problem) => {
    expect(problemOf(body)).toContain(problem);
  });

  test.each([
    ['application/json', 'its Content-Type is not multipart/form-data'],
    ['multipart/form-data', 'its Content-Type has no boundary'],
    ['multipart/form-data; boundary=""', 'its Content-Type has no boundary'],
    [`multipart/form-data; boundary=${long}`, 'its boundary has 71 signs; 70 are the most'],
    ['multipart/form-data; boundary=é', 'a sign outside of printable ASCII'],
    ['multipart/form-data; boundary="a "', 'or ends in a space'],
  ])('Content-Type %.50s', (type, problem) => {
    expect(problemOf(form('x'), type)).toContain(problem);
  });

  test('as many parts and false boundaries as the limits allow are read', () => {
    const { maxParts, maxFalseBoundaries } = defaultMultipartLimits;
    const body = `${`--AaB\r\n${disposition}\r\n\r\n\r\n`.repeat(maxParts)}--AaB--`;
    expect(read(body)).toHaveLength(maxParts);
    expect(read(form('\r\n--AaBx'.repeat(maxFalseBoundaries)))).toHaveLength(1);
  });
});
