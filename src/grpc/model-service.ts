/** tensorflow.serving.ModelService: the states of a model's versions, and a new list of models. */

import { textOfStatusError } from '../protocol/tensorflow-serving/error-text.ts';
import type { ReloadModel } from '../protocol/tensorflow-serving/reload-config.ts';
import {
  decodeReloadRequest,
  encodeReloadResponse,
} from '../protocol/tensorflow-serving/reload-config.ts';
import {
  decodeStatusRequest,
  encodeStatusResponse,
} from '../protocol/tensorflow-serving/status.ts';
import type { ConfiguredModel } from '../repository/models-config.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import { statusOfModel, versionOf } from '../serving/tensorflow-view.ts';
import type { Service } from './methods.ts';

/** Versions are exact up to 2^53 here, as they are in model.yaml. */
function toConfigured({ name, path, versions, labels }: ReloadModel): ConfiguredModel {
  const numbers = [...labels].map(([label, version]) => [label, Number(version)] as const);
  return {
    name,
    path,
    versions:
      versions.policy === 'specific'
        ? { policy: 'specific', list: versions.list.map(Number) }
        : versions,
    labels: Object.fromEntries(numbers),
  };
}

export function createModelService({
  registry,
  control,
}: Pick<InferenceService, 'registry' | 'control'>): Service {
  return {
    name: 'tensorflow.serving.ModelService',
    unary: {
      GetModelStatus(message, call) {
        const { name: model, version, label } = decodeStatusRequest(message);
        call.wording = (error) => textOfStatusError(error, { model, version });
        const meant = versionOf(registry, { model, version, label });
        return encodeStatusResponse(statusOfModel(registry, model, meant));
      },
      async HandleReloadConfigRequest(message) {
        const models = decodeReloadRequest(message).map(toConfigured);
        await control.reloadConfig({ models });
        return encodeReloadResponse();
      },
    },
  };
}
