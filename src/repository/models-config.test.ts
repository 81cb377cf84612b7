import { describe, expect, test } from 'vitest';
import { parseModelsConfig } from './models-config.ts';
import { parseProtobufText } from './protobuf-text.ts';

const parse = (text: string) => parseModelsConfig(text, 'models.config', '/models').models;

describe('a models.config is read', () => {
  test('as TensorFlow Serving’s guide writes it', () => {
    expect(
      parse(`
# two models
model_config_list {
  config {
    name: 'my_first_model'
    base_path: '/tmp/my_first_model/'
    model_platform: 'tensorflow'
  }
  config {
    name: 'my_second_model'
    base_path: '/tmp/my_second_model/'
    model_platform: 'tensorflow'
    model_version_policy {
      specific {
        versions: 42
        versions: 43
      }
    }
    version_labels {
      key: 'stable'
      value: 42
    }
    version_labels {
      key: 'canary'
      value: 43
    }
  }
}`),
    ).toEqual([
      { name: 'my_first_model', path: '/tmp/my_first_model/', versions: undefined, labels: {} },
      {
        name: 'my_second_model',
        path: '/tmp/my_second_model/',
        versions: { policy: 'specific', list: [42, 43] },
        labels: { stable: 42, canary: 43 },
      },
    ]);
  });

  test.each([
    ['a colon before the brace', 'model_config_list: {config: {name: "m", base_path: "m"}}'],
    [
      'angle brackets and semicolons',
      'model_config_list < config < name: "m"; base_path: "m"; > >',
    ],
    ['a list', 'model_config_list { config: [ { name: "m" base_path: "m" } ] }'],
    ['strings in pieces', 'model_config_list { config { name: "" "m" base_path: \'m\' "" } }'],
    [
      'a model_type, and logging',
      'model_config_list { config { name: "m" base_path: "m" model_type: TENSORFLOW logging_config { sampling_config { sampling_rate: 0.1 } } } }',
    ],
  ])('with %s', (_, text) => {
    expect(parse(text)).toMatchObject([{ name: 'm', path: '/models/m' }]);
  });

  test.each([
    ['latest {}', { policy: 'latest' }],
    ['latest { num_versions: 3 }', { policy: 'latest', count: 3 }],
    ['all {}', { policy: 'all' }],
    ['all: {}', { policy: 'all' }],
    ['specific { versions: [1, 3] }', { policy: 'specific', list: [1, 3] }],
  ])('with the policy %s', (policy, expected) => {
    const text = `model_config_list { config { name: "m" base_path: "m" model_version_policy { ${policy} } } }`;
    expect(parse(text)[0]?.versions).toEqual(expected);
  });

  test('escapes of strings are those of C', () => {
    const { message } = parseProtobufText(String.raw`a: "x\"y\n\x41\101\\"`);
    expect(message.fields[0]?.value).toBe('x"y\nAA\\');
  });
});

describe('what is wrong is said with its line:', () => {
  test.each([
    ['', 'line 1: it names no model'],
    ['model_config_list {', 'line 1: expected a field or "}", got the end'],
    ['model_config_list {\n config {\n name "m" } }', 'line 3: expected ":" or "{", got "m"'],
    ['model_config_list {\n config { name: "m }\n', 'line 2: unexpected "\\"m }"'],
    ['model_config_list {\n config {\n base_path: "m" } }', 'line 2: a model has no name'],
    ['model_config_list {\n config { name: "m" } }', 'line 2: model "m" has no base_path'],
    [
      'model_config_list { config { name: "a b" base_path: "m" } }',
      'line 1: name "a b": expected letters',
    ],
    [
      'model_config_list {\n config { name: "m" base_path: "m"\n nam: 1 } }',
      'line 3: unknown field "nam"',
    ],
    [
      'custom_model_config { }',
      'line 1: unknown field "custom_model_config"; expected model_config_list',
    ],
    [
      'model_config_list { config { name: "m" base_path: "m" model_version_policy {\n specific {} } } }',
      'line 2: specific: expected at least one versions: N',
    ],
    [
      'model_config_list { config { name: "m" base_path: "m" model_version_policy {\n latest { num_versions: 0 } } } }',
      'line 2: num_versions: expected a whole number from 1 on',
    ],
    [
      'model_config_list { config { name: "m" base_path: "m"\n version_labels { key: "1" value: 1 } } }',
      'line 2: version_labels: expected a key that starts with a letter',
    ],
    [
      'model_config_list { config { name: "m" base_path: "m"\n version_labels { key: "a" } } }',
      'line 2: version_labels: "a" has no value',
    ],
    [
      'model_config_list { config { name: "m" base_path: "a" }\nconfig { name: "m" base_path: "b" } }',
      'line 2: two models are called "m"',
    ],
    [
      'model_config_list { config { name: "m" base_path: "m" model_platform: "pytorch" } }',
      'model_platform: expected "tensorflow", got "pytorch"',
    ],
    ['model_config_list: 1', 'line 1: model_config_list: expected a message in braces'],
    [`${'a {'.repeat(40)}${'}'.repeat(40)}`, 'at most 32 messages inside each other'],
    ['\0', 'line 1: unexpected "\\u0000"'],
  ])('%j', (text, problem) => {
    expect(() => parse(text)).toThrow(problem);
  });

  test('several problems at once, in their order', () => {
    const text = 'model_config_list {\n config { name: "m" }\n config { base_path: "x" } }';
    expect(() => parse(text)).toThrow(/2 problems:\n {2}line 2: .*\n {2}line 3: /);
  });
});
