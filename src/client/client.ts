/**
 * A client of a Modelship server, or of any other that speaks Open Inference REST: in Node and in a browser,
 * with nothing but fetch. Tensors go and come as bytes.
 *
 * Owns: what a program calls. Does not own: connections (fetch keeps them), batching (the server does it).
 */

import type { DType } from '../tensor/dtype.ts';
import { invalidAnswer, ModelshipError } from './client-error.ts';
import type { InferAnswer, InferCall } from './infer-codec.ts';
import { decodeAnswer, encodeCall, lengthHeader } from './infer-codec.ts';
import type { Message, SendOptions } from './send.ts';
import { failureOf, send, waitFor } from './send.ts';

export type { ClientErrorCode } from './client-error.ts';
export { ModelshipError } from './client-error.ts';
export type { InferAnswer, InferCall, InferInput, InferOutput } from './infer-codec.ts';
export type { SendOptions } from './send.ts';
export type { ArrayOfDType, TensorData } from './tensor-data.ts';
export { textsOf } from './tensor-data.ts';
export type { DType };

export interface ClientOptions extends SendOptions {
  /** Sent with every request, such as Authorization for a proxy before the server. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Instead of the global one. */
  readonly fetch?: typeof fetch | undefined;
}

/** What each call may say for itself; the client's own options stand in for what it does not. */
export interface CallOptions extends SendOptions {
  /** Absent: the version that the server chooses. */
  readonly version?: string | undefined;
}

export interface Prediction {
  readonly label: string;
  /** 0 to 1. */
  readonly probability: number;
}

/** An encoded picture: JPEG, PNG, WebP, … */
export type Picture = Blob | Uint8Array;

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: DType;
  /** -1 where the model leaves it open. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions?: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** Every call throws ModelshipError, or the reason of its signal. */
export interface ModelshipClient {
  /** Whether the server answers at all; false when nothing is there. */
  isLive(options?: SendOptions): Promise<boolean>;
  /** Whether it should get requests. */
  isReady(options?: SendOptions): Promise<boolean>;
  isModelReady(model: string, options?: CallOptions): Promise<boolean>;
  serverMetadata(options?: SendOptions): Promise<ServerMetadata>;
  modelMetadata(model: string, options?: CallOptions): Promise<ModelMetadata>;
  /** Also throws TypeError, for an input whose data is not of its dtype or does not fill its shape. */
  infer(model: string, call: InferCall, options?: CallOptions): Promise<InferAnswer>;
  /** The labels of a picture, best first. Without a model: the only one, or the server's default. */
  predict(
    picture: Picture,
    options?: CallOptions & { readonly model?: string | undefined },
  ): Promise<Prediction[]>;
  /** The labels of several pictures, in their order. */
  predictAll(
    pictures: readonly Picture[],
    options?: CallOptions & { readonly model?: string | undefined },
  ): Promise<Prediction[][]>;
}

/** `url` is where the server listens, such as "http://localhost:8080"; a path before its own is kept. */
export function createClient(url: string | URL, options: ClientOptions = {}): ModelshipClient {
  const base = String(url).replace(/\/+$/, '');
  const sender = {
    // Called without an owner, as browsers demand.
    fetch: options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args)),
    headers: options.headers ?? {},
    wait: waitFor,
  };

  function modelPath(model: string, version: string | undefined): string {
    const one = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
    return `/models/${encodeURIComponent(model)}${one}`;
  }

  /** Sends, and reads the answer; what breaks off while it is read is a failure like any other. */
  async function ask<T>(
    message: Message,
    own: SendOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const merged = {
      signal: own.signal ?? options.signal,
      timeoutMs: own.timeoutMs ?? options.timeoutMs,
      retries: own.retries ?? options.retries,
    };
    const response = await send(sender, { ...message, url: base + message.url }, merged);
    try {
      return await read(response);
    } catch (error) {
      throw failureOf(error, message.url, merged.signal);
    }
  }

  async function isOk(path: string, own: SendOptions): Promise<boolean> {
    try {
      return await ask({ url: path }, own, async (response) => {
        await response.arrayBuffer();
        return true;
      });
    } catch (error) {
      // An answer of "no", or none.
      const isNo = error instanceof ModelshipError && (error.status === 0 || error.status >= 400);
      if (isNo && error.status !== 404) return false;
      throw error;
    }
  }

  const readJson = async (response: Response): Promise<unknown> => {
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      throw invalidAnswer('it is not JSON', response.status);
    }
  };

  async function predictForm(
    pictures: readonly Picture[],
    { model, version, ...own }: CallOptions & { readonly model?: string | undefined },
  ): Promise<Record<string, unknown>> {
    const form = new FormData();
    for (const [i, picture] of pictures.entries()) {
      const blob =
        picture instanceof Blob ? picture : new Blob([picture as Uint8Array<ArrayBuffer>]);
      form.append('image', blob, `picture-${i}`);
    }
    const path = model === undefined ? '/predict' : `${modelPath(model, version)}/predict`;
    const headers = { accept: 'application/json' };
    return (await ask({ url: path, body: form, headers }, own, readJson)) as Record<
      string,
      unknown
    >;
  }

  return {
    isLive: (own = {}) => isOk('/v2/health/live', own),
    isReady: (own = {}) => isOk('/v2/health/ready', own),
    isModelReady: (model, { version, ...own } = {}) =>
      isOk(`/v2${modelPath(model, version)}/ready`, own),
    serverMetadata: async (own = {}) =>
      (await ask({ url: '/v2' }, own, readJson)) as ServerMetadata,
    modelMetadata: async (model, { version, ...own } = {}) =>
      (await ask({ url: `/v2${modelPath(model, version)}` }, own, readJson)) as ModelMetadata,
    infer: async (model, call, { version, ...own } = {}) => {
      const { body, headerLength } = encodeCall(call);
      const headers = { [lengthHeader]: String(headerLength) };
      return ask(
        { url: `/v2${modelPath(model, version)}/infer`, body, headers },
        own,
        decodeAnswer,
      );
    },
    predict: async (picture, own = {}) => {
      const { predictions } = await predictForm([picture], own);
      if (!Array.isArray(predictions)) throw invalidAnswer('it has no predictions', 200);
      return predictions as Prediction[];
    },
    predictAll: async (pictures, own = {}) => {
      const answer = await predictForm(pictures, own);
      const results = answer.results ?? [answer];
      if (!Array.isArray(results)) throw invalidAnswer('it has no results', 200);
      return results.map(({ predictions }) => predictions as Prediction[]);
    },
  };
}
