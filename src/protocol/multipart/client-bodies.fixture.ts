/**
 * What real clients sent, recorded on a socket as Latin-1 text: curl 7.88, Python requests 2.34,
 * httpx 0.28, aiohttp 3.14, Go 1.24's mime/multipart, Node 24's FormData (the WHATWG form that browsers send).
 * The file is the eight bytes FF D8 FF CR LF - - 00; values of plain fields were replaced by the same bytes.
 */

const file = '\xff\xd8\xff\r\n--\x00';
export const recordedFile = Buffer.from(file, 'latin1');

export interface RecordedBody {
  readonly client: string;
  readonly contentType: string;
  readonly body: string;
  readonly parts: readonly [name: string, filename?: string, contentType?: string][];
}

const jpeg = 'image/jpeg';

export const clientBodies: readonly RecordedBody[] = [
  {
    client: 'curl -F image=@cat.jpg',
    contentType: 'multipart/form-data; boundary=------------------------30a10b934a11d1ce',
    body: `--------------------------30a10b934a11d1ce\r\nContent-Disposition: form-data; name="image"; filename="cat.jpg"\r\nContent-Type: image/jpeg\r\n\r\n${file}\r\n--------------------------30a10b934a11d1ce--\r\n`,
    parts: [['image', 'cat.jpg', jpeg]],
  },
  {
    client: 'curl with a quote, a semicolon and an accent in the file name, and a second field',
    contentType: 'multipart/form-data; boundary=------------------------bc3ec44104f80949',
    body: `--------------------------bc3ec44104f80949\r\nContent-Disposition: form-data; name="image"; filename="we%22ird;\xc3\xa9.jpg"\r\nContent-Type: image/jpeg\r\n\r\n${file}\r\n--------------------------bc3ec44104f80949\r\nContent-Disposition: form-data; name="note"\r\n\r\n${file}\r\n--------------------------bc3ec44104f80949--\r\n`,
    parts: [['image', 'we"ird;é.jpg', jpeg], ['note']],
  },
  {
    client: 'curl --form-escape',
    contentType: 'multipart/form-data; boundary=------------------------2b4cc308eca38a2a',
    body: `--------------------------2b4cc308eca38a2a\r\nContent-Disposition: form-data; name="image"; filename="we\\"ird;\xc3\xa9.jpg"\r\nContent-Type: image/jpeg\r\n\r\n${file}\r\n--------------------------2b4cc308eca38a2a--\r\n`,
    parts: [['image', 'we"ird;é.jpg', jpeg]],
  },
  {
    client: 'curl with a backslash in the file name',
    contentType: 'multipart/form-data; boundary=------------------------20665554e5a4b1fe',
    body: `--------------------------20665554e5a4b1fe\r\nContent-Disposition: form-data; name="image"; filename="back\\slash.jpg"\r\nContent-Type: image/jpeg\r\n\r\n${file}\r\n--------------------------20665554e5a4b1fe--\r\n`,
    parts: [['image', 'back\\slash.jpg', jpeg]],
  },
  {
    client: "curl -F 'image=@cat.jpg;encoder=base64'",
    contentType: 'multipart/form-data; boundary=------------------------5e997cabffbb8745',
    body: `--------------------------5e997cabffbb8745\r\nContent-Disposition: form-data; name="image"; filename="cat.jpg"\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n/9j/DQotLQA=\r\n--------------------------5e997cabffbb8745--\r\n`,
    parts: [['image', 'cat.jpg', jpeg]],
  },
  {
    client: 'requests with an open file (no Content-Type)',
    contentType: 'multipart/form-data; boundary=f951f0f52752914883c42c60d1966e69',
    body: `--f951f0f52752914883c42c60d1966e69\r\nContent-Disposition: form-data; name="image"; filename="cat.jpg"\r\n\r\n${file}\r\n--f951f0f52752914883c42c60d1966e69--\r\n`,
    parts: [['image', 'cat.jpg']],
  },
  {
    client: 'requests and httpx with quotes and an accent in the file name',
    contentType: 'multipart/form-data; boundary=b10c2b1cf7e4b75a372922852aa10a13',
    body: `--b10c2b1cf7e4b75a372922852aa10a13\r\nContent-Disposition: form-data; name="image"; filename="h\xc3\xa9 %22q%22.jpg"\r\nContent-Type: image/jpeg\r\n\r\n${file}\r\n--b10c2b1cf7e4b75a372922852aa10a13--\r\n`,
    parts: [['image', 'hé "q".jpg', jpeg]],
  },
  {
    client: 'aiohttp, which writes Content-Type first and percent-encodes the file name',
    contentType: 'multipart/form-data; boundary=3a9e35ef6ec24e28a2f435d2f529e87d',
    body: `--3a9e35ef6ec24e28a2f435d2f529e87d\r\nContent-Type: image/jpeg\r\nContent-Disposition: form-data; name="image"; filename="h%C3%A9.jpg"\r\n\r\n${file}\r\n--3a9e35ef6ec24e28a2f435d2f529e87d--\r\n`,
    parts: [['image', 'h%C3%A9.jpg', jpeg]],
  },
  {
    client: 'Node FormData with a line break in the file name, which stays encoded',
    contentType: 'multipart/form-data; boundary=----formdata-undici-012292650206',
    body: `------formdata-undici-012292650206\r\nContent-Disposition: form-data; name="image"; filename="h\xc3\xa9 %22q%22%0A.jpg"\r\nContent-Type: image/jpeg\r\n\r\n${file}\r\n------formdata-undici-012292650206\r\nContent-Disposition: form-data; name="k"\r\n\r\n${file}\r\n------formdata-undici-012292650206--\r\n`,
    parts: [['image', 'hé "q"%0A.jpg', jpeg], ['k']],
  },
  {
    client: 'an empty FormData',
    contentType: 'multipart/form-data; boundary=----formdata-undici-054890070382',
    body: '------formdata-undici-054890070382--\r\n',
    parts: [],
  },
  {
    client: "Go's multipart.Writer",
    contentType:
      'multipart/form-data; boundary=b1eec2abd6d45b5bb9f554666d0d938bf6b38bd3db526d80cb94d978f8e4',
    body: `--b1eec2abd6d45b5bb9f554666d0d938bf6b38bd3db526d80cb94d978f8e4\r\nContent-Disposition: form-data; name="image"; filename="h\xc3\xa9 \\"q\\\\.jpg"\r\nContent-Type: application/octet-stream\r\n\r\n${file}\r\n--b1eec2abd6d45b5bb9f554666d0d938bf6b38bd3db526d80cb94d978f8e4\r\nContent-Disposition: form-data; name="k"\r\n\r\n${file}\r\n--b1eec2abd6d45b5bb9f554666d0d938bf6b38bd3db526d80cb94d978f8e4--\r\n`,
    parts: [['image', 'hé "q\\.jpg', 'application/octet-stream'], ['k']],
  },
];
