/**
 * What each route is for, what it takes and what it answers, in the terms of OpenAPI. A test asks for a
 * line here for every route that there is.
 */

import { z } from 'zod';
import {
  errorShape,
  inferAnswerShape,
  liveShape,
  modelConfigShape,
  modelMetadataShape,
  modelReadyShape,
  readyShape,
  repositoryIndexShape,
  serverMetadataShape,
  statisticsShape,
} from '../protocol/open-inference/answer-shapes.ts';
import { requestShape } from '../protocol/open-inference/infer-request.ts';
import {
  controlRequestShape,
  indexRequestShape,
} from '../protocol/open-inference/repository-request.ts';

const prediction = z.strictObject({ label: z.string(), probability: z.number() });
const predictions = z.array(prediction).describe('best first');

const signatureName = z
  .string()
  .optional()
  .describe('whose inputs and outputs are meant; serving_default when it is left out');

const examplesRequest = z.object({
  signature_name: signatureName,
  examples: z.array(z.object({})).min(1).describe('features by name'),
  context: z.object({}).optional().describe('features in front of those of every example'),
});

/** By the names that operations call them. */
export const schemas = {
  Error: errorShape,
  PlainError: z.strictObject({ success: z.literal(false), ...errorShape.shape }),
  TensorflowError: z.strictObject({ error: z.string() }),
  TensorflowPredictRequest: z.object({
    signature_name: signatureName,
    instances: z.array(z.any()).min(1).optional().describe('rows; either these or inputs'),
    inputs: z.any().optional().describe('a whole tensor, or an object of them'),
  }),
  TensorflowPredictAnswer: z.union([
    z.strictObject({ predictions: z.array(z.any()) }),
    z.strictObject({ outputs: z.any() }),
  ]),
  TensorflowExamplesRequest: examplesRequest,
  TensorflowResults: z.strictObject({ results: z.array(z.any()) }),
  TensorflowStatus: z.strictObject({
    model_version_status: z.array(
      z.strictObject({
        version: z.string(),
        state: z.enum(['UNKNOWN', 'START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END']),
        status: z.strictObject({ error_code: z.string(), error_message: z.string() }),
      }),
    ),
  }),
  TensorflowMetadata: z.strictObject({
    model_spec: z.strictObject({
      name: z.string(),
      signature_name: z.string(),
      version: z.string(),
    }),
    metadata: z.strictObject({ signature_def: z.object({ signature_def: z.object({}) }) }),
  }),
  Live: liveShape,
  Ready: readyShape,
  ModelReady: modelReadyShape,
  ServerMetadata: serverMetadataShape,
  ModelMetadata: modelMetadataShape,
  ModelConfig: modelConfigShape,
  Statistics: statisticsShape,
  RepositoryIndexRequest: indexRequestShape,
  RepositoryIndex: repositoryIndexShape,
  ControlRequest: controlRequestShape,
  InferRequest: requestShape,
  InferAnswer: inferAnswerShape,
  PredictRequest: z
    .union([
      z.object({ url: z.string() }),
      z.object({ image: z.string().describe('base64 or a data URL') }),
      z.object({ urls: z.array(z.string()).min(1) }),
      z.object({ images: z.array(z.string()).min(1) }),
    ])
    .describe('one picture, or a list of them'),
  PredictAnswer: z.union([
    z.strictObject({ predictions, success: z.literal(true) }),
    z.strictObject({ results: z.array(z.strictObject({ predictions })), success: z.literal(true) }),
  ]),
} as const satisfies Record<string, z.ZodType>;

type SchemaName = keyof typeof schemas;

/** Content type → a named schema, or a schema itself. */
export type Content = Readonly<Record<string, SchemaName | object>>;

export interface Operation {
  readonly summary: string;
  readonly tag: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Content;
  readonly answers: Readonly<Record<string, { description: string; content?: Content }>>;
}

const json = (schema: SchemaName): Content => ({ 'application/json': schema });
const binary = { type: 'string', format: 'binary' };
const text = { type: 'string' };
const anyObject = { type: 'object' };

const scope = {
  'X-Request-Timeout-Ms': 'the most milliseconds that the answer may take, from the first line on',
  'X-Request-Priority': 'high (as usual) or low',
};

function answered(summary: string, tag: string, schema: SchemaName): Operation {
  return { summary, tag, answers: { 200: { description: summary, content: json(schema) } } };
}

function probe(summary: string, schema: SchemaName): Operation {
  return {
    summary,
    tag: 'health',
    answers: {
      200: { description: 'yes', content: json(schema) },
      503: { description: 'no', content: json(schema) },
    },
  };
}

const missing = (feature: string): Operation => ({
  summary: `${feature}: not offered`,
  tag: 'not offered',
  answers: { 501: { description: 'this server does not offer it', content: json('Error') } },
});

function aboutTraffic(summary: string): Operation {
  return {
    summary,
    tag: 'models',
    answers: { 200: { description: 'as they hold', content: { 'application/json': anyObject } } },
  };
}

function changesTraffic(summary: string, hasBody = false): Operation {
  const { answers, ...about } = aboutTraffic(summary);
  return {
    ...about,
    ...(hasBody ? { body: { 'application/json': anyObject } } : {}),
    answers: {
      ...answers,
      403: { description: 'off, unless --model-control explicit', content: json('Error') },
    },
  };
}

const picture: Content = {
  'multipart/form-data': {
    type: 'object',
    additionalProperties: binary,
    description: 'files under any names',
  },
  'image/*': binary,
  'application/octet-stream': binary,
  'application/json': 'PredictRequest',
};

const predict: Operation = {
  summary: 'labels of pictures',
  tag: 'pictures',
  headers: scope,
  body: picture,
  answers: {
    200: {
      description: 'a list of predictions; of several pictures one list each',
      content: { 'application/json': 'PredictAnswer', 'text/plain': text },
    },
  },
};

const infer: Operation = {
  summary: 'tensors in, tensors out (Open Inference)',
  tag: 'open inference',
  headers: {
    ...scope,
    'Inference-Header-Content-Length':
      'bytes of the JSON before binary data; 0: the body is the only input',
  },
  body: { 'application/json': 'InferRequest', 'application/octet-stream': binary },
  answers: {
    200: {
      description: 'the outputs; with binary data behind the JSON where that was asked for',
      content: { 'application/json': 'InferAnswer', 'application/octet-stream': binary },
    },
  },
};

function control(verb: string): Operation {
  return {
    summary: `${verb} a model`,
    tag: 'open inference',
    body: json('ControlRequest'),
    answers: {
      200: { description: 'done', content: { 'application/json': anyObject } },
      403: { description: 'off, unless --model-control explicit', content: json('Error') },
      409: { description: 'a later request asks for something else', content: json('Error') },
    },
  };
}

const shared = ['systemsharedmemory', 'cudasharedmemory'].flatMap((kind) =>
  [
    `GET /v2/${kind}/status`,
    `GET /v2/${kind}/region/:region/status`,
    `POST /v2/${kind}/unregister`,
    `POST /v2/${kind}/region/:region/unregister`,
    `POST /v2/${kind}/region/:region/register`,
  ].map((route) => [route, missing('shared memory')] as const),
);

function tensorflow(summary: string, body: SchemaName, answer: SchemaName): Operation {
  return {
    summary: `${summary} (TensorFlow Serving)`,
    tag: 'tensorflow serving',
    headers: scope,
    body: json(body),
    answers: { 200: { description: summary, content: json(answer) } },
  };
}

/** What the one route below /v1/ takes, as find-my-way would write it: two colons are one of the path. */
export const tensorflowRoutes = ['', '/versions/:version', '/labels/:label'].flatMap((which) => [
  ...['predict', 'classify', 'regress'].map((method) => ({
    method: 'POST',
    path: `/v1/models/:model${which}::${method}`,
  })),
  { method: 'GET', path: `/v1/models/:model${which}` },
  { method: 'GET', path: `/v1/models/:model${which}/metadata` },
]);

/** By method and path; without the version where a model has the same. */
export const operations: Readonly<Record<string, Operation>> = {
  'GET /': {
    summary: 'the page for browsers, a line of text for others',
    tag: 'pictures',
    answers: { 200: { description: 'it', content: { 'text/html': text, 'text/plain': text } } },
  },
  'POST /predict': predict,
  'POST /models/:model/predict': predict,
  'GET /models': {
    summary: 'models, versions, states and reasons',
    tag: 'models',
    answers: { 200: { description: 'all models', content: { 'application/json': anyObject } } },
  },
  'GET /models/:model': {
    summary: 'one model with its versions, states and reasons',
    tag: 'models',
    answers: { 200: { description: 'the model', content: { 'application/json': anyObject } } },
  },
  'GET /models/:model/samples/:file': {
    summary: 'a sample picture of a model',
    tag: 'models',
    answers: { 200: { description: 'the picture', content: { 'image/*': binary } } },
  },
  'GET /models/:model/traffic': aboutTraffic(
    'labels and traffic of a model, and where they come from',
  ),
  'PUT /models/:model/traffic': changesTraffic('set labels, traffic and shadow', true),
  'DELETE /models/:model/traffic': changesTraffic('labels and traffic as model.yaml says'),
  'POST /models/:model/promote': changesTraffic(
    'make a version (default: the canary) stable, with all traffic or a part of it',
    true,
  ),
  'POST /models/:model/rollback': changesTraffic('undo the latest change of labels and traffic'),
  'GET /models/:model/ready': probe('should this model get requests?', 'ModelReady'),
  'GET /healthz': {
    summary: 'does the process live?',
    tag: 'health',
    answers: { 200: { description: 'yes', content: { 'application/json': anyObject } } },
  },
  'GET /readyz': {
    summary: 'should this server get requests? With the state of each model',
    tag: 'health',
    answers: {
      200: { description: 'yes', content: { 'application/json': anyObject } },
      503: { description: 'no', content: { 'application/json': anyObject } },
    },
  },
  'GET /metrics': {
    summary: "metrics in Prometheus' text format",
    tag: 'health',
    answers: { 200: { description: 'the metrics', content: { 'text/plain': text } } },
  },
  'GET /openapi.json': {
    summary: 'this document',
    tag: 'models',
    answers: { 200: { description: 'it', content: { 'application/json': anyObject } } },
  },
  'GET /v2': answered(
    'name, version and extensions of the server',
    'open inference',
    'ServerMetadata',
  ),
  'GET /v2/health/live': probe('does the server live?', 'Live'),
  'GET /v2/health/ready': probe('should this server get requests?', 'Ready'),
  'GET /v2/models/:model/ready': probe('should this model get requests?', 'ModelReady'),
  'GET /v2/models/:model': answered(
    'inputs and outputs of a model',
    'open inference',
    'ModelMetadata',
  ),
  'GET /v2/models/:model/config': answered(
    'how a model is served',
    'open inference',
    'ModelConfig',
  ),
  'GET /v2/models/:model/stats': answered(
    'what was counted of a model',
    'open inference',
    'Statistics',
  ),
  'GET /v2/models/stats': answered(
    'what was counted of all models',
    'open inference',
    'Statistics',
  ),
  'POST /v1/models/:model::predict': tensorflow(
    'tensors in, tensors out',
    'TensorflowPredictRequest',
    'TensorflowPredictAnswer',
  ),
  'POST /v1/models/:model::classify': tensorflow(
    'classes of examples',
    'TensorflowExamplesRequest',
    'TensorflowResults',
  ),
  'POST /v1/models/:model::regress': tensorflow(
    'values of examples',
    'TensorflowExamplesRequest',
    'TensorflowResults',
  ),
  'GET /v1/models/:model': answered(
    'states of the versions of a model',
    'tensorflow serving',
    'TensorflowStatus',
  ),
  'GET /v1/models/:model/metadata': answered(
    'signatures of a model',
    'tensorflow serving',
    'TensorflowMetadata',
  ),
  'POST /v2/models/:model/infer': infer,
  'POST /v2/repository/index': {
    ...answered('the versions of all models', 'open inference', 'RepositoryIndex'),
    body: json('RepositoryIndexRequest'),
  },
  'POST /v2/repository/models/:model/load': control('load'),
  'POST /v2/repository/models/:model/unload': control('unload'),
  'POST /v2/models/:model/generate': missing('text generation'),
  'POST /v2/models/:model/generate_stream': missing('text generation'),
  'GET /v2/models/:model/trace/setting': missing('trace settings'),
  'POST /v2/models/:model/trace/setting': missing('trace settings'),
  'GET /v2/trace/setting': missing('trace settings'),
  'POST /v2/trace/setting': missing('trace settings'),
  'GET /v2/logging': missing('log settings'),
  'POST /v2/logging': missing('log settings'),
  ...Object.fromEntries(shared),
};
