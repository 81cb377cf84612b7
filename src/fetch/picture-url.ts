import { isIP } from 'node:net';
import { ServingError } from '../errors.ts';

/** Room for the signed links of object stores. */
const maxUrlLength = 8192;
/** RFC 1035 §2.3.4, as text. */
const maxHostLength = 253;
const hostName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/** A URL that may be asked for, taken apart once: what is checked is what is connected to. */
export interface PictureUrl {
  readonly secure: boolean;
  /** A lower-case ASCII name without a dot at its end, or an address without brackets. */
  readonly host: string;
  readonly isAddress: boolean;
  readonly port: number;
  /** What the Host header says. */
  readonly authority: string;
  /** Path and query; never empty. */
  readonly path: string;
}

/**
 * Takes a URL apart as browsers do (WHATWG): `http://0x7f.1/`, `http://2130706433/` and `http://①27.0.0.1/`
 * all come out with the host 127.0.0.1. A `base` resolves relative redirects. A fragment is dropped.
 *
 * Throws URL_INVALID.
 */
export function parsePictureUrl(text: string, base?: PictureUrl): PictureUrl {
  if (text.length > maxUrlLength) refuse(`it is longer than ${maxUrlLength} characters`);
  const url = URL.parse(text, base === undefined ? undefined : textOf(base));
  if (url === null) refuse('it is not a full URL such as https://example.org/cat.jpg');
  checkScheme(url);
  if (url.username !== '' || url.password !== '') refuse('it holds a user name or a password');
  const secure = url.protocol === 'https:';
  const host = hostOf(url);
  return {
    secure,
    host,
    isAddress: isIP(host) !== 0,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    authority: authorityOf(host, url.port),
    path: url.pathname + url.search,
  };
}

function textOf({ secure, authority, path }: PictureUrl): string {
  return `${secure ? 'https' : 'http'}://${authority}${path}`;
}

function checkScheme({ protocol }: URL): void {
  if (protocol === 'data:') refuse('it is a data URL; send it as {"image": "data:…"}');
  if (protocol !== 'http:' && protocol !== 'https:')
    refuse(`its scheme is "${protocol.slice(0, 20)}"; expected http: or https:`);
}

function hostOf({ hostname }: URL): string {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  if (isIP(host) !== 0) return host;
  if (host.length > maxHostLength) refuse(`its host is longer than ${maxHostLength} characters`);
  if (!hostName.test(host)) refuse('its host is not a host name');
  return host;
}

function authorityOf(host: string, port: string): string {
  const name = isIP(host) === 6 ? `[${host}]` : host;
  return port === '' ? name : `${name}:${port}`;
}

function refuse(problem: string): never {
  throw new ServingError('URL_INVALID', { problem });
}
