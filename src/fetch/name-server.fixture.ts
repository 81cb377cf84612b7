import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

const recordTypes: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA' };
const nameError = 3;

/**
 * A name server on UDP (RFC 1035 §4) that ends with its test. `answer` gives the address's bytes for a
 * question such as "a.example A", null for "no such name", and undefined for silence.
 */
export async function serveNames(
  answer: (question: string) => readonly number[] | null | undefined,
): Promise<{ server: string; questions: string[] }> {
  const questions: string[] = [];
  const socket = createSocket('udp4', (message, from) => {
    const question = readQuestion(message);
    questions.push(question.text);
    const address = answer(question.text);
    if (address === undefined) return;
    socket.send(writeAnswer(message, question.end, address), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return { server: `127.0.0.1:${socket.address().port}`, questions };
}

function readQuestion(message: Buffer): { text: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = recordTypes[message.readUInt16BE(at + 1)];
  return { text: `${labels.join('.').toLowerCase()} ${type}`, end: at + 5 };
}

function writeAnswer(message: Buffer, end: number, address: readonly number[] | null): Buffer {
  const header = Buffer.from(message.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (address === null ? nameError : 0), 2);
  header.writeUInt16BE(address === null ? 0 : 1, 6);
  header.fill(0, 8);
  const type = [0xc0, 12, ...message.subarray(end - 4, end), 0, 0, 0, 60, 0];
  const record = address === null ? [] : [...type, address.length, ...address];
  return Buffer.concat([header, message.subarray(12, end), Buffer.from(record)]);
}
