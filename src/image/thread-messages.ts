/** Everything that crosses between the server's thread and a picture thread. */

import type { PictureGeometry } from '../config/picture-spec.ts';
import type { PlainError } from '../errors.ts';
import type { PictureHeader } from './picture-format.ts';

/** `bytes` own their whole buffer and are transferred. */
export interface ReadJob {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly header: PictureHeader;
  readonly geometry: PictureGeometry;
  readonly where: string;
}

/** Row-major height × width × channels (1 or 3) bytes. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** `bug` is what was thrown besides the catalogue's errors: message and stack. */
export type ReadReply =
  | { readonly id: number; readonly picture: Picture }
  | { readonly id: number; readonly error: PlainError }
  | { readonly id: number; readonly bug: string };
