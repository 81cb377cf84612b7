/** `modelship import`'s options for a file that has weights only, as model.yaml's `architecture`. */

import { architectureYaml, parseArchitecture } from '../config/model-yaml.ts';
import { ServingError } from '../errors.ts';
import type { Architecture } from '../importers/importer.ts';

export interface ArchitectureOptions {
  /** `resnet50` or `resnet50@keras-3.15.1`. */
  readonly architecture?: string | undefined;
  /** `96x96x3`, or `?x?x3`. */
  readonly inputShape?: string | undefined;
  readonly pooling?: string | undefined;
  readonly classifierActivation?: string | undefined;
}

const flags: Readonly<Record<string, string>> = {
  inputShape: '--input-shape',
  pooling: '--pooling',
  classifierActivation: '--classifier-activation',
};

/** As in `96x96x3`; what is no such text stays, for the schema to refuse. */
function parseShape(text: string): unknown {
  const sides = text.split('x').map((side) => (side === '?' ? null : Number(side)));
  return sides.some((side) => Number.isNaN(side)) ? text : sides;
}

/** Throws SETTINGS_INVALID. */
export function readArchitectureOptions(options: ArchitectureOptions): Architecture | undefined {
  const { architecture, inputShape, ...others } = options;
  const given = { ...others, inputShape: inputShape && parseShape(inputShape) };
  if (architecture === undefined) {
    const alone = Object.entries(given).filter(([, value]) => value !== undefined);
    const problems = alone.map(([key]) => `${flags[key]}: expected together with --architecture`);
    if (problems.length > 0) throw new ServingError('SETTINGS_INVALID', { problems });
    return undefined;
  }
  const checked = architectureYaml.safeParse({ ...parseArchitecture(architecture), ...given });
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(
    ({ path, message }) => `${flags[String(path[0])] ?? '--architecture'}: ${message}`,
  );
  throw new ServingError('SETTINGS_INVALID', { problems });
}
