"""The ResNet50 of keras.applications as Keras saves it, and the ONNX file that tf2onnx makes of it, for bench/import.ts.

    python save_resnet50.py FOLDER     (keras 3.15.1, tensorflow-cpu 2.21.0, tf2onnx 1.17.0)

Writes resnet50.keras, resnet50.h5, the SavedModel resnet50/ and resnet50.onnx, with the same random weights.
"""

import os
import subprocess
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras

path = os.path.join(sys.argv[1], "resnet50")
keras.utils.set_random_seed(1)
model = keras.applications.ResNet50(weights=None)
model.save(f"{path}.keras")
model.save(f"{path}.h5")
model.export(path, verbose=False)
convert = [sys.executable, "-m", "tf2onnx.convert", "--opset", "18", "--saved-model", path, "--output", f"{path}.onnx"]
subprocess.run(convert, check=True)
