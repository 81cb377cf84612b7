/**
 * HandleReloadConfigRequest: the whole list of models that the server shall have from now on.
 * Source: tensorflow_serving/apis/model_management.proto, config/model_server_config.proto,
 * sources/storage_path/file_system_storage_path_source.proto.
 */

import { ServingError } from '../../errors.ts';
import { countVarints, findVarints, readVarints64 } from '../protobuf/repeated-numbers.ts';
import { WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { runNow } from '../steps.ts';

export type ReloadVersions =
  | { readonly policy: 'latest'; readonly count: number }
  | { readonly policy: 'all' }
  | { readonly policy: 'specific'; readonly list: readonly string[] };

export interface ReloadModel {
  readonly name: string;
  readonly path: string;
  readonly platform: string;
  readonly versions: ReloadVersions;
  /** Label → version. */
  readonly labels: ReadonlyMap<string, string>;
}

const most = 10_000;

function refuse(problem: string): never {
  throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem });
}

function readLatest(reader: WireReader): ReloadVersions {
  let count = 1;
  while (reader.next()) {
    if (reader.field === 1) count = reader.uint32();
    else reader.skip();
  }
  // Not given, and 0, mean one.
  return { policy: 'latest', count: Math.max(1, count) };
}

function readSpecific(message: Uint8Array): ReloadVersions {
  const runs = runNow(findVarints(message, 1));
  const count = runNow(countVarints(message, runs));
  if (count > most) refuse(`more than ${most} versions`);
  const versions = new BigInt64Array(count);
  runNow(readVarints64(message, runs, new Uint32Array(versions.buffer)));
  return { policy: 'specific', list: Array.from(versions, String) };
}

function readPolicy(reader: WireReader): ReloadVersions {
  let versions: ReloadVersions = { policy: 'latest', count: 1 };
  while (reader.next()) {
    if (reader.field === 100) versions = readLatest(reader.message());
    else if (reader.field === 102) versions = readSpecific(reader.view());
    else {
      if (reader.field === 101) versions = { policy: 'all' };
      reader.skip();
    }
  }
  return versions;
}

function readLabel(reader: WireReader): readonly [label: string, version: string] {
  let label = '';
  let version = 0n;
  while (reader.next()) {
    if (reader.field === 1) label = reader.string();
    else if (reader.field === 2) version = reader.int64();
    else reader.skip();
  }
  return [label, String(version)];
}

function readModel(reader: WireReader): ReloadModel {
  let name = '';
  let path = '';
  let platform = '';
  let versions: ReloadVersions = { policy: 'latest', count: 1 };
  const labels = new Map<string, string>();
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) path = reader.string();
    else if (reader.field === 4) platform = reader.string();
    else if (reader.field === 7) versions = readPolicy(reader.message());
    else if (reader.field === 8) labels.set(...readLabel(reader.message()));
    else reader.skip();
    if (labels.size > most) refuse(`more than ${most} labels`);
  }
  if (name === '') refuse('Expected model name in the config');
  return { name, path, platform, versions, labels };
}

function readList(reader: WireReader): ReloadModel[] {
  const models: ReloadModel[] = [];
  while (reader.next()) {
    if (reader.field === 1) models.push(readModel(reader.message()));
    else reader.skip();
    if (models.length > most) refuse(`more than ${most} models`);
  }
  return models;
}

/** ModelServerConfig; undefined when it has no list of models. */
function readConfig(reader: WireReader): ReloadModel[] | undefined {
  let models: ReloadModel[] | undefined;
  while (reader.next()) {
    if (reader.field === 1) models = readList(reader.message());
    else reader.skip();
  }
  return models;
}

/** Throws PROTOBUF_INVALID or TENSORFLOW_REQUEST_INVALID. */
export function decodeReloadRequest(message: Uint8Array): ReloadModel[] {
  const reader = new WireReader(message);
  let models: ReloadModel[] | undefined;
  while (reader.next()) {
    if (reader.field === 1) models = readConfig(reader.message());
    else reader.skip();
  }
  if (!models) refuse('ReloadConfigRequest has no config.model_config_list');
  const names = models.map(({ name }) => name);
  if (new Set(names).size < names.length) refuse('Duplicate model names in the config');
  return models;
}

/** ReloadConfigResponse; a problem goes into its status with the code of gRPC. */
export function encodeReloadResponse(problem?: {
  readonly code: number;
  readonly message: string;
}): Buffer {
  const status = new WireWriter();
  if (problem) status.int(1, problem.code).string(2, problem.message);
  return new WireWriter().message(1, status).finish();
}
