/** Preprocessing and answers in words, for inspect and init. */

import type { PictureDecoder, PictureGeometry } from '../config/picture-spec.ts';
import type { PictureDecision, PicturePlan } from '../pipeline/picture-plan.ts';
import type { ScoreDecision } from '../pipeline/scores.ts';
import type { ServedSignature, ServedSignatures } from '../serving/signatures.ts';

const decoders = {
  pillow: '',
  tensorflow: ', decoded as TensorFlow does it',
  'tensorflow-accurate': ', decoded as TensorFlow does it with INTEGER_ACCURATE',
  'tensorflow-plain': ', decoded as TensorFlow does it without fancy_upscaling',
  'tensorflow-accurate-plain':
    ', decoded as TensorFlow does it with INTEGER_ACCURATE and without fancy_upscaling',
} satisfies Record<PictureDecoder, string>;

const describeDecoding = ({ color, decoder }: PictureGeometry): string =>
  `${color}${decoders[decoder]}`;

function describeResize({ resize, filter, antialias, crop, fast }: PictureGeometry): string {
  const kind = fast ? "sharp's own filter (fast)" : `${filter}${antialias ? '' : ', no antialias'}`;
  const steps: string[] = [];
  if (resize?.mode === 'exact') steps.push(`resize to ${resize.height}×${resize.width} (${kind})`);
  if (resize?.mode === 'shortest-edge')
    steps.push(`resize the shorter side to ${resize.size} (${kind})`);
  if (crop) steps.push(`crop the centre ${crop.height}×${crop.width}`);
  return steps.join(' → ') || 'no resize: pictures must have the right size';
}

function describeNumbers({ dtype, normalisation }: PicturePlan): string {
  if (dtype === 'UINT8') return 'bytes as they are';
  const { scale, mean, std } = normalisation;
  const round = (values: readonly number[]): string =>
    values.map((value) => Number(value.toPrecision(6))).join(', ');
  return `(byte × ${Number(scale.toPrecision(6))} − [${round(mean)}]) ÷ [${round(std)}]`;
}

/** `yamlName`: what the model's model.yaml is called, or would be. */
export function describePictures(
  decision: PictureDecision | undefined,
  yamlName = 'model.yaml',
): string[] {
  if (!decision) return [];
  if (!decision.plan) {
    if (decision.problem.yaml === '') return [`pictures    no: ${decision.problem.reason}`];
    const lines = decision.problem.yaml.split('\n').map((line) => `              ${line}`);
    return [
      `pictures    no: ${decision.problem.reason}; to change that, in ${yamlName}:`,
      ...lines,
    ];
  }
  const { plan } = decision;
  return [
    `pictures    ${describeDecoding(plan.geometry)} → ${describeResize(plan.geometry)}`,
    `            → ${describeNumbers(plan)} → '${plan.name}' ${plan.layout}`,
  ];
}

export function describeScores(decision: ScoreDecision | undefined): string {
  if (!decision) return 'unknown';
  if (!decision.plan) return `no labels: ${decision.problem}`;
  const { name, activation, labels, top } = decision.plan;
  const how = activation === 'auto' ? 'softmax unless they are probabilities already' : activation;
  return `top ${top} of '${name}' (${how}), ${labels ? `${labels.length} labels` : 'no labels: class numbers'}`;
}

function describeSignature({ name, takes, inputs, outputs }: ServedSignature): string {
  const names = (specs: readonly { readonly name: string }[]): string =>
    specs.map((spec) => spec.name).join(', ');
  const what = takes === 'pictures' ? ' (encoded pictures)' : '';
  return `${name}: ${names(inputs)}${what} → ${names(outputs)}`;
}

/** All but the graph's own, whose inputs and outputs are told anyway. */
export function describeSignatures(signatures: ServedSignatures | undefined): string[] {
  const others = [...(signatures?.byName.values() ?? [])].filter(
    (one) => one !== signatures?.graph,
  );
  return others.map(
    (signature, i) => `${i === 0 ? 'signatures' : '          '}  ${describeSignature(signature)}`,
  );
}
