/** POST /predict and POST /models/{name}[/versions/{version}]/predict. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodePredictions, encodeSentence } from '../protocol/predict/predict-answer.ts';
import { wantsPlainText } from '../protocol/predict/wants-plain-text.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { EncodedPicture, PredictAnswer } from '../serving/inference-types.ts';
import { holdOf } from './body-intake.ts';
import type { PictureForms } from './read-pictures.ts';
import { readPictures } from './read-pictures.ts';
import type { RequestScopes } from './request-scope.ts';

export interface PredictRouteOptions extends PictureForms {
  readonly service: InferenceService;
  readonly scopes: RequestScopes;
}

function wantsSentence({ as }: PredictAnswer, accept: string | undefined): boolean {
  if (as === 'sentence') return !accept?.includes('application/json');
  return wantsPlainText(accept);
}

function serverTiming({ timings }: PredictAnswer, totalMs: number): string {
  return `total;dur=${totalMs.toFixed(2)}, queue;dur=${timings.queueMs.toFixed(2)}, run;dur=${timings.runMs.toFixed(2)}`;
}

export function registerPredictRoutes(app: FastifyInstance, options: PredictRouteOptions): void {
  const { service, scopes } = options;

  async function predict(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const startedAt = performance.now();
    const { model, version, served, life } = scopes.take(request);
    const body = request.body as Buffer | undefined;
    let asList = false;
    const pictures = async (): Promise<readonly EncodedPicture[]> => {
      const given = { ...options, signal: life.signal, room: holdOf(request) };
      const sent = await readPictures(body, request.headers['content-type'], given);
      asList = sent.asList;
      return sent.pictures;
    };
    const answer = await service.predict({ model, version, served, pictures, life });
    request.answered = answer;
    const sentence = wantsSentence(answer, request.headers.accept);
    const text = sentence
      ? encodeSentence(answer.results)
      : encodePredictions(answer.results, asList);
    return reply
      .header('server-timing', serverTiming(answer, performance.now() - startedAt))
      .header(
        'content-type',
        sentence ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8',
      )
      .header('vary', 'Accept')
      .send(text);
  }

  const onRequest = scopes.open;
  for (const path of [
    '/predict',
    '/models/:model/predict',
    '/models/:model/versions/:version/predict',
  ]) {
    app.post(path, { onRequest }, predict);
  }
}
