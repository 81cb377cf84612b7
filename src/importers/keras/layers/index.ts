/** The table of all layers that are converted. */

import type { LayerKind } from '../layer-kind.ts';
import { activationLayers } from './activation-layers.ts';
import { attentions } from './attention.ts';
import { convLstms } from './conv-lstm.ts';
import { convolutions } from './convolution.ts';
import { coreLayers } from './core.ts';
import { encodings } from './encoding.ts';
import { mergings } from './merging.ts';
import { normalizations } from './normalization.ts';
import { poolings } from './pooling.ts';
import { recurrents } from './recurrent.ts';
import { resizings } from './resizing.ts';
import { timeDistributed } from './time-distributed.ts';

export const layerKinds: Readonly<Record<string, LayerKind>> = {
  ...convolutions,
  ...poolings,
  ...normalizations,
  ...coreLayers,
  ...activationLayers,
  ...mergings,
  ...resizings,
  ...recurrents,
  ...attentions,
  ...convLstms,
  ...encodings,
  TimeDistributed: timeDistributed,
};
