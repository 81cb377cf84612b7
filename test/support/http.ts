/** Requests of tests: fetch with the answer read, and curl as people type it. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { requirePart } from './parts.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it, it says itself
  readonly json: any;
}

export async function request(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

export const get = (url: string): Promise<Answer> => request(url);

export function post(
  url: string,
  body: Uint8Array | string | FormData | object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const isPlain =
    typeof body === 'string' || body instanceof Uint8Array || body instanceof FormData;
  if (isPlain)
    return request(url, { method: 'POST', body: body as RequestInit['body'] & {}, headers });
  const json = { 'content-type': 'application/json', ...headers };
  return request(url, { method: 'POST', body: JSON.stringify(body), headers: json });
}

/** A form as a browser sends it: each entry a file with that field name. */
export function formOf(
  ...files: readonly (readonly [field: string, bytes: Uint8Array, name?: string, type?: string])[]
): FormData {
  const form = new FormData();
  for (const [field, bytes, name = 'picture.png', type = 'image/png'] of files) {
    form.append(field, new Blob([bytes as Uint8Array<ArrayBuffer>], { type }), name);
  }
  return form;
}

export const curlPath = requirePart('curl', 'curl', 'apt-get install curl');

export interface CurlAnswer {
  readonly status: number;
  readonly text: string;
}

/** Runs curl; throws when it reports an error of the connection. */
export async function curl(...args: readonly string[]): Promise<CurlAnswer> {
  const marked = ['-sS', '--max-time', '20', '-w', '\n%{http_code}', ...args];
  const { stdout } = await promisify(execFile)(curlPath ?? 'curl', marked, { maxBuffer: 1 << 26 });
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) };
}
