/**
 * The API as an OpenAPI 3.1 document: the routes that are registered, what openapi-operations.ts says of
 * each, and schemas made from those that validate.
 */

import { z } from 'zod';
import type { Content, Operation } from './openapi-operations.ts';
import { operations, schemas, tensorflowRoutes } from './openapi-operations.ts';

/** As it was registered: `/v2/models/:model`. */
export interface RouteName {
  readonly method: string;
  readonly path: string;
}

const versionPart = /\/(versions\/:version|labels\/:label)/;
const jsonSchema = { io: 'input', unrepresentable: 'any' } as const;

/** What is said of a route; a version's is that of its model. */
function operationOf({ method, path }: RouteName): Operation {
  const own = operations[`${method} ${path}`];
  const found = own ?? operations[`${method} ${path.replace(versionPart, '')}`];
  return found ?? { summary: '', tag: 'other', answers: {} };
}

/** Not the page's files, the HEAD that goes with every GET, or the route behind TensorFlow Serving's paths. */
const isDescribed = ({ method, path }: RouteName): boolean =>
  method !== 'HEAD' && !path.startsWith('/page/') && !path.endsWith('*');

/** The names in a path; two colons are one of the path itself. */
const pathNames = /(?<!:):([A-Za-z]+)/g;

function parametersOf({ path }: RouteName, { headers = {} }: Operation): object[] {
  const inPath = [...path.matchAll(pathNames)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inHeaders = Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));
  return [...inPath, ...inHeaders];
}

const reference = (schema: string): object => ({ $ref: `#/components/schemas/${schema}` });

function contentOf(content: Content): object {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [
      type,
      { schema: typeof schema === 'string' ? reference(schema) : schema },
    ]),
  );
}

function errorOf(path: string): keyof typeof schemas {
  if (path.startsWith('/v1/')) return 'TensorflowError';
  return path.startsWith('/v2') ? 'Error' : 'PlainError';
}

function answersOf({ path }: RouteName, { answers }: Operation): object {
  const error = errorOf(path);
  return {
    ...Object.fromEntries(
      Object.entries(answers).map(([status, { description, content }]) => [
        status,
        { description, ...(content ? { content: contentOf(content) } : {}) },
      ]),
    ),
    default: {
      description: 'an error; docs/errors.md has the status of each code',
      content: contentOf({ 'application/json': error }),
    },
  };
}

function describeRoute(route: RouteName): object {
  const operation = operationOf(route);
  const { summary, tag, body } = operation;
  const parameters = parametersOf(route, operation);
  return {
    tags: [tag],
    summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { content: contentOf(body) } } : {}),
    responses: answersOf(route, operation),
  };
}

function toSchema(shape: z.ZodType): object {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, jsonSchema);
  return schema;
}

/** The whole document. `version`: of Modelship itself. */
export function describeApi(routes: readonly RouteName[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of [...routes.filter(isDescribed), ...tensorflowRoutes]) {
    const path = route.path.replace(pathNames, '{$1}').replace('::', ':');
    paths[path] ??= {};
    paths[path][route.method.toLowerCase()] = describeRoute(route);
  }
  const named = Object.entries(schemas).map(([name, shape]) => [name, toSchema(shape)]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Modelship',
      version,
      description: 'Models behind an HTTP API: pictures in, labels out; tensors in, tensors out.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { schemas: Object.fromEntries(named) },
  };
}
