/**
 * The catalogue of everything that can go wrong for a user.
 *
 * Owns: the code, the neutral kind, the message and whether a retry can help.
 * Does not own: HTTP or gRPC statuses (each transport holds one total map from `ErrorKind`).
 *
 * A message names the thing, what was wrong, what was expected and, where there is one, what to do.
 * Codes are stable: clients and scripts compare them.
 */

export type ErrorKind =
  | 'invalid-argument'
  | 'not-found'
  | 'method-not-allowed'
  | 'unsupported-media'
  | 'too-large'
  | 'too-slow'
  | 'permission-denied'
  | 'resource-exhausted'
  | 'unavailable'
  | 'deadline-exceeded'
  | 'cancelled'
  | 'unimplemented'
  | 'failed-precondition'
  | 'aborted'
  | 'internal';

interface CatalogueEntry {
  readonly kind: ErrorKind;
  /** True when the same request may succeed later without a change. */
  readonly retryable?: true;
  readonly message: (details: never) => string;
}

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'none');
const shape = (dims: readonly (number | string)[]): string => `[${dims.join(', ')}]`;
type Dims = readonly (number | string)[];

export const errorCatalogue = {
  // The request as a whole
  ROUTE_NOT_FOUND: {
    kind: 'not-found',
    message: (d: { method: string; path: string }) =>
      `There is nothing at ${d.method} ${d.path}. GET /models lists what serves; the paths are in the README.`,
  },
  METHOD_NOT_ALLOWED: {
    kind: 'method-not-allowed',
    message: (d: { method: string; path: string; allowed: readonly string[] }) =>
      `${d.method} is not allowed on ${d.path}; expected ${d.allowed.join(' or ')}.`,
  },
  BODY_EMPTY: {
    kind: 'invalid-argument',
    message: (d: { expected: string }) => `The request body is empty; expected ${d.expected}.`,
  },
  BODY_TOO_LARGE: {
    kind: 'too-large',
    message: (d: { limitBytes: number }) =>
      `The request body is larger than the limit of ${d.limitBytes} bytes; send less or raise --max-body.`,
  },
  BODY_MEMORY_FULL: {
    kind: 'resource-exhausted',
    retryable: true,
    message: (d: { limitBytes: number; retryAfterSeconds: number }) =>
      `The bodies of other requests leave no room for this one (all together: ${d.limitBytes} bytes); try again in ${d.retryAfterSeconds} s. The server's owner can raise --max-body-memory.`,
  },
  BODY_TOO_SLOW: {
    kind: 'too-slow',
    retryable: true,
    message: (d: { afterMs: number }) =>
      `Too little of the request body came within ${d.afterMs} ms; send it faster or in smaller requests.`,
  },
  HOST_NOT_ALLOWED: {
    kind: 'permission-denied',
    message: (d: { host: string }) =>
      `This server listens on the loopback only and does not answer to the name ${JSON.stringify(d.host)}; use localhost, or name it with --allowed-hosts.`,
  },
  ORIGIN_NOT_ALLOWED: {
    kind: 'permission-denied',
    message: (d: { origin: string }) =>
      `This server takes no requests from pages of ${JSON.stringify(d.origin)}; its owner can name their host with --allowed-hosts.`,
  },
  CONTENT_TYPE_UNSUPPORTED: {
    kind: 'unsupported-media',
    message: (d: { contentType: string; expected: readonly string[] }) =>
      `Content-Type "${d.contentType}" is not supported here; expected ${list(d.expected)}.`,
  },
  CONTENT_ENCODING_UNSUPPORTED: {
    kind: 'unimplemented',
    message: (d: { encoding: string; expected: readonly string[] }) =>
      `Content-Encoding "${d.encoding}" is not supported; expected ${list(d.expected)}.`,
  },
  BODY_ENCODING_INVALID: {
    kind: 'invalid-argument',
    message: (d: { encoding: string; problem: string }) =>
      `The body is not valid ${d.encoding}, as its Content-Encoding says: ${d.problem}.`,
  },
  FEATURE_UNSUPPORTED: {
    kind: 'unimplemented',
    message: (d: { feature: string; advice?: string | undefined }) =>
      `This server does not offer ${d.feature}${d.advice ? `; ${d.advice}` : ''}.`,
  },
  REQUEST_MALFORMED: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) => `The HTTP request is malformed: ${d.problem}.`,
  },
  MULTIPART_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) =>
      `The multipart body is broken: ${d.problem}. Let the HTTP client build it (curl -F image=@photo.jpg).`,
  },
  MULTIPART_NO_PICTURE: {
    kind: 'invalid-argument',
    // text: the short text of a part that was perhaps to be a file.
    message: (d: { fields: readonly string[]; text?: string | undefined }) =>
      `The form has no picture (parts: ${list(d.fields)}); expected at least one file part, with any name.${
        d.text === undefined
          ? ''
          : ` "${d.fields[0]}" is the text ${JSON.stringify(d.text)}: curl sends the file of that name with an @, as in -F ${d.fields[0]}=@${d.text}`
      }`,
  },
  JSON_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) => `The body is not valid JSON: ${d.problem}.`,
  },
  JSON_TOO_COMPLEX: {
    kind: 'too-large',
    message: (d: { limit: number }) =>
      `The JSON body holds more than ${d.limit} objects, keys and values beside lists of numbers, strings or booleans; send such lists, or several requests.`,
  },
  PREDICT_JSON_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) =>
      `${d.problem}; expected {"url": "https://…"} or {"image": "<base64 or data URL>"}, for several {"urls": […]} or {"images": […]}. Tensors go to /v2/models/<name>/infer.`,
  },
  PROTOBUF_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string; offset: number }) =>
      `The message is not valid protobuf: ${d.problem} (at byte ${d.offset}).`,
  },
  BASE64_INVALID: {
    kind: 'invalid-argument',
    message: (d: { where: string }) =>
      `${d.where} is not valid base64; expected standard or URL-safe base64, or a data URL with ";base64,".`,
  },

  // Pictures
  PICTURE_FILE_UNREADABLE: {
    kind: 'not-found',
    message: (d: { path: string; problem: string }) =>
      `The picture ${d.path} cannot be read: ${d.problem}.`,
  },
  PICTURE_EMPTY: {
    kind: 'invalid-argument',
    message: (d: { where: string }) =>
      `${d.where} is empty (0 bytes); expected an encoded picture.`,
  },
  PICTURE_NOT_RECOGNISED: {
    kind: 'invalid-argument',
    message: (d: { where: string; supported: readonly string[] }) =>
      `${d.where} is not a picture (no known signature in its first bytes); expected ${list(d.supported)}.`,
  },
  PICTURE_TRUNCATED: {
    kind: 'invalid-argument',
    message: (d: { where: string; format: string }) =>
      `${d.where} is a truncated ${d.format} picture: it ends before all rows are there. Send the whole file.`,
  },
  PICTURE_CORRUPT: {
    kind: 'invalid-argument',
    message: (d: { where: string; format: string; problem: string }) =>
      `${d.where} is a ${d.format} picture that cannot be decoded: ${d.problem}.`,
  },
  PICTURE_FORMAT_UNSUPPORTED: {
    kind: 'unsupported-media',
    message: (d: { where: string; format: string; supported: readonly string[] }) =>
      `${d.where} is a ${d.format} picture, which is not supported; expected ${list(d.supported)}.`,
  },
  PICTURE_TOO_MANY_PIXELS: {
    kind: 'too-large',
    message: (d: { where: string; width: number; height: number; limitPixels: number }) =>
      `${d.where} has ${d.width}×${d.height} pixels, more than the limit of ${d.limitPixels}; scale it down or raise --max-pixels.`,
  },
  PICTURE_SIZE_MISMATCH: {
    kind: 'invalid-argument',
    message: (d: { where: string; got: string; expected: string }) =>
      `${d.where} is ${d.got} pixels, but the model takes ${d.expected} and its model.yaml has no input.resize; send that size or add the resize.`,
  },
  DECODE_QUEUE_FULL: {
    kind: 'resource-exhausted',
    retryable: true,
    message: (d: { limit: string; retryAfterSeconds: number }) =>
      `As many pictures wait to be decoded as are let wait (${d.limit}); try again in ${d.retryAfterSeconds} s.`,
  },
  TOO_MANY_PICTURES: {
    kind: 'too-large',
    message: (d: { count: number; limit: number }) =>
      `The request holds ${d.count} pictures, more than the limit of ${d.limit}; send several requests.`,
  },
  PREPROCESSING_MISSING: {
    kind: 'invalid-argument',
    // file: what its model.yaml is called, where that is something else.
    message: (d: { model: string; reason: string; yaml: string; file?: string | undefined }) =>
      d.yaml === ''
        ? `Model ${d.model} cannot take a picture: ${d.reason}. Send tensors to /v2/models/${d.model}/infer.`
        : `Model ${d.model} cannot take a picture: ${d.reason}. Preprocessing is never guessed. Add to ${d.file ?? 'model.yaml'}, which lies with the model (or send tensors to /v2/models/${d.model}/infer):\n${d.yaml}`,
  },
  OUTPUT_NOT_SCORES: {
    kind: 'failed-precondition',
    message: (d: { model: string; problem: string }) =>
      `The answer of model ${d.model} cannot be turned into labelled predictions: ${d.problem}. Use /v2/models/${d.model}/infer for its tensors.`,
  },

  // Fetching a picture by URL
  URL_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) => `The url is not usable: ${d.problem}.`,
  },
  URL_DISABLED: {
    kind: 'permission-denied',
    message: (_: Record<never, never>) =>
      'Fetching pictures by URL is turned off on this server (--no-url); send the picture itself.',
  },
  URL_REFUSED: {
    kind: 'permission-denied',
    message: (d: { host: string; reason: string }) =>
      `The host ${d.host} is refused: ${d.reason}. The server's owner can exempt it with --url-allow-private.`,
  },
  URL_FETCH_FAILED: {
    kind: 'invalid-argument',
    retryable: true,
    message: (d: { host: string; problem: string }) =>
      `The picture could not be fetched from ${d.host}: ${d.problem}.`,
  },

  GRPC_SERVICE_NOT_FOUND: {
    kind: 'not-found',
    message: (d: { service: string; available: readonly string[] }) =>
      `There is no gRPC service "${d.service}" here; services: ${list(d.available)}.`,
  },

  // Models and versions
  MODEL_NOT_FOUND: {
    kind: 'not-found',
    message: (d: { model: string; available: readonly string[] }) =>
      `Request for unknown model: '${d.model}' is not found; models here: ${list(d.available)}.`,
  },
  VERSION_NOT_FOUND: {
    kind: 'not-found',
    message: (d: { model: string; version: string; available: readonly string[] }) =>
      `Model ${d.model} has no version "${d.version}"; versions here: ${list(d.available)}.`,
  },
  SIGNATURE_NOT_FOUND: {
    kind: 'failed-precondition',
    message: (d: { model: string; signature: string; available: readonly string[] }) =>
      `Model ${d.model} has no signature ${JSON.stringify(d.signature)}; its signatures: ${list(d.available)}.`,
  },
  MODEL_REQUIRED: {
    kind: 'invalid-argument',
    message: (d: { available: readonly string[] }) =>
      d.available.length === 0
        ? 'This server has no model to answer with; add a model and start it again.'
        : `Several models serve here (${list(d.available)}); name one: POST /models/${d.available[0]}/predict. The server's owner can choose one with --default-model.`,
  },
  MODEL_NOT_READY: {
    kind: 'unavailable',
    retryable: true,
    message: (d: { model: string; version: string; state: string; reason?: string | undefined }) =>
      `Model ${d.model} version ${d.version} is not ready (${d.state}${d.reason ? `: ${d.reason}` : ''}).`,
  },
  MODEL_CONTROL_REFUSED: {
    kind: 'permission-denied',
    message: (d: { what: string; mode: string }) =>
      `${d.what} is refused: this server does not let requests change what it serves (--model-control ${d.mode}); its owner can start it with --model-control explicit.`,
  },
  MODEL_CONTROL_OVERTAKEN: {
    kind: 'aborted',
    message: (d: { what: string; by: string }) =>
      `${d.what} was given up: a later request asks to ${d.by}. Send it again if it is still wanted.`,
  },
  RELOAD_REFUSED: {
    kind: 'failed-precondition',
    message: (d: { problems: readonly string[] }) =>
      `The configuration of models is refused, and what serves is as it was:\n${d.problems.map((p) => `  ${p}`).join('\n')}`,
  },
  RUNTIME_CHANGE_REFUSED: {
    kind: 'permission-denied',
    message: (d: { what: string; replicas: number }) =>
      `${d.what} is refused: this server is one of ${d.replicas} replicas, and the others would not hear of it. Change the model.yaml that they share, or start them with --runtime-changes allow.`,
  },
  TRAFFIC_INVALID: {
    kind: 'invalid-argument',
    message: (d: { model: string; problem: string }) =>
      `Labels and traffic of model ${d.model} stay as they are: ${d.problem}.`,
  },
  CONTROL_REQUEST_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) => `The request to change models is invalid: ${d.problem}.`,
  },
  PATH_OUTSIDE_REPOSITORY: {
    kind: 'permission-denied',
    message: (d: { path: string; roots: readonly string[] }) =>
      `${d.path} is outside of what this server was started with; expected a folder below ${d.roots.join(' or ')}.`,
  },

  // Tensors
  INFER_REQUEST_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) => `The inference request is invalid: ${d.problem}.`,
  },
  REPOSITORY_REQUEST_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) =>
      `The request to the model repository is invalid: ${d.problem}.`,
  },
  INPUT_UNKNOWN: {
    kind: 'invalid-argument',
    message: (d: { model: string; input: string; expected: readonly string[] }) =>
      `Model ${d.model} has no input "${d.input}"; its inputs: ${list(d.expected)}.`,
  },
  INPUT_MISSING: {
    kind: 'invalid-argument',
    message: (d: { model: string; missing: readonly string[] }) =>
      `Inputs of model ${d.model} are missing: ${list(d.missing)}.`,
  },
  INPUT_DTYPE_MISMATCH: {
    kind: 'invalid-argument',
    message: (d: { model: string; input: string; got: string; expected: string }) =>
      `inference input '${d.input}' data-type is '${d.got}', but model '${d.model}' expects '${d.expected}'`,
  },
  INPUT_SHAPE_MISMATCH: {
    kind: 'invalid-argument',
    message: (d: { model: string; input: string; got: Dims; expected: Dims }) =>
      `unexpected shape for input '${d.input}' for model '${d.model}'. Expected ${shape(d.expected)}, got ${shape(d.got)}`,
  },
  INPUT_DATA_INVALID: {
    kind: 'invalid-argument',
    message: (d: { input: string; problem: string }) =>
      `The data of input '${d.input}' is invalid: ${d.problem}.`,
  },
  TENSOR_TOO_LARGE: {
    kind: 'too-large',
    message: (d: { input: string; bytes: number; limitBytes: number }) =>
      `Input '${d.input}' stands for ${d.bytes} more bytes than were sent, beyond the limit of ${d.limitBytes} for a request; send smaller requests.`,
  },
  // In TensorFlow Serving's own words, which clients compare.
  TENSORFLOW_REQUEST_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problem: string }) => d.problem,
  },
  TENSORFLOW_UNSUPPORTED: {
    kind: 'unimplemented',
    message: (d: { problem: string }) => d.problem,
  },
  OUTPUT_UNKNOWN: {
    kind: 'invalid-argument',
    message: (d: { model: string; output: string; expected: readonly string[] }) =>
      `Model ${d.model} has no output "${d.output}"; its outputs: ${list(d.expected)}.`,
  },
  CLASSIFICATION_UNAVAILABLE: {
    kind: 'invalid-argument',
    message: (d: { model: string; output: string; problem: string }) =>
      `${d.problem} (output '${d.output}' of model '${d.model}')`,
  },

  // Running
  QUEUE_FULL: {
    kind: 'resource-exhausted',
    retryable: true,
    message: (d: { model: string; limit: string; retryAfterSeconds: number }) =>
      `The queue of model ${d.model} is full (${d.limit}); try again in ${d.retryAfterSeconds} s.`,
  },
  DEADLINE_UNREACHABLE: {
    kind: 'resource-exhausted',
    retryable: true,
    message: (d: { model: string; neededMs: number; leftMs: number; retryAfterSeconds: number }) =>
      `Model ${d.model} would answer in about ${d.neededMs} ms, after the request's time limit (${d.leftMs} ms left); try again in ${d.retryAfterSeconds} s or allow more time.`,
  },
  DEADLINE_EXCEEDED: {
    kind: 'deadline-exceeded',
    retryable: true,
    message: (d: { model: string; afterMs: number }) =>
      `Model ${d.model} did not answer within the request's time limit of ${d.afterMs} ms.`,
  },
  REQUEST_CANCELLED: {
    kind: 'cancelled',
    message: (_: Record<never, never>) => 'The client went away before the answer.',
  },
  RUN_FAILED: {
    kind: 'internal',
    message: (d: { model: string; problem: string }) =>
      `Model ${d.model} failed on this input: ${d.problem}`,
  },
  RUNNER_DIED: {
    kind: 'unavailable',
    retryable: true,
    // neverStarted: the runner is known to have ended before it began to run the request.
    message: (d: { model: string; how: string; neverStarted?: boolean }) =>
      `The runner of model ${d.model} ended while it held this request (${d.how}); it is being replaced.`,
  },
  SHUTTING_DOWN: {
    kind: 'unavailable',
    retryable: true,
    message: (_: Record<never, never>) =>
      'The server is shutting down; send the request to another one.',
  },
  INTERNAL: {
    kind: 'internal',
    message: (d: { requestId?: string | undefined }) =>
      `Something went wrong inside the server${d.requestId ? `; its log has the cause under request id ${d.requestId}` : ''}.`,
  },

  // Model files and settings (start-up and CLI)
  PATH_NOT_FOUND: {
    kind: 'not-found',
    message: (d: { path: string; expected: string }) =>
      `There is nothing at ${d.path}; expected ${d.expected}.`,
  },
  PATH_UNREADABLE: {
    kind: 'failed-precondition',
    message: (d: { path: string; problem: string }) => `${d.path} cannot be read: ${d.problem}.`,
  },
  NO_MODEL_FOUND: {
    kind: 'not-found',
    message: (d: { path: string; found: string }) =>
      `${d.path} holds no model (${d.found}); expected a model file (model.onnx), a folder with one, version folders (1/model.onnx) or a folder of such folders.`,
  },
  MODEL_FORMAT_UNSUPPORTED: {
    kind: 'unimplemented',
    message: (d: {
      path: string;
      format: string;
      supported: string;
      advice?: string | undefined;
    }) =>
      `${d.path} is ${d.format}, which cannot be served yet; expected ${d.supported}.${d.advice ? ` ${d.advice}` : ''}`,
  },
  MODEL_FILE_INVALID: {
    kind: 'invalid-argument',
    message: (d: { path: string; problem: string }) =>
      `${d.path} is not a usable model: ${d.problem}.`,
  },
  IMPORT_FILE_INVALID: {
    kind: 'invalid-argument',
    message: (d: { path: string; place: string; problem: string }) =>
      `${d.path} is not a usable model: ${d.place ? `${d.place}: ` : ''}${d.problem}.`,
  },
  IMPORT_UNSUPPORTED: {
    kind: 'unimplemented',
    message: (d: { path: string; place: string; what: string; supported: string }) =>
      `${d.path} cannot be converted: ${d.place ? `${d.place}: ` : ''}${d.what}; ${d.supported}.`,
  },
  IMPORT_FAILED: {
    kind: 'failed-precondition',
    message: (d: { path: string; problem: string }) =>
      `${d.path} could not be converted: ${d.problem}.`,
  },
  IMPORT_CHECK_FAILED: {
    kind: 'failed-precondition',
    message: (d: { path: string; problem: string }) =>
      `${d.path} was converted, but the check of the result failed, so it is not used: ${d.problem}.`,
  },
  MODEL_AMBIGUOUS: {
    kind: 'invalid-argument',
    // model: of several models in the folder, the one that the files would be.
    message: (d: {
      path: string;
      files?: readonly string[];
      model?: string | undefined;
      models?: readonly string[];
    }) => {
      if (d.models)
        return `${d.path} holds several models (${list(d.models)}); expected the folder of one, such as ${d.path}/${d.models[0]}.`;
      const files = list(d.files ?? []);
      return d.model === undefined
        ? `${d.path} holds several model files (${files}); expected one. Move the others away or put each into its own folder.`
        : `${d.path} holds several files of one model, ${d.model} (${files}); expected one. Move the others away, or give them other names.`;
    },
  },
  MODEL_NAME_TWICE: {
    kind: 'invalid-argument',
    // served: the one that had the name before the others came. yaml: where another can be given.
    message: (d: { model: string; places: readonly string[]; served?: string; yaml: string }) =>
      `${d.places.length === 2 ? 'two' : d.places.length} models are called "${d.model}": ${d.places.join(' and ')}; ${d.served === undefined ? 'none of them is served' : `only ${d.served} is served, which was here first`}. Move the others away, or give them other names (name: … in ${d.yaml}).`,
  },
  OPSET_TOO_NEW: {
    kind: 'unimplemented',
    message: (d: { path: string; domain: string; opset: number; supported: number }) =>
      `${d.path} uses opset ${d.opset} of ${d.domain}; this runtime knows up to ${d.supported}. Export it with opset_version=${d.supported} or lower.`,
  },
  VALUE_TYPE_UNSUPPORTED: {
    kind: 'unimplemented',
    message: (d: { path: string; place: string; type: string; advice: string }) =>
      `${d.path}: ${d.place} is a ${d.type}, which cannot be served; expected a tensor of numbers, booleans or strings. ${d.advice}`,
  },
  MODEL_LOAD_FAILED: {
    kind: 'failed-precondition',
    message: (d: { model: string; version: string; problem: string }) =>
      `Model ${d.model} version ${d.version} could not be loaded: ${d.problem}`,
  },
  MODEL_WARMUP_FAILED: {
    kind: 'failed-precondition',
    message: (d: { model: string; version: string; problem: string }) =>
      `Model ${d.model} version ${d.version} loads but fails its warm-up run, so it is not served: ${d.problem}`,
  },
  MODEL_YAML_INVALID: {
    kind: 'invalid-argument',
    message: (d: { path: string; problems: readonly string[] }) =>
      `${d.path} has ${d.problems.length} problem${d.problems.length === 1 ? '' : 's'}:\n${d.problems.map((p) => `  ${p}`).join('\n')}`,
  },
  MODELS_CONFIG_INVALID: {
    kind: 'invalid-argument',
    message: (d: { path: string; problems: readonly string[] }) =>
      `${d.path} has ${d.problems.length} problem${d.problems.length === 1 ? '' : 's'}:\n${d.problems.map((p) => `  ${p}`).join('\n')}`,
  },
  MODEL_SOURCE_FAILED: {
    kind: 'unavailable',
    retryable: true,
    message: (d: { url: string; problem: string }) =>
      `The model could not be fetched from ${d.url}: ${d.problem}.`,
  },
  MODEL_SOURCE_UNSUPPORTED: {
    kind: 'unimplemented',
    message: (d: { url: string; supported: readonly string[] }) =>
      `Models cannot be fetched from ${d.url} yet; expected a URL that starts with ${d.supported.join(' or ')}.`,
  },
  SIGNATURE_CHANGED: {
    kind: 'failed-precondition',
    message: (d: {
      model: string;
      version: string;
      serving: string;
      differences: readonly string[];
    }) =>
      `Model ${d.model} version ${d.version} has another signature than version ${d.serving}, which serves (${d.differences.join('; ')}), and its model.yaml says strictSignature: true.`,
  },
  SETTINGS_INVALID: {
    kind: 'invalid-argument',
    message: (d: { problems: readonly string[] }) =>
      `${d.problems.length} setting${d.problems.length === 1 ? ' is' : 's are'} wrong:\n${d.problems.map((p) => `  ${p}`).join('\n')}`,
  },
  LABELS_INVALID: {
    kind: 'invalid-argument',
    message: (d: { path: string; problem: string }) =>
      `The labels of ${d.path} do not fit: ${d.problem}.`,
  },
  ARRAY_FILE_INVALID: {
    kind: 'invalid-argument',
    message: (d: { path: string; problem: string }) =>
      `${d.path} is not a usable NumPy array: ${d.problem}; expected a .npy file of numbers, as numpy.save writes it.`,
  },
  INPUT_FILE_INVALID: {
    kind: 'invalid-argument',
    message: (d: { path: string; problem: string }) =>
      `${d.path} cannot be used as an input: ${d.problem.replace(/\.$/, '')}.`,
  },
  PORT_IN_USE: {
    kind: 'failed-precondition',
    message: (d: { host: string; port: number; option: string }) =>
      `Port ${d.port} on ${d.host} is in use by another program; stop it or choose another with ${d.option}.`,
  },
  LISTEN_FAILED: {
    kind: 'failed-precondition',
    message: (d: { host: string; port: number; problem: string }) =>
      `Cannot listen on ${d.host} port ${d.port}: ${d.problem}.`,
  },
  SERVER_UNREACHABLE: {
    kind: 'unavailable',
    retryable: true,
    message: (d: { url: string; problem: string }) =>
      `There is no answer from ${d.url}: ${d.problem}. Start the server, or name it with --url.`,
  },
  FILE_EXISTS: {
    kind: 'failed-precondition',
    message: (d: { path: string; option: string }) =>
      `${d.path} exists already and was left as it is; ${d.option} overwrites it.`,
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
export type ErrorDetails<C extends ErrorCode> = Parameters<
  (typeof errorCatalogue)[C]['message']
>[0];

/** An error that a user may see. Anything else that is thrown is logged whole and answered as INTERNAL. */
export class ServingError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly details: ErrorDetails<C>;

  constructor(code: C, details: ErrorDetails<C>, options?: ErrorOptions) {
    const message = errorCatalogue[code].message as (d: ErrorDetails<C>) => string;
    super(visibleText(message(details)), options);
    this.name = 'ServingError';
    this.code = code;
    this.details = details;
  }

  get kind(): ErrorKind {
    return errorCatalogue[this.code].kind;
  }

  get retryable(): boolean {
    return 'retryable' in errorCatalogue[this.code];
  }

  /** The plain form that crosses a process boundary; `fromPlain` turns it back. */
  toPlain(): PlainError {
    return { code: this.code, details: this.details };
  }
}

export interface PlainError {
  readonly code: ErrorCode;
  readonly details: unknown;
}

/** Rebuilds an error that another process of ours sent. */
export function fromPlain(plain: PlainError): ServingError {
  return new ServingError(plain.code, plain.details as ErrorDetails<ErrorCode>);
}

/** Control characters, and those that turn the direction of the text around them. */
const steering = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Names come from models, files and requests: what would steer a terminal or a log is shown (`\\u001b`). */
export function visibleLine(text: string): string {
  return text.replace(steering, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same for text of several lines: its line breaks are kept. */
export function visibleText(text: string): string {
  return text.split('\n').map(visibleLine).join('\n');
}

/** The message of anything thrown, one line, without a stack. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().replace(/\s*\n\s*/g, ' ');
}
