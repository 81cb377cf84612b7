/** What is known about the runtime without loading it: the server never imports it. */

/** onnxruntime-node's version, part of every cache key. A test compares it with package.json. */
export const runtimeVersion = '1.30.0';
