/** The answers of `POST /predict`, as the five articles print them. */

export interface Prediction {
  readonly label: string;
  /** 0 to 1. */
  readonly probability: number;
}

/**
 * The JSON answer for one picture, keys in the order that article 000's Flask prints them.
 * `pictures` holds the predictions of each picture, best first, in the order they were sent; with
 * `asList` (the client sent a list) the answer is a list too.
 */
export function encodePredictions(
  pictures: readonly (readonly Prediction[])[],
  asList: boolean,
): string {
  if (!asList)
    return JSON.stringify({ predictions: (pictures[0] ?? []).map(plain), success: true });
  const results = pictures.map((predictions) => ({ predictions: predictions.map(plain) }));
  return JSON.stringify({ results, success: true });
}

/** Only what the wire has, in its order. */
function plain({ label, probability }: Prediction): Prediction {
  return { label, probability };
}

/**
 * The text answer of article 001, without a line break at its end; one line for each picture. The
 * best prediction of each picture comes first.
 */
export function encodeSentence(pictures: readonly (readonly Prediction[])[]): string {
  return pictures.map(([best]) => sentence(best)).join('\n');
}

function sentence(best: Prediction | undefined): string {
  return best === undefined
    ? 'The input picture is classified as nothing.'
    : `The input picture is classified as [${best.label}], with probability ${best.probability.toFixed(3)}.`;
}
