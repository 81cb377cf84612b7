/**
 * Which models to serve, as TensorFlow Serving's configuration has it: names, folders, versions and labels.
 */

import type { VersionsYaml } from '../config/model-yaml.ts';

export interface ConfiguredModel {
  readonly name: string;
  /** The folder with its versions (`base_path`). */
  readonly path: string;
  /** Absent: the newest. */
  readonly versions?: Pick<VersionsYaml, 'policy' | 'count' | 'list'> | undefined;
  /** label → version */
  readonly labels?: Readonly<Record<string, number>> | undefined;
}

export interface ModelsConfig {
  readonly models: readonly ConfiguredModel[];
}
