/** inference.GRPCInferenceService, the Open Inference Protocol over gRPC with Triton's extensions. */

import { ServingError } from '../errors.ts';
import { readLoadParameters } from '../protocol/open-inference/repository-request.ts';
import { encodeInferResponse } from '../protocol/open-inference-grpc/infer-response.ts';
import type {
  IndexRequest,
  ModelRequest,
  RepositoryRequest,
} from '../protocol/open-inference-grpc/messages.ts';
import {
  flagResponse,
  indexRequest,
  indexResponse,
  modelMetadata,
  modelRequest,
  repositoryRequest,
  serverMetadata,
  statisticsResponse,
} from '../protocol/open-inference-grpc/messages.ts';
import { modelConfigResponse } from '../protocol/open-inference-grpc/model-config.ts';
import { decodeMessage, encodeMessage } from '../protocol/protobuf/small-message.ts';
import {
  describeModel,
  describeRepository,
  describeServer,
  readinessOf,
} from '../serving/describe-model.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import { describeConfig } from '../serving/model-config.ts';
import type { ModelControl } from '../serving/model-control.ts';
import type { ReadStatistics } from '../serving/model-statistics.ts';
import { describeStatistics } from '../serving/model-statistics.ts';
import type { Infer } from './infer-method.ts';
import { createInferStream } from './infer-stream.ts';
import type { Service, UnaryMethod } from './methods.ts';
import type { OpenStreams } from './open-streams.ts';

export interface InferenceServiceParts {
  readonly service: InferenceService;
  readonly control: ModelControl;
  readonly statisticsOf: ReadStatistics;
  /** Of Modelship itself. */
  readonly version: string;
  readonly infer: Infer;
  readonly streams: OpenStreams;
}

interface Meant {
  readonly model: string;
  readonly version: string | undefined;
}

/** An empty version leaves the choice to the server. */
function meantBy(message: Buffer): Meant {
  const { name, version } = decodeMessage<ModelRequest>(modelRequest, message);
  return { model: name, version: version === '' ? undefined : version };
}

/** Triton says "not ready" of a model that it does not know, and clients ask in that trust. */
function isReady({ registry, shuttingDown }: InferenceService, { model, version }: Meant): boolean {
  try {
    return readinessOf(registry, model, version).ready && !shuttingDown;
  } catch (error) {
    if (error instanceof ServingError && error.kind === 'not-found') return false;
    throw error;
  }
}

function aboutModels(parts: InferenceServiceParts): Record<string, UnaryMethod> {
  const { service } = parts;
  const { registry } = service;
  return {
    ServerLive: () => encodeMessage(flagResponse.live, { live: true }),
    ServerReady: () => encodeMessage(flagResponse.ready, { ready: service.ready }),
    ModelReady: (message) =>
      encodeMessage(flagResponse.ready, { ready: isReady(service, meantBy(message)) }),
    ServerMetadata: () => encodeMessage(serverMetadata, describeServer(parts.version)),
    ModelMetadata(message) {
      const { model, version } = meantBy(message);
      return encodeMessage(modelMetadata, describeModel(registry, model, version));
    },
    ModelConfig(message) {
      const { model, version } = meantBy(message);
      return encodeMessage(modelConfigResponse, {
        config: describeConfig(registry, model, version),
      });
    },
    ModelStatistics(message) {
      const { model, version } = meantBy(message);
      const name = model === '' ? undefined : model;
      return encodeMessage(statisticsResponse, {
        model_stats: describeStatistics(registry, parts.statisticsOf, name, version),
      });
    },
  };
}

const nothing = Buffer.alloc(0);

function refuseOtherRepositories({
  repository_name: repository,
}: {
  repository_name: string;
}): void {
  if (repository !== '')
    throw new ServingError('FEATURE_UNSUPPORTED', {
      feature: 'more than one model repository',
      advice: 'leave repository_name empty',
    });
}

function readRepositoryRequest(message: Buffer): RepositoryRequest {
  const request = decodeMessage<RepositoryRequest>(repositoryRequest, message);
  refuseOtherRepositories(request);
  return request;
}

function aboutRepository({ control }: InferenceServiceParts): Record<string, UnaryMethod> {
  return {
    async RepositoryIndex(message) {
      const request = decodeMessage<IndexRequest>(indexRequest, message);
      refuseOtherRepositories(request);
      return encodeMessage(indexResponse, {
        models: await describeRepository(control, request.ready),
      });
    },
    async RepositoryModelLoad(message) {
      const { model_name: model, parameters } = readRepositoryRequest(message);
      const texts = Object.entries(parameters).map(([name, one]) => [name, one.string_param]);
      await control.load(model, readLoadParameters(Object.fromEntries(texts), model));
      return nothing;
    },
    async RepositoryModelUnload(message) {
      await control.unload(readRepositoryRequest(message).model_name);
      return nothing;
    },
  };
}

/** What clients of Triton may ask for, and this server has not. */
const missing: Readonly<Record<string, string>> = {
  SystemSharedMemoryStatus: 'shared memory',
  SystemSharedMemoryRegister: 'shared memory',
  SystemSharedMemoryUnregister: 'shared memory',
  CudaSharedMemoryStatus: 'shared memory',
  CudaSharedMemoryRegister: 'shared memory',
  CudaSharedMemoryUnregister: 'shared memory',
  TraceSetting: 'trace settings',
  LogSettings: 'log settings',
};

function refuseMissing(): Record<string, UnaryMethod> {
  const methods = Object.entries(missing).map(([name, feature]) => {
    const refuse = (): never => {
      throw new ServingError('FEATURE_UNSUPPORTED', { feature });
    };
    return [name, refuse] as const;
  });
  return Object.fromEntries(methods);
}

export function createInferenceGrpc(parts: InferenceServiceParts): Service {
  return {
    name: 'inference.GRPCInferenceService',
    work: ['ModelInfer', 'ModelStreamInfer'],
    unary: {
      ...aboutModels(parts),
      ...aboutRepository(parts),
      ...refuseMissing(),
      ModelInfer: async (message, call) => encodeInferResponse(await parts.infer(message, call)),
    },
    streams: { ModelStreamInfer: createInferStream(parts) },
  };
}
