/** Builds the gRPC server of `serve` on its port. */

import type { Settings } from '../config/settings.ts';
import type { GrpcPort } from '../grpc/grpc-port.ts';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import { createGrpcServer } from '../grpc/grpc-server.ts';
import type { ByteBudget } from '../serving/byte-budget.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { LongWork } from '../serving/long-work.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { connectionsOf } from './machine-limits.ts';
import { ownVersion } from './own-version.ts';

export interface GrpcParts {
  readonly port: GrpcPort;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Those of HTTP: requests of both share them. */
  readonly bodyMemory: ByteBudget;
  readonly longWork: LongWork;
}

export function startGrpc(
  settings: Settings,
  service: InferenceService,
  parts: GrpcParts,
): GrpcServer {
  return createGrpcServer({
    ...parts,
    service,
    version: ownVersion(),
    maxBody: settings.maxBody,
    maxConnections: connectionsOf(settings),
    stallMs: settings.stallTimeoutMs,
    timeoutMs: settings.requestTimeoutMs,
    keepaliveMs: settings.grpcKeepaliveMs,
    maxConnectionAgeMs: settings.grpcMaxAgeMs,
  });
}
