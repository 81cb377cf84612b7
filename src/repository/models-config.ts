/**
 * Which models to serve, as TensorFlow Serving's configuration has it, and its text format (protobuf text
 * of ModelServerConfig: tensorflow_serving/config/model_server_config.proto).
 *
 * What we have no use for (model_platform, logging_config) is read over; what we do not know is a problem.
 */

import { readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { VersionsYaml } from '../config/model-yaml.ts';
import { isLabelName, isModelName } from '../config/model-yaml.ts';
import { messageOf, ServingError } from '../errors.ts';
import type { TextField, TextMessage } from './protobuf-text.ts';
import { parseProtobufText } from './protobuf-text.ts';

export interface ConfiguredModel {
  readonly name: string;
  /** The folder with its versions (`base_path`). */
  readonly path: string;
  /** Absent: the newest. */
  readonly versions?: Pick<VersionsYaml, 'policy' | 'count' | 'list'> | undefined;
  /** label → version; none: those of the model.yaml. */
  readonly labels?: Readonly<Record<string, number>> | undefined;
}

export interface ModelsConfig {
  readonly models: readonly ConfiguredModel[];
}

/** Collects what is wrong, each with its line. */
class Reader {
  readonly problems: { readonly line: number; readonly text: string }[] = [];

  complain(line: number, text: string): void {
    this.problems.push({ line, text });
  }

  /** The one value of a field, as text. */
  text(message: TextMessage, name: string): string | undefined {
    const field = this.last(message, name);
    if (!field) return undefined;
    if (typeof field.value === 'string') return field.value;
    this.complain(field.line, `${name}: expected a text or a number`);
    return undefined;
  }

  /** A whole number of at least `least`. */
  integer(field: TextField | undefined, least = 1): number | undefined {
    if (!field) return undefined;
    const number = typeof field.value === 'string' ? Number(field.value) : Number.NaN;
    if (Number.isSafeInteger(number) && number >= least) return number;
    this.complain(field.line, `${field.name}: expected a whole number from ${least} on`);
    return undefined;
  }

  message({ name, value, line }: TextField): TextMessage | undefined {
    if (typeof value !== 'string') return value;
    this.complain(line, `${name}: expected a message in braces`);
    return undefined;
  }

  last(message: TextMessage, name: string): TextField | undefined {
    return message.fields.findLast((field) => field.name === name);
  }

  /** Complains of fields that are not among these. */
  known(message: TextMessage, names: readonly string[]): void {
    for (const { name, line } of message.fields) {
      if (!names.includes(name))
        this.complain(line, `unknown field "${name}"; expected ${names.join(', ')}`);
    }
  }
}

function readPolicy(reader: Reader, message: TextMessage): ConfiguredModel['versions'] {
  reader.known(message, ['latest', 'all', 'specific']);
  const field = message.fields.at(-1);
  const inner = field && reader.message(field);
  if (!field || !inner) return undefined;
  if (field.name === 'all') return { policy: 'all' };
  if (field.name === 'latest') {
    reader.known(inner, ['num_versions']);
    const count = reader.integer(reader.last(inner, 'num_versions'));
    return { policy: 'latest', ...(count ? { count } : {}) };
  }
  reader.known(inner, ['versions']);
  const list = inner.fields
    .filter(({ name }) => name === 'versions')
    .map((one) => reader.integer(one))
    .filter((version) => version !== undefined);
  if (list.length > 0) return { policy: 'specific', list };
  reader.complain(field.line, 'specific: expected at least one versions: N');
  return undefined;
}

function readLabels(reader: Reader, message: TextMessage): Record<string, number> {
  const labels: Record<string, number> = {};
  for (const field of message.fields.filter(({ name }) => name === 'version_labels')) {
    const entry = reader.message(field);
    if (!entry) continue;
    reader.known(entry, ['key', 'value']);
    const key = reader.text(entry, 'key');
    const version = reader.integer(reader.last(entry, 'value'));
    if (key === undefined || !isLabelName(key))
      reader.complain(field.line, 'version_labels: expected a key that starts with a letter');
    else if (version === undefined)
      reader.complain(field.line, `version_labels: "${key}" has no value, the number of a version`);
    else labels[key] = version;
  }
  return labels;
}

const modelFields = [
  'name',
  'base_path',
  'model_platform',
  'model_type',
  'model_version_policy',
  'version_labels',
  'logging_config',
];

function readConfigured(
  reader: Reader,
  message: TextMessage,
  line: number,
  folder: string,
): ConfiguredModel | undefined {
  reader.known(message, modelFields);
  const name = reader.text(message, 'name');
  const path = reader.text(message, 'base_path');
  const platform = reader.text(message, 'model_platform');
  if (platform !== undefined && platform !== 'tensorflow')
    reader.complain(line, `model_platform: expected "tensorflow", got "${platform}"`);
  if (name === undefined || !isModelName(name)) {
    const expected = 'expected letters, digits, ".", "_" and "-"';
    reader.complain(
      line,
      name === undefined ? 'a model has no name' : `name "${name}": ${expected}`,
    );
    return undefined;
  }
  if (!path) {
    reader.complain(line, `model "${name}" has no base_path`);
    return undefined;
  }
  const policy = reader.last(message, 'model_version_policy');
  const inner = policy && reader.message(policy);
  return {
    name,
    path: isAbsolute(path) ? path : join(folder, path),
    versions: inner && readPolicy(reader, inner),
    labels: readLabels(reader, message),
  };
}

/**
 * Parses the text of a models.config; relative paths are relative to `folder`. Throws MODELS_CONFIG_INVALID
 * with every problem and its line.
 */
export function parseModelsConfig(text: string, path: string, folder: string): ModelsConfig {
  const { message, problem } = parseProtobufText(text);
  if (problem) throw new ServingError('MODELS_CONFIG_INVALID', { path, problems: [problem] });
  const reader = new Reader();
  reader.known(message, ['model_config_list']);
  const models: ConfiguredModel[] = [];
  for (const list of message.fields.filter(({ name }) => name === 'model_config_list')) {
    const inner = reader.message(list);
    if (!inner) continue;
    reader.known(inner, ['config']);
    for (const field of inner.fields.filter(({ name }) => name === 'config')) {
      const config = reader.message(field);
      const model = config && readConfigured(reader, config, field.line, folder);
      if (model && models.some(({ name }) => name === model.name))
        reader.complain(field.line, `two models are called "${model.name}"`);
      if (model) models.push(model);
    }
  }
  if (models.length === 0 && reader.problems.length === 0)
    reader.complain(1, 'it names no model; expected model_config_list { config { … } }');
  if (reader.problems.length > 0) {
    const problems = reader.problems
      .sort((a, b) => a.line - b.line)
      .slice(0, 20)
      .map(({ line, text: what }) => `line ${line}: ${what}`);
    throw new ServingError('MODELS_CONFIG_INVALID', { path, problems });
  }
  return { models };
}

const maxBytes = 4 * 1024 * 1024;

/** Throws PATH_NOT_FOUND, PATH_UNREADABLE or MODELS_CONFIG_INVALID. */
export function readModelsConfig(path: string): ModelsConfig {
  let text: string;
  try {
    const stats = statSync(path);
    if (!stats.isFile())
      throw new ServingError('PATH_UNREADABLE', { path, problem: 'it is not a regular file' });
    if (stats.size > maxBytes) {
      const problem = `it is larger than ${maxBytes} bytes`;
      throw new ServingError('PATH_UNREADABLE', { path, problem });
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ServingError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new ServingError('PATH_NOT_FOUND', { path, expected: 'a models.config' });
    throw new ServingError('PATH_UNREADABLE', { path, problem: messageOf(error) });
  }
  return parseModelsConfig(text, path, dirname(path));
}
