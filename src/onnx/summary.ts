/** What is known of an ONNX file without its weights. */

import type { ValueType } from './value-type.ts';

export interface OnnxValue {
  readonly name: string;
  readonly type: ValueType;
  /** The node that makes it; undefined for inputs and for outputs that are an input or initialiser. */
  readonly producer?: { readonly op: string; readonly node: string } | undefined;
}

export interface OpsetImport {
  /** `ai.onnx` for the default domain, which files write as ''. */
  readonly domain: string;
  readonly version: number;
}

export interface OpCount {
  readonly domain: string;
  readonly op: string;
  readonly count: number;
}

export interface TensorTotals {
  readonly count: number;
  /** Bytes of their elements, external data included. */
  readonly bytes: number;
}

/** A tensor whose elements are in another file. */
export interface ExternalTensor {
  readonly tensor: string;
  /** Relative to the folder of the model, `/`-separated, never outside it. */
  readonly location: string;
  /** Where its bytes start in that file. */
  readonly offset: number;
  /** Bytes it takes there. */
  readonly length: number;
}

export interface OnnxSummary {
  readonly irVersion: number;
  readonly opsets: readonly OpsetImport[];
  readonly producer: { readonly name: string; readonly version: string };
  readonly domain: string;
  /** An int64, in decimal: some exporters write its maximum. */
  readonly modelVersion: string;
  readonly graphName: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** What a caller must give: graph inputs that are not initialisers, in the file's order. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Weights of the graph and its subgraphs. */
  readonly initialisers: TensorTotals;
  /** Tensors inside nodes (`Constant`), where some exporters put the weights. */
  readonly constants: TensorTotals;
  readonly externalTensors: readonly ExternalTensor[];
  /** Nodes by operator, of the graph, its subgraphs and functions; the most frequent first. */
  readonly ops: readonly OpCount[];
  /** Functions that the file itself defines: `domain` and `op` of the nodes that call them. */
  readonly functions: readonly { readonly domain: string; readonly op: string }[];
  /** Bytes of the .onnx file itself. */
  readonly fileBytes: number;
}
