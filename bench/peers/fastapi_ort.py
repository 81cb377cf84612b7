"""A strong simple peer: FastAPI, one ONNX Runtime session a process, Pillow, no batching.

Environment: MODEL. Start it with `uvicorn --workers 2`."""

import io
import os

import numpy as np
import onnxruntime
from fastapi import FastAPI, File
from PIL import Image

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
name = session.get_inputs()[0].name
mean = np.array([0.485, 0.456, 0.406], "float32")
std = np.array([0.229, 0.224, 0.225], "float32")
app = FastAPI()


def prepare(data: bytes) -> np.ndarray:
    """torchvision's ResNet50 preset: short side 256, the middle 224, [1, 3, 224, 224]."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = image.size
    short = min(width, height)
    image = image.resize((256 * width // short, 256 * height // short), Image.Resampling.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), "float32") / 255
    return ((pixels - mean) / std).transpose(2, 0, 1)[None]


@app.post("/predict")
async def predict(image: bytes = File(...)):
    [scores] = session.run(None, {name: prepare(image)})
    exp = np.exp(scores[0] - scores[0].max())
    probabilities = exp / exp.sum()
    best = np.argsort(probabilities)[::-1][:5]
    return {
        "success": True,
        "predictions": [{"label": str(i), "probability": float(probabilities[i])} for i in best],
    }
