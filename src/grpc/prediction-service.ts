/**
 * tensorflow.serving.PredictionService: predict, classify, regress and the signatures of models, with
 * TensorFlow Serving's own words for what goes wrong.
 */

import type { InferenceTask, Method } from '../protocol/tensorflow-serving/classify-message.ts';
import {
  decodeExamplesRequest,
  decodeMultiInferenceRequest,
  encodeExamplesResponse,
  encodeMultiInferenceResponse,
} from '../protocol/tensorflow-serving/classify-message.ts';
import { textOfError } from '../protocol/tensorflow-serving/error-text.ts';
import type { Example } from '../protocol/tensorflow-serving/example.ts';
import {
  decodeMetadataRequest,
  encodeMetadataResponse,
} from '../protocol/tensorflow-serving/metadata.ts';
import type { ModelSpec } from '../protocol/tensorflow-serving/model-spec.ts';
import {
  decodePredictRequest,
  encodePredictResponse,
  readPredictInputs,
} from '../protocol/tensorflow-serving/predict-message.ts';
import type { TensorRoom } from '../protocol/tensorflow-serving/tensor-room.ts';
import { createTensorRoom } from '../protocol/tensorflow-serving/tensor-room.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { InferenceAnswer } from '../serving/inference-types.ts';
import type { LongWork } from '../serving/long-work.ts';
import type { OpenLife } from '../serving/request-life.ts';
import type { ServedVersion } from '../serving/served-version.ts';
import type { ExamplesAnswer } from '../serving/tensorflow-view.ts';
import {
  runExamples,
  signatureNameOf,
  signaturesOf,
  versionOf,
} from '../serving/tensorflow-view.ts';
import type { CallLives } from './call-lives.ts';
import type { Service, UnaryMethod } from './methods.ts';
import type { OpenCall } from './open-call.ts';

export interface PredictionParts {
  readonly service: InferenceService;
  readonly lives: CallLives;
  readonly longWork: LongWork;
  /** What the tensors of a request may take beyond its message: as much as a message. */
  readonly maxBody: number;
}

/** Who answered. */
function answered(answer: InferenceAnswer): ModelSpec {
  const { model: name, version, signature } = answer;
  return { name, version, signature: signature.name };
}

export function createPredictionService(parts: PredictionParts): Service {
  const { service, lives, longWork, maxBody } = parts;
  const { registry } = service;

  function roomOf({ parts: { hold } }: OpenCall): TensorRoom {
    const room = createTensorRoom(maxBody);
    return {
      claim(bytes, input) {
        room.claim(bytes, input);
        hold.grow(bytes);
      },
    };
  }

  /** The version that is meant; from here on errors are told in TensorFlow Serving's words. */
  function find(call: OpenCall, { name: model, version, label }: ModelSpec): string | undefined {
    call.wording = (error) => textOfError(error, { model, version }, 'grpc');
    return versionOf(registry, { model, version, label });
  }

  const Predict: UnaryMethod = async (message, call) => {
    const request = decodePredictRequest(message);
    const { name: model, signature: named } = request.model;
    const version = find(call, request.model);
    const signature = signatureNameOf(named);
    const room = roomOf(call);
    const answer = await lives.run(call, { model, version }, (life, served) =>
      service.infer({
        served,
        model,
        version,
        signature,
        inputs: (tensors) =>
          longWork.run(readPredictInputs(request, tensors, room), message.length, life),
        outputs: request.outputFilter,
        life,
      }),
    );
    call.answered = answer;
    return encodePredictResponse(answered(answer), answer.outputs);
  };

  function runOne(
    served: ServedVersion,
    { name: model, signature }: ModelSpec,
    version: string | undefined,
    method: Method,
    examples: readonly Example[],
    life: OpenLife,
  ): Promise<ExamplesAnswer> {
    return runExamples(service, { served, model, version, signature, method, examples, life });
  }

  async function runTask(
    { model, method }: InferenceTask,
    version: string | undefined,
    examples: readonly Example[],
    life: OpenLife,
  ): Promise<ExamplesAnswer> {
    const served = service.acquire(model.name, version);
    try {
      return await runOne(served, model, version, method, examples, life);
    } finally {
      served.release();
    }
  }

  const evaluate =
    (method: Method): UnaryMethod =>
    async (message, call) => {
      const { model, examples } = decodeExamplesRequest(message, roomOf(call));
      const version = find(call, model);
      const { answer, result } = await lives.run(
        call,
        { model: model.name, version },
        (life, served) => runOne(served, model, version, method, examples, life),
      );
      call.answered = answer;
      return encodeExamplesResponse(answered(answer), result);
    };

  const MultiInference: UnaryMethod = async (message, call) => {
    const { tasks, examples } = decodeMultiInferenceRequest(message, roomOf(call));
    const versions = tasks.map(({ model }) => find(call, model));
    const ask = { model: tasks[0]?.model.name ?? '', version: versions[0] };
    const results = await lives.run(call, ask, (life, served) =>
      Promise.all(
        tasks.map((task, i) => {
          const version = versions[i];
          // All tasks that mean the same get the same version, however the traffic is split.
          return version === ask.version
            ? runOne(served, task.model, version, task.method, examples, life)
            : runTask(task, version, examples, life);
        }),
      ),
    );
    call.answered = results[0]?.answer;
    return encodeMultiInferenceResponse(
      results.map(({ answer, result }) => ({ model: answered(answer), result })),
    );
  };

  const GetModelMetadata: UnaryMethod = (message, call) => {
    const model = decodeMetadataRequest(message);
    const served = registry.resolve(model.name, find(call, model));
    const spec = { name: model.name, version: served.version.version, signature: '' };
    return encodeMetadataResponse(spec, signaturesOf(served));
  };

  return {
    name: 'tensorflow.serving.PredictionService',
    work: ['Predict', 'Classify', 'Regress', 'MultiInference'],
    unary: {
      Predict,
      Classify: evaluate('classify'),
      Regress: evaluate('regress'),
      MultiInference,
      GetModelMetadata,
    },
  };
}
