/** The model repository extension of Open Inference REST: which models there are, load, unload. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  parseControlRequest,
  parseIndexRequest,
  readLoadParameters,
} from '../protocol/open-inference/repository-request.ts';
import { describeRepository } from '../serving/describe-model.ts';
import type { ModelControl } from '../serving/model-control.ts';

const bodyOf = ({ body }: FastifyRequest): Buffer | undefined => body as Buffer | undefined;

interface OfModel {
  Params: { model: string };
}

export function registerRepositoryRoutes(app: FastifyInstance, control: ModelControl): void {
  app.post('/v2/repository/index', (request) => {
    const { ready } = parseIndexRequest(bodyOf(request));
    return describeRepository(control, ready);
  });

  const nothing = (reply: FastifyReply): FastifyReply =>
    reply.header('content-type', 'application/json').send('{}');

  app.post<OfModel>('/v2/repository/models/:model/load', async (request, reply) => {
    const { model } = request.params;
    const { parameters } = parseControlRequest(bodyOf(request));
    await control.load(model, readLoadParameters(parameters, model));
    return nothing(reply);
  });

  app.post<OfModel>('/v2/repository/models/:model/unload', async (request, reply) => {
    parseControlRequest(bodyOf(request));
    await control.unload(request.params.model);
    return nothing(reply);
  });
}
