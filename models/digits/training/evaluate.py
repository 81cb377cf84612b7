"""Judges an exported model: `python evaluate.py model.onnx split.npz ...`.

Prints for each split the accuracy, the accuracy by digit, the confusion matrix and how honest
the confidences are. With `--temperature` as the first argument it instead prints the
temperature to give to export.py, fitted on the splits named.
"""

import sys

import numpy as np
import onnxruntime


def logits_of(model, images):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    parts = []
    for start in range(0, len(images), 500):
        x = images[start : start + 500].transpose(0, 3, 1, 2).astype(np.float32) / 255
        parts.append(session.run(["logits"], {"image": x})[0])
    return np.concatenate(parts)


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def log_loss(logits, labels, temperature=1.0):
    return -np.log(softmax(logits / temperature)[np.arange(len(labels)), labels] + 1e-12).mean()


def calibration_error(chances, labels, bins=15):
    """The mean gap between confidence and accuracy over equal bins of confidence."""
    confidence, right = chances.max(1), chances.argmax(1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(abs(confidence[bin_of == b].sum() - right[bin_of == b].sum()) for b in range(bins)) / len(labels)


def report(name, logits, labels):
    chances, guess = softmax(logits), logits.argmax(1)
    print(f"{name}: {len(labels)} pictures, accuracy {(guess == labels).mean():.4f}, "
          f"log loss {log_loss(logits, labels):.4f}, calibration error {calibration_error(chances, labels):.4f}")
    print("by digit:", " ".join(f"{d}: {(guess[labels == d] == d).mean():.4f}" for d in range(10)))
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, guess), 1)
    print("rows: truth, columns: answer")
    print("\n".join(" ".join(f"{n:5d}" for n in row) for row in confusion))


def main(model, *splits):
    data = [np.load(path) for path in splits]
    found = [(logits_of(model, d["images"]), d["labels"]) for d in data]
    for path, (logits, labels) in zip(splits, found):
        report(path, logits, labels)


def temperature(model, *splits):
    data = [np.load(path) for path in splits]
    logits = np.concatenate([logits_of(model, d["images"]) for d in data])
    labels = np.concatenate([d["labels"] for d in data])
    choices = np.linspace(0.4, 2.5, 106)
    print(f"{choices[np.argmin([log_loss(logits, labels, t) for t in choices])]:.2f}")


if __name__ == "__main__":
    if sys.argv[1] == "--temperature":
        temperature(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
