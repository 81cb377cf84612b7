/** tensorflow.serving.ModelService: the states of a model's versions, and a new list of models. */

import { ServingError } from '../errors.ts';
import { textOfStatusError } from '../protocol/tensorflow-serving/error-text.ts';
import { decodeReloadRequest } from '../protocol/tensorflow-serving/reload-config.ts';
import {
  decodeStatusRequest,
  encodeStatusResponse,
} from '../protocol/tensorflow-serving/status.ts';
import type { ModelRegistry } from '../serving/model-registry.ts';
import { statusOfModel, versionOf } from '../serving/tensorflow-view.ts';
import type { Service } from './methods.ts';

export function createModelService(registry: ModelRegistry): Service {
  return {
    name: 'tensorflow.serving.ModelService',
    unary: {
      GetModelStatus(message, call) {
        const { name: model, version, label } = decodeStatusRequest(message);
        call.wording = (error) => textOfStatusError(error, { model, version });
        const meant = versionOf(registry, { model, version, label });
        return encodeStatusResponse(statusOfModel(registry, model, meant));
      },
      HandleReloadConfigRequest(message) {
        // A broken request is told so, whatever would become of a good one.
        decodeReloadRequest(message);
        throw new ServingError('MODEL_CONTROL_REFUSED', {
          what: 'A new list of models',
          mode: 'none',
        });
      },
    },
  };
}
