/** The model repository extension of Open Inference REST: which models there are, load, unload. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  checkControlRequest,
  parseIndexRequest,
} from '../protocol/open-inference/repository-request.ts';
import { describeRepository } from '../serving/describe-model.ts';
import type { ModelControl } from '../serving/model-control.ts';

const bodyOf = ({ body }: FastifyRequest): Buffer | undefined => body as Buffer | undefined;

export function registerRepositoryRoutes(app: FastifyInstance, control: ModelControl): void {
  app.post('/v2/repository/index', (request) => {
    const { ready } = parseIndexRequest(bodyOf(request));
    return describeRepository(control, ready);
  });

  for (const verb of ['load', 'unload'] as const) {
    app.post(`/v2/repository/models/:model/${verb}`, async (request, reply) => {
      const { model } = request.params as { model: string };
      checkControlRequest(bodyOf(request));
      await control[verb](model);
      return reply.header('content-type', 'application/json').send('{}');
    });
  }
}
