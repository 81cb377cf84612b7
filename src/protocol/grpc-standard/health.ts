/** Messages of grpc.health.v1. Source: gRPC, "GRPC Health Checking Protocol". */

import { message, one } from '../protobuf/small-message.ts';

const servingStatus = {
  numbers: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 },
} as const;

export type ServingStatus = keyof typeof servingStatus.numbers;

export const healthRequest = message({ service: one(1, 'string') });
export const healthResponse = message({ status: one(1, servingStatus) });
