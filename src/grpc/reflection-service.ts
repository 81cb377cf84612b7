/**
 * grpc.reflection: what grpcurl and its like ask first. The descriptions are made of the files of proto/
 * (scripts/make-descriptors.ts) and loaded with the first question.
 */

import { status as codes } from '@grpc/grpc-js';
import type { ReflectionRequest } from '../protocol/grpc-standard/reflection.ts';
import { reflectionRequest, reflectionResponse } from '../protocol/grpc-standard/reflection.ts';
import { decodeMessage, encodeMessage } from '../protocol/protobuf/small-message.ts';
import type { DescriptorIndex } from './descriptor-index.ts';
import { answerInTurn } from './in-turn.ts';
import type { Service } from './methods.ts';

let loaded: Promise<DescriptorIndex> | undefined;

async function loadIndex(): Promise<DescriptorIndex> {
  const [{ createDescriptorIndex }, { descriptorFiles }] = await Promise.all([
    import('./descriptor-index.ts'),
    import('./descriptor-files.ts'),
  ]);
  return createDescriptorIndex(descriptorFiles);
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const failed = (code: number, text: string): object => ({
  error_response: { error_code: code, error_message: text },
});

function filesOrError(files: readonly Uint8Array[] | undefined, what: string): object {
  return files
    ? { file_descriptor_response: { file_descriptor_proto: files } }
    : failed(codes.NOT_FOUND, `nothing is known of ${what}`);
}

/** The members of the answer that say something. */
function answerTo(request: ReflectionRequest, index: DescriptorIndex, services: string[]): object {
  const { file_by_filename: file, file_containing_symbol: symbol } = request;
  if (request.list_services)
    return { list_services_response: { service: services.map((name) => ({ name })) } };
  if (file) return filesOrError(index.byFile(textOf(file)), `the file ${textOf(file)}`);
  if (symbol) return filesOrError(index.bySymbol(textOf(symbol)), `the symbol ${textOf(symbol)}`);
  if (request.file_containing_extension || request.all_extension_numbers_of_type)
    return failed(codes.NOT_FOUND, 'no message here has extensions');
  return failed(codes.INVALID_ARGUMENT, 'the request asks for nothing that is known here');
}

/** `names`: of all services of the server. */
export function createReflectionServices(names: () => readonly string[]): Service[] {
  async function answer(message: Buffer): Promise<Buffer> {
    const request = decodeMessage<ReflectionRequest>(reflectionRequest, message);
    loaded ??= loadIndex();
    return encodeMessage(reflectionResponse, {
      valid_host: request.host,
      original_request: message,
      ...answerTo(request, await loaded, [...names()]),
    });
  }

  return ['grpc.reflection.v1', 'grpc.reflection.v1alpha'].map((group) => ({
    name: `${group}.ServerReflection`,
    streams: {
      ServerReflectionInfo: (stream, call) => answerInTurn({ stream, call, most: 1, answer }),
    },
  }));
}
