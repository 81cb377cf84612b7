/**
 * What a network of keras.applications was made with: the shapes in the file tell the number of classes and
 * the widths of the layers; what no file tells comes from model.yaml (`architecture`) and has Keras' defaults.
 * What contradicts the file is refused.
 */

import type { Architecture, Finding } from '../importer.ts';
import { UnsupportedModelError } from '../problems.ts';
import type { ModelArguments } from './architecture-model.ts';
import { defaultArguments } from './architecture-model.ts';
import type { KnownArchitecture, PictureShape } from './architectures.ts';
import type { JsonObject } from './config.ts';
import { isObject } from './config.ts';
import type { Layer } from './network.ts';
import type { Candidate } from './weights-candidates.ts';

const configOf = (layer: JsonObject): JsonObject => (isObject(layer.config) ? layer.config : {});

/** How many values a layer gives for each place: a number, or the mark of one. */
const widthOf = (layer: JsonObject): unknown => configOf(layer).units ?? configOf(layer).filters;

const shapeOf = ({ weights, network }: Candidate, layer: string): readonly number[] =>
  weights(network).layer(layer).get('kernel').shape;

const nameOf = (layer: JsonObject): string => String(configOf(layer).name);

const isMark = (value: unknown, kind: string): value is string =>
  typeof value === 'string' && value.startsWith(kind);

const layersOf = ({ known, hasTop }: Candidate): readonly JsonObject[] => [
  ...((known.model.config as JsonObject).layers as readonly JsonObject[]),
  ...known.heads[hasTop ? 'top' : 'none'].layers,
];

const refuse = (what: string, instead: string): UnsupportedModelError =>
  new UnsupportedModelError('model.yaml', what, instead);

/** Whether the file may have the network's number of classes, which some versions fix. */
export function hasItsClasses(candidate: Candidate): boolean {
  if (!candidate.hasTop) return true;
  const last = classifierOf(candidate.known);
  const width = widthOf(last);
  return typeof width === 'string' || shapeOf(candidate, nameOf(last)).at(-1) === width;
}

/** The layer of the top that gives the scores. */
const classifierOf = ({ heads }: KnownArchitecture): JsonObject =>
  heads.top.layers.findLast((layer) => widthOf(layer) !== undefined) as JsonObject;

/** The arguments, and what to know of those that were taken for want of any. */
export function findArguments(
  candidate: Candidate,
  architecture: Architecture,
): { readonly chosen: ModelArguments; readonly findings: readonly Finding[] } {
  const { known, hasTop } = candidate;
  const { pooling, inputShape } = architecture;
  if (hasTop && pooling) {
    throw refuse(
      `architecture.pooling is of a network without its top, and the file has the layer "${nameOf(classifierOf(known))}"`,
      'leave it out',
    );
  }
  const classes = hasTop ? shapeOf(candidate, nameOf(classifierOf(known))).at(-1) : undefined;
  const chosen = {
    head: hasTop ? 'top' : (pooling ?? 'none'),
    alpha: findAlpha(candidate),
    classes: classes ?? defaultArguments(known).classes,
    shape: findShape(candidate, inputShape),
    activation: findActivation(candidate, architecture),
  } as const;
  checkFlattened(candidate, chosen.shape, inputShape !== undefined);
  return { chosen, findings: findingsOf(candidate, chosen, architecture) };
}

/** That of the widths which the file has. */
function findAlpha(candidate: Candidate): string {
  const { widths } = candidate.known;
  const all = Object.entries(widths ?? { 1: [] });
  const telling = layersOf(candidate)
    .map((layer) => ({ name: nameOf(layer), mark: widthOf(layer) }))
    .filter(({ mark }) => isMark(mark, '$width:'))
    .map(({ name, mark }) => ({ name, at: Number(String(mark).split(':')[1]) }));
  const found = telling.map(({ name }) => shapeOf(candidate, name).at(-1));
  const fitting = all.find(([, row]) => telling.every(({ at }, i) => row[at] === found[i]));
  if (fitting) return fitting[0];
  const [first] = telling;
  const known = all.map(([alpha, row]) => `${row[first?.at ?? 0]} (alpha ${alpha})`);
  throw new UnsupportedModelError(
    `layer "${first?.name}"`,
    `it has ${found[0]} filters, and not all layers of the file have those of one alpha that is known`,
    `known: ${known.join(', ')}; else save the whole model with model.save("model.keras")`,
  );
}

function findActivation(
  { known, hasTop, hasOtherTop, otherNames }: Candidate,
  { classifierActivation: given }: Architecture,
): string {
  const hasChoice = JSON.stringify(known.heads.top).includes('"$activation"');
  if (given !== undefined && !hasTop) {
    throw refuse(
      'architecture.classifierActivation is of a network with its top, and the file ends before it',
      'leave it out',
    );
  }
  if (given !== undefined && !hasChoice) {
    if (given === 'softmax') return given;
    throw refuse(
      `the top of ${known.version} has softmax, and no other activation`,
      'leave it out',
    );
  }
  if (hasOtherTop && given === undefined) {
    throw refuse(
      `the file has the layers of ${known.name} and a top of its own: ${otherNames?.difference}`,
      `save the whole model with model.save("model.keras"); if the top is made as that of ${known.name}, say so by architecture.classifierActivation: softmax, sigmoid or none`,
    );
  }
  if (given === undefined) return 'softmax';
  return given === null || given === 'none' ? 'linear' : given;
}

function findShape(candidate: Candidate, given: PictureShape | undefined): PictureShape {
  const { known } = candidate;
  const channels = channelsOf(candidate);
  if (known.channels !== undefined && channels !== known.channels) {
    throw new UnsupportedModelError(
      '',
      `its first layer takes ${channels} channels, and the network for other pictures than of ${known.channels} has other layers`,
      'save the whole model with model.save("model.keras")',
    );
  }
  if (!given) return [known.shape[0], known.shape[1], channels];
  if (given[2] !== channels) {
    throw refuse(
      `architecture.inputShape has ${given[2]} channels, and the first layer of the file takes ${channels}`,
      `expected [${given[0]}, ${given[1]}, ${channels}]`,
    );
  }
  checkSides(candidate, given);
  return given;
}

function checkSides({ known, hasTop }: Candidate, [height, width]: PictureShape): void {
  const { smallest, shape } = known;
  const mayBeOpen = hasTop ? shape[0] === null : known.isOpen;
  if (height === null || width === null) {
    if (mayBeOpen && height === width) return;
    throw refuse(
      `architecture.inputShape leaves a size open, which ${known.name}${hasTop ? ' with its top' : ''} cannot have`,
      mayBeOpen ? 'give both sizes, or neither' : 'give both sizes',
    );
  }
  if (Math.min(height, width) >= smallest) return;
  throw refuse(
    `architecture.inputShape is ${height} × ${width}, and ${known.name} takes no smaller pictures than ${smallest} × ${smallest}`,
    'give the sizes that the network was made with',
  );
}

/** What the first convolution takes, which may stand in a model of its own (ConvNeXt). */
function channelsOf({ network, weights }: Candidate): number {
  const isConvolution = ({ className }: Layer): boolean => className === 'Conv2D';
  const first = network.layers.find(
    (layer) => layer.network !== undefined || isConvolution(layer),
  ) as Layer;
  const inner = first.network?.layers.find(isConvolution);
  const outer = weights(network).layer(first.name);
  return (inner ? outer.layer(inner.name) : outer).get('kernel').shape[2] as number;
}

/** A layer behind a Flatten says how large the pictures were, if not which sides they had. */
function checkFlattened(candidate: Candidate, shape: PictureShape, isGiven: boolean): void {
  const { flatten, name } = candidate.known;
  const [height, width] = shape;
  if (!flatten || !candidate.hasTop || height === null || width === null) return;
  const { layer, channels, stride } = flatten;
  const rows = shapeOf(candidate, layer)[0] as number;
  const places = Math.floor(height / stride) * Math.floor(width / stride);
  if (rows === places * channels) return;
  const side = Math.floor(Math.sqrt(rows / channels)) * stride;
  const hint = `for square pictures ${side} to ${side + stride - 1} pixels a side`;
  if (isGiven) {
    throw refuse(
      `the layer "${layer}" of the file takes ${rows} values, and pictures of ${height} × ${width} give ${places * channels}`,
      `architecture.inputShape has to be the size that the network was made with, ${hint}`,
    );
  }
  throw refuse(
    `the layer "${layer}" of the file takes ${rows} values, so that its pictures are not of the default size of ${name}, ${height} × ${width}`,
    `say the size: architecture: {name: ${name}, inputShape: [height, width, ${shape[2]}]}, ${hint}`,
  );
}

export const describeShape = ([height, width, channels]: PictureShape): string =>
  height === null ? `any size × ${channels}` : `${height} × ${width} × ${channels}`;

function findingsOf(
  { known, hasTop }: Candidate,
  { shape, classes, alpha }: ModelArguments,
  { inputShape, pooling }: Architecture,
): Finding[] {
  const note = (what: string): Finding => ({ kind: 'note', place: '', what });
  const isPublished = hasTop && classes === 1000 && (alpha === '1' || known.widths === undefined);
  const told = isPublished || (hasTop && known.flatten !== undefined);
  const findings: Finding[] = [];
  if (!inputShape && !told) {
    findings.push(
      note(
        `the file does not tell the size of the pictures: ${describeShape(shape)}, the network's own, is taken; architecture.inputShape says another`,
      ),
    );
  }
  if (!hasTop && !pooling) {
    findings.push(
      note(
        'it answers with what its last layer gives at every place; architecture.pooling: avg or max gives one vector a picture',
      ),
    );
  }
  return findings;
}
