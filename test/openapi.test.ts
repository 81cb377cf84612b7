/** The description of the API, against the API: every route is in it, and answers are as it says. */

import { afterAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { schemas } from '../src/http/openapi-operations.ts';
import { get, post } from './support/http.ts';
import { copyDigits, writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeModels(folder.path, 'simple', 'fails-on-zeros');
const server = await startModelship(folder.path, { args: ['--default-model', 'digits'] });
const at = (path: string): string => `${server.url}${path}`;

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Described {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { name: string; in: string }[];
  readonly responses: Record<string, unknown>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Record<string, Record<string, Described>>;
  readonly components: { readonly schemas: Record<string, { type?: string; required?: string[] }> };
}

const document = (await get(at('/openapi.json'))).json as Document;
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

describe('the document', () => {
  test('says of every route what it is for, with all parameters of its path', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(described.length).toBeGreaterThan(40);
    for (const { path, method, operation } of described) {
      expect([path, method, operation.summary]).toEqual([
        path,
        method,
        expect.stringMatching(/\w/),
      ]);
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const told = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(told.map(({ name }) => name)).toEqual(names);
      expect(Object.keys(operation.responses)).toContain('default');
    }
  });

  test('has the paths that clients know', () => {
    const names = described.map(({ path, method }) => `${method} ${path}`);
    for (const name of [
      'post /predict',
      'post /v2/models/{model}/infer',
      'post /v2/models/{model}/versions/{version}/infer',
      'get /v2/models/{model}/config',
      'get /openapi.json',
      'post /v1/models/{model}:predict',
      'get /v1/models/{model}/labels/{label}/metadata',
    ])
      expect(names).toContain(name);
    expect(names.filter((name) => name.startsWith('head'))).toEqual([]);
  });

  test('names no schema that is not in it', () => {
    const named = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)];
    const missing = named.filter(([, name = '']) => !(name in document.components.schemas));
    expect([named.length > 50, missing]).toEqual([true, []]);
  });

  test('has the schema that validates inference requests', () => {
    expect(document.components.schemas.InferRequest).toMatchObject({
      type: 'object',
      required: ['inputs'],
      properties: { inputs: { type: 'array', minItems: 1 }, id: { type: 'string' } },
    });
  });

  test('says what names a signature, in both protocols', () => {
    const { InferRequest, TensorflowPredictRequest, TensorflowExamplesRequest } =
      document.components.schemas;
    expect(InferRequest).toMatchObject({
      properties: { parameters: { description: expect.stringMatching(/^signature_name: /) } },
    });
    const signature_name = {
      type: 'string',
      description: expect.stringContaining('serving_default'),
    };
    for (const schema of [TensorflowPredictRequest, TensorflowExamplesRequest])
      expect(schema).toMatchObject({ properties: { signature_name } });
  });
});

describe('answers are as it says:', () => {
  const sixteen = new Array(16).fill(1);
  const input = (name: string) => ({ name, datatype: 'INT32', shape: [1, 16], data: sixteen });
  const request = { inputs: [input('INPUT0'), input('INPUT1')] };
  const tensorflowInputs = { INPUT0: [sixteen], INPUT1: [sixteen] };

  test.each<[keyof typeof schemas, string, unknown?]>([
    ['Live', '/v2/health/live'],
    ['Ready', '/v2/health/ready'],
    ['ServerMetadata', '/v2'],
    ['InferAnswer', '/v2/models/simple/infer', request],
    ['ModelMetadata', '/v2/models/simple'],
    ['ModelReady', '/v2/models/fails-on-zeros/ready'],
    ['ModelReady', '/models/simple/versions/1/ready'],
    ['ModelConfig', '/v2/models/simple/config'],
    ['ModelConfig', '/v2/models/digits/versions/1/config'],
    ['Statistics', '/v2/models/stats'],
    ['TensorflowStatus', '/v1/models/simple'],
    ['TensorflowMetadata', '/v1/models/digits/metadata'],
    ['TensorflowError', '/v1/models/none'],
    ['TensorflowPredictAnswer', '/v1/models/simple:predict', { inputs: tensorflowInputs }],
    ['RepositoryIndex', '/v2/repository/index', {}],
    ['Error', '/v2/models/none'],
    ['Error', '/v2/repository/models/simple/load', {}],
    ['PlainError', '/models/none'],
    ['PredictAnswer', '/predict', readDigit('3.png')],
  ])('%s of %s', async (name, path, body) => {
    const answer = await (body === undefined ? get(at(path)) : post(at(path), body as object));
    const shape: z.ZodType = schemas[name];
    expect(shape.safeParse(answer.json).error?.issues ?? []).toEqual([]);
  });
});
