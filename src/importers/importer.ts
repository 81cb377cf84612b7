/**
 * What an importer is: from a file that a training framework saved to ONNX graphs with named signatures.
 *
 * Owns: the contract between the formats and those that use them. Does not own: which formats there are
 * (importers.ts), the process that a conversion runs in (cli/, processes/), the cache, the check after it.
 * Nothing of a model is ever executed, and no file but the model's own is opened.
 */

import type { PictureDecoder } from '../config/picture-spec.ts';
import type { ElementType } from '../onnx/element-type.ts';
import type { GraphData } from '../onnx/graph-data.ts';

/** What is looked at before a file is opened: names and the first bytes. */
export interface Candidate {
  readonly path: string;
  /** The last part of the path, in lower case. */
  readonly name: string;
  readonly isFolder: boolean;
  /** The first bytes (`headBytes` at most); empty for a folder. */
  readonly head: Uint8Array;
  /** Bytes of the file; 0 for a folder. */
  readonly length: number;
  /** Names in the folder; [] for a file. */
  readonly entries: readonly string[];
}

export interface ImportOptions {
  /** Which signature to serve, where the file has several; the format's own default if left out. */
  readonly signature?: string | undefined;
  /** For files that hold weights only: the network they belong to (model.yaml's `architecture`). */
  readonly architecture?: Architecture | undefined;
  readonly limits?: Partial<ImportLimits>;
}

/** A network by its name in keras.applications, and what a file of its weights does not tell. */
export interface Architecture {
  readonly name: string;
  readonly version?: string | undefined;
  /** Height, width and channels of the pictures; null where a size is open. */
  readonly inputShape?: readonly [number | null, number | null, number] | undefined;
  /** Of a network without its top. */
  readonly pooling?: 'avg' | 'max' | undefined;
  /** Of a network with its top; null and `none` are the scores as they are. */
  readonly classifierActivation?: string | null | undefined;
}

/** Bounds that are checked before anything of that size is made. */
export interface ImportLimits {
  /** Bytes of one tensor of weights. */
  readonly tensorBytes: number;
  /** Bytes of a description of the network (config.json, a GraphDef). */
  readonly configBytes: number;
  /** Layers, or nodes. */
  readonly nodes: number;
  /** Models within models, lists within lists. */
  readonly depth: number;
}

export const defaultLimits: ImportLimits = {
  tensorBytes: 2 ** 31 - 1,
  configBytes: 2 ** 26,
  nodes: 200_000,
  depth: 64,
};

/** Something that the user may want to know of the conversion. */
export interface Finding {
  readonly kind: 'folded' | 'dropped' | 'replaced' | 'note';
  /** Where in the model: `backbone/layer "conv1"`, `node 'map/while'`; '' is the whole. */
  readonly place: string;
  readonly what: string;
}

/** A name of the framework's, and the value of the graph that it stands for. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
  readonly dtype: ElementType;
  /** As on the wire; null where the size is open. */
  readonly shape: readonly (number | null)[];
  /** The wire carries encoded pictures (`dtype` BYTES), and the graph's value takes their pixels, UINT8. */
  readonly picture?: EncodedPicture | undefined;
  /** The model itself scales what it gets: pixels go in as they are. */
  readonly isScaled?: boolean | undefined;
}

/** How the server turns the texts of an input into pixels, as the model's own graph did it. */
export interface EncodedPicture {
  readonly color: 'rgb' | 'gray';
  readonly layout: 'NHWC';
  /** For JPEG. */
  readonly decoder: PictureDecoder;
  /** Each text is a serialised `tf.train.Example`, and this feature of it the picture. */
  readonly exampleFeature?: string | undefined;
}

export interface ImportedSignature {
  readonly name: string;
  /** Signatures may share one graph; a graph's inputs are those of every signature that uses it. */
  readonly graph: GraphData;
  readonly inputs: readonly NamedValue[];
  readonly outputs: readonly NamedValue[];
}

/**
 * A converted model. Its weights are read from the file when they are written (`LazyBytes`), so the
 * file stays open until the model is disposed of.
 */
export interface ImportedModel extends Disposable {
  readonly format: string;
  /** As in `Keras 3.15.0`; '' when the file does not say. */
  readonly producer: string;
  /** Which network was taken for a file that has weights only, in words. */
  readonly architecture?: string | undefined;
  readonly opset: number | Readonly<Record<string, number>>;
  /** At least one; the first is the one that is served when nothing else is said. */
  readonly signatures: readonly ImportedSignature[];
  readonly findings: readonly Finding[];
}

export interface Importer {
  /** As it stands in messages: `Keras`, `TensorFlow SavedModel`. */
  readonly format: string;
  /** Whether the file is of this format, by its name and first bytes; opens nothing, never throws. */
  match(candidate: Candidate): boolean;
  /**
   * The files that the model at the path is made of, the one to open first; the path alone if left out. They are its
   * cache key, and no others can be read when it is converted.
   */
  files?(path: string): readonly string[];
  /**
   * Reads the model and builds its graphs. Synchronous: it runs in a process of its own.
   * Throws ServingError: IMPORT_FILE_INVALID, IMPORT_UNSUPPORTED, PATH_UNREADABLE.
   */
  open(path: string, options: ImportOptions): ImportedModel;
}

/** Bytes of a file that `match` may look at: HDF5 files may begin with a user block of 512. */
export const headBytes = 1024;

/** Part of every cache key: another one for anything that changes what comes out. */
export const importerVersion = '8';

/** ONNX Runtime's optimiser knows all operators of it, and other tools read it too. */
export const importOpset = 18;
