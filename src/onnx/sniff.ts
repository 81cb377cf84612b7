/**
 * What a file that was given as .onnx is instead: the mistakes people make, by their first bytes.
 * An ONNX file has no magic number; it starts with a protobuf field, nearly always `08` (ir_version).
 */

interface Signature {
  readonly what: string;
  readonly matches: (head: Uint8Array, text: string) => boolean;
}

const startsWith =
  (...bytes: number[]) =>
  (head: Uint8Array): boolean =>
    bytes.every((byte, i) => head[i] === byte);
const textAt = (offset: number, wanted: string) => (_: Uint8Array, text: string) =>
  text.startsWith(wanted, offset);
const textLike = (pattern: RegExp) => (_: Uint8Array, text: string) => pattern.test(text);

const isBetween = (byte: number | undefined, low: number, high: number): boolean =>
  byte !== undefined && byte >= low && byte <= high;
const isText = (head: Uint8Array): boolean =>
  head.length >= 16 && head.every((byte) => isBetween(byte, 0x20, 0x7e) || isBetween(byte, 9, 13));

const signatures: readonly Signature[] = [
  {
    what: 'a Git LFS pointer, not the model itself; run "git lfs pull"',
    matches: textAt(0, 'version https://git-lfs'),
  },
  {
    what: 'an HTML page; the download saved a web page instead of the model',
    matches: textLike(/^\s*<(!doctype|html|head|body|!--)/i),
  },
  { what: 'an XML file', matches: textLike(/^\s*<\?xml/i) },
  {
    what: 'a zip archive (PyTorch .pt and .pth, .keras and .npz files are zip archives too)',
    matches: startsWith(0x50, 0x4b, 0x03, 0x04),
  },
  { what: 'a gzip archive; unpack it first', matches: startsWith(0x1f, 0x8b) },
  { what: 'a zstd archive; unpack it first', matches: startsWith(0x28, 0xb5, 0x2f, 0xfd) },
  { what: 'an xz archive; unpack it first', matches: startsWith(0xfd, 0x37, 0x7a, 0x58, 0x5a) },
  { what: 'an HDF5 file (Keras .h5)', matches: startsWith(0x89, 0x48, 0x44, 0x46) },
  { what: 'a Python pickle', matches: (head) => head[0] === 0x80 && isBetween(head[1], 2, 5) },
  { what: 'a model in the ORT format', matches: textAt(4, 'ORTM') },
  { what: 'a TensorFlow Lite model', matches: textAt(4, 'TFL3') },
  { what: 'a GGUF model', matches: textAt(0, 'GGUF') },
  { what: 'a safetensors file', matches: textAt(8, '{"') },
  { what: 'a JSON file', matches: textLike(/^\s*[[{]\s*["{[\]}\d-]/) },
  { what: 'a text file', matches: isText },
];

/** Bytes of the file that `sniff` wants to see. */
export const sniffBytes = 64;

/** What the first bytes look like, in words; undefined for anything that may be ONNX. */
export function sniff(head: Uint8Array): string | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');
  return signatures.find(({ matches }) => matches(head, text))?.what;
}
