/**
 * Puts converted copies in the place of versions that are in another format than ONNX.
 */

import { dirname, join } from 'node:path';
import { messageOf, ServingError } from '../errors.ts';
import type { ConversionReport, SignatureReport } from '../importers/convert-model.ts';
import { convertedName } from '../importers/convert-model.ts';
import type { ConversionWatch, ConvertedModel, Converter } from '../importers/converted-models.ts';
import type { NamedValue } from '../importers/importer.ts';
import { findImporter } from '../importers/importers.ts';
import { readSignature } from '../repository/model-signature.ts';
import type {
  ImportedGraph,
  ImportedNames,
  ReadModel,
  ReadVersion,
} from '../repository/read-model.ts';
import type { Log } from '../telemetry/log.ts';

/** By content, or by a name that promises such a format (what is wrong inside is told then). */
function hasImporter(file: string): boolean {
  return /\.(keras|h5|hdf5|pb)$/i.test(file) || findImporter(file) !== undefined;
}

/** The problem of a version as one of the catalogue. */
function toProblem(file: string, error: unknown): ServingError {
  if (error instanceof ServingError) return error;
  return new ServingError('IMPORT_FAILED', { path: file, problem: messageOf(error) });
}

/**
 * The version, which is in another format, as one that is still to be converted. A format without an
 * importer stays a problem: what reading said of it says more.
 */
export function postpone(read: ReadVersion): ReadVersion {
  const { version, file, problem } = read;
  if (file === undefined || problem?.code !== 'MODEL_FORMAT_UNSUPPORTED') return read;
  try {
    return hasImporter(file) ? { version, file, unconverted: true } : read;
  } catch (error) {
    return { version, file, problem: toProblem(file, error) };
  }
}

/**
 * The version, which is in another format, with its converted copy. What is wrong with the model is its
 * problem then. Never rejects but for the watch's signal.
 */
export async function importVersion(
  read: ReadVersion,
  { architecture }: Pick<ReadModel['config'], 'architecture'>,
  converter: Converter,
  log: Log,
  watch: ConversionWatch = {},
): Promise<ReadVersion> {
  const { version, file, unconverted } = postpone(read);
  if (file === undefined || !unconverted) return postpone(read);
  try {
    const options = architecture ? { architecture } : {};
    const converted = await converter.convert(file, options, watch);
    logConversion(file, converted, log);
    const { report } = converted;
    const source = [report.format, report.producer].filter(Boolean).join(', ');
    return {
      version,
      file: converted.file,
      original: file,
      architecture: report.architecture,
      signature: { ...readSignature(converted.file), format: `${source}, as ONNX` },
      imported: namesIn(dirname(converted.file), report),
    };
  } catch (error) {
    watch.signal?.throwIfAborted();
    return { version, file, problem: toProblem(file, error) };
  }
}

function logConversion(file: string, { report, check, fromCache }: ConvertedModel, log: Log): void {
  if (!fromCache) {
    const { format, producer, milliseconds, peakBytes } = report;
    log.info(
      { file, format, producer, milliseconds, peakBytes, checkMs: check?.milliseconds },
      'model converted',
    );
  }
  for (const { place, what } of report.findings) log.debug({ file, place, what }, 'conversion');
}

const entries = (values: readonly NamedValue[]): Record<string, string> =>
  Object.fromEntries(values.map(({ name, value }) => [name, value]));

/** The signatures of all graphs in the folder of a conversion. */
function namesIn(folder: string, { signatures }: ConversionReport): ImportedNames {
  const byFile = Map.groupBy(signatures, ({ file }) => file);
  const { [convertedName]: served = [], ...others } = Object.fromEntries(byFile);
  const otherGraphs = Object.entries(others).map(([name, all = []]): ImportedGraph => {
    const file = join(folder, name);
    return { file, signature: readSignature(file), names: namesOf(all) };
  });
  return { ...namesOf(served), otherGraphs };
}

/** The signatures of one graph, and how pictures become its input. */
function namesOf(served: readonly SignatureReport[]): Omit<ImportedNames, 'otherGraphs'> {
  const pixels = served[0]?.inputs.find(({ picture }) => picture);
  const { color, layout, decoder } = pixels?.picture ?? {};
  const scaled = served[0]?.inputs.filter(({ isScaled }) => isScaled).map(({ value }) => value);
  return {
    ...(scaled?.length ? { scaledInputs: scaled } : {}),
    ...(pixels ? { picture: { tensor: pixels.value, color, layout, decoder } } : {}),
    signatures: Object.fromEntries(
      served.map(({ name, inputs, outputs }) => {
        const picture = inputs.find((input) => input.picture);
        const takes = picture ? 'pictures' : 'tensors';
        const onePicture = picture?.shape.length === 0;
        const named = inputs.map((input) => ({
          ...input,
          // Examples are taken apart by the names of their features.
          name: input.picture?.exampleFeature ?? input.name,
        }));
        return [name, { takes, onePicture, inputs: entries(named), outputs: entries(outputs) }];
      }),
    ),
  };
}
