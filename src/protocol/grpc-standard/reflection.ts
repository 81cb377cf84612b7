/**
 * Messages of grpc.reflection.v1 and v1alpha, which are the same.
 * Source: gRPC, "GRPC Server Reflection Protocol".
 */

import { many, message, one } from '../protobuf/small-message.ts';

const extensionRequest = message({
  containing_type: one(1, 'string'),
  extension_number: one(2, 'int'),
});

/** The members of a oneof are bytes here: which one is there counts, also when its text is empty. */
export const reflectionRequest = message({
  host: one(1, 'string'),
  file_by_filename: one(3, 'bytes'),
  file_containing_symbol: one(4, 'bytes'),
  file_containing_extension: one(5, extensionRequest),
  all_extension_numbers_of_type: one(6, 'bytes'),
  list_services: one(7, 'bytes'),
});

export interface ReflectionRequest {
  readonly host: string;
  readonly file_by_filename?: Uint8Array;
  readonly file_containing_symbol?: Uint8Array;
  readonly file_containing_extension?: object;
  readonly all_extension_numbers_of_type?: Uint8Array;
  readonly list_services?: Uint8Array;
}

export const reflectionResponse = message({
  valid_host: one(1, 'string'),
  /** The request as it came. */
  original_request: one(2, 'bytes'),
  file_descriptor_response: one(4, message({ file_descriptor_proto: many(1, 'bytes') })),
  list_services_response: one(
    6,
    message({ service: many(1, message({ name: one(1, 'string') })) }),
  ),
  error_response: one(7, message({ error_code: one(1, 'int'), error_message: one(2, 'string') })),
});
