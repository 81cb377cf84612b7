/**
 * `modelship serve`: models behind HTTP and gRPC until a signal says stop.
 *
 * The runners take longest to start, so they are started first, with as little code as that needs; the
 * HTTP server's code is loaded while they load their models, and the gRPC server's a moment after that, so
 * that it delays no first answer. Its port is open before: that it is taken is known before the server says
 * that it listens.
 */

import { flushCompileCache } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import type { Settings } from '../config/settings.ts';
import { modelControlOf } from '../config/settings.ts';
import { openGrpcPort } from '../grpc/grpc-port.ts';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import type { ReadModel } from '../repository/read-model.ts';
import { runtimeVersion } from '../runner/runtime.ts';
import { startModels } from '../serving/build-service.ts';
import type { ModelLife } from '../serving/model-life.ts';
import type { RegisteredModel } from '../serving/model-registry.ts';
import { scheduleTimer } from '../serving/schedule-timer.ts';
import type { Watch } from '../serving/watch-models.ts';
import { watchModels } from '../serving/watch-models.ts';
import type { Log } from '../telemetry/log.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { compose, openBase, openRepository, openTraffic } from './compose.ts';
import { dropEarlyRunner } from './early-runner.ts';
import { exitCodes } from './exit-codes.ts';
import { waitingPicturesOf } from './machine-limits.ts';
import { ownVersion } from './own-version.ts';
import { announceGrpc, announceListening, announceModels } from './serve-announcement.ts';
import { shutDownOnSignals } from './shutdown.ts';
import type { Output } from './terminal.ts';

/** After the first answers: what watches the process is 80 files of code, what speaks gRPC as many. */
const metricsDelayMs = 1000;
const grpcDelayMs = 100;
/** No longer than that for a model that loads and loads. */
const mostGrpcDelayMs = 1000;

const stopSignals = ['SIGTERM', 'SIGINT'] as const;

const takesPictures = ({ versions }: RegisteredModel): boolean =>
  versions.some(({ pictures }) => pictures?.plan !== undefined);

/** What was wrong on disk already: the log has it too, not only the table that a person reads. */
function logProblems(models: readonly ReadModel[], log: Log): void {
  for (const { name: model, problem, versions } of models) {
    if (problem) log.error({ model, reason: problem.message }, 'model does not load');
    for (const { version, problem: cause, warning } of versions) {
      if (warning) log.warn({ model, version, warning }, 'another file may be meant');
      if (cause && cause !== problem)
        log.error({ model, version, reason: cause.message }, 'model does not load');
    }
  }
}

/** SIGHUP, which would end a process that does not watch, makes this one look at once. */
function startWatch(life: ModelLife, { pollIntervalMs }: Settings): Watch {
  const watch = watchModels(life, {
    intervalMs: pollIntervalMs,
    schedule: scheduleTimer,
  });
  process.on('SIGHUP', watch.look);
  return watch;
}

/** Settles a moment after the models serve. */
async function moment(loading: Promise<void>): Promise<void> {
  await Promise.race([
    loading.then(() => setTimeout(grpcDelayMs)),
    setTimeout(mostGrpcDelayMs, undefined, { ref: false }),
  ]);
}

/** Listens, loads the models, and returns when the server runs. It ends by itself on SIGTERM or SIGINT. */
export async function serve(settings: Settings, output: Output): Promise<void> {
  // As process 1 of a container a signal without a handler is not even deadly.
  const endEarly = (): never => process.exit(exitCodes.done);
  for (const name of stopSignals) process.once(name, endEarly);
  const log = createLog(settings.logLevel, process.stderr.isTTY === true);
  const mode = modelControlOf(settings);
  const settleMs = mode === 'poll' ? settings.settleMs : undefined;
  const found = openRepository(settings.path, settleMs, openTraffic(settings, log));
  const base = openBase(settings, log, output.print);
  const models = await base.foreign.postponeAll(found.models);
  const metrics = createMetrics({ version: ownVersion(), runtime: runtimeVersion });
  const { service, pictures, life } = compose(settings, models, {
    log,
    metrics,
    found,
    base,
    waitingPictures: waitingPicturesOf(settings),
  });
  const loading = startModels(service);
  life?.begin();
  const watch = mode === 'poll' && life ? startWatch(life, settings) : undefined;
  // Probes that ask over HTTP speak for gRPC too.
  const release = settings.grpc ? service.holdReady() : () => {};
  logProblems(models, log);
  if (service.registry.models.some(takesPictures)) pictures.warmUp();
  try {
    const grpcPort = settings.grpc
      ? await openGrpcPort(settings.host, settings.grpcPort)
      : undefined;
    const { startHttp } = await import('./start-http.ts');
    const http = await startHttp(settings, service, { log, metrics });
    const { app, clients, gate, port, bodyMemory, longWork } = http;
    let grpc: GrpcServer | undefined;
    void setTimeout(metricsDelayMs, undefined, { ref: false }).then(() => metrics.load());
    for (const name of stopSignals) process.removeListener(name, endEarly);
    shutDownOnSignals({
      app,
      clients,
      gate,
      service,
      settings,
      log,
      grpc: () => grpc,
      close() {
        watch?.stop();
        life?.close();
        return pictures.close();
      },
    });
    announceListening(settings.host, port, output);
    if (grpcPort) {
      announceGrpc(settings.host, grpcPort.port, output);
      await moment(loading);
      const { startGrpc } = await import('./start-grpc.ts');
      grpc = startGrpc(settings, service, {
        port: grpcPort,
        log,
        metrics,
        bodyMemory,
        longWork,
      });
      release();
    }
    await loading;
    await life?.started;
    announceModels(service, settings.host, port, output);
    dropEarlyRunner();
    flushCompileCache();
  } catch (error) {
    watch?.stop();
    await service.stop();
    throw error;
  }
}
