/**
 * Puts converted copies in the place of versions that are in another format than ONNX.
 */

import { messageOf, ServingError } from '../errors.ts';
import type { ConversionReport } from '../importers/convert-model.ts';
import { convertedName } from '../importers/convert-model.ts';
import type { Converter } from '../importers/converted-models.ts';
import type { NamedValue } from '../importers/importer.ts';
import { findImporter } from '../importers/importers.ts';
import { readSignature } from '../repository/model-signature.ts';
import type { ImportedNames, ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { Log } from '../telemetry/log.ts';

/** In a format that may be converted; whether it is that format its content tells. */
const isForeign = ({ file, problem }: ReadVersion): boolean =>
  file !== undefined && problem?.code === 'MODEL_FORMAT_UNSUPPORTED';

/** By content, or by a name that promises such a format (what is wrong inside is told then). */
function hasImporter(file: string): boolean {
  return /\.(keras|h5|hdf5|pb)$/i.test(file) || findImporter(file) !== undefined;
}

/**
 * The version with its converted copy; one that needs none as it is. What is wrong with the model is its
 * problem then. Never rejects but for `signal`.
 */
export async function importVersion(
  version: ReadVersion,
  { architecture }: Pick<ReadModel['config'], 'architecture'>,
  converter: Converter,
  log: Log,
  signal?: AbortSignal,
): Promise<ReadVersion> {
  const { file } = version;
  if (file === undefined || !isForeign(version)) return version;
  try {
    // A format without an importer: what reading said of it says more.
    if (!hasImporter(file)) return version;
    const {
      file: copy,
      report,
      check,
      fromCache,
    } = await converter.convert(file, architecture ? { architecture } : {}, signal);
    if (!fromCache) {
      const { format, producer, milliseconds, peakBytes } = report;
      log.info(
        { file, format, producer, milliseconds, peakBytes, checkMs: check?.milliseconds },
        'model converted',
      );
    }
    for (const { place, what } of report.findings) log.debug({ file, place, what }, 'conversion');
    const signature = readSignature(copy);
    const source = [report.format, report.producer].filter(Boolean).join(', ');
    return {
      version: version.version,
      file: copy,
      signature: { ...signature, format: `${source}, as ONNX` },
      imported: namesOf(report),
    };
  } catch (error) {
    const problem =
      error instanceof ServingError
        ? error
        : new ServingError('IMPORT_FAILED', { path: file, problem: messageOf(error) });
    return { version: version.version, file, problem };
  }
}

const entries = (values: readonly NamedValue[]): Record<string, string> =>
  Object.fromEntries(values.map(({ name, value }) => [name, value]));

/** The signatures of the graph that is served, and how pictures become its input. */
function namesOf({ signatures }: ConversionReport): ImportedNames {
  const served = signatures.filter(({ file }) => file === convertedName);
  const pixels = served[0]?.inputs.find(({ picture }) => picture);
  const { color, layout, decoder } = pixels?.picture ?? {};
  return {
    ...(pixels ? { picture: { tensor: pixels.value, color, layout, decoder } } : {}),
    signatures: Object.fromEntries(
      served.map(({ name, inputs, outputs }) => {
        const picture = inputs.find((input) => input.picture)?.picture;
        const takes = picture ? 'pictures' : 'tensors';
        const named = inputs.map((input) => ({
          ...input,
          // Examples are taken apart by the names of their features.
          name: input.picture?.exampleFeature ?? input.name,
        }));
        return [name, { takes, inputs: entries(named), outputs: entries(outputs) }];
      }),
    ),
  };
}

/** All versions that need it, one after the other: each conversion may take much memory. */
export async function importModels(
  models: readonly ReadModel[],
  converter: Converter,
  log: Log,
): Promise<ReadModel[]> {
  const all: ReadModel[] = [];
  for (const model of models) {
    const versions: ReadVersion[] = [];
    for (const version of model.versions)
      versions.push(await importVersion(version, model.config, converter, log));
    all.push({ ...model, versions });
  }
  return all;
}
