"""Writes src/importers/keras/architectures/: the configurations of keras.applications, as Keras gives them.

    python architectures.py [NAME …]     (keras 3.15.1; tf_keras 2.21.0 and keras_applications 1.0.8 for the older ones)

They are for files that hold weights only. Each is model.to_json(), packed; nothing in them is ours but what is left
out: initialisers, regularisers and constraints, which say nothing of what a model answers.

EfficientNetB0 to B7 are two networks each: with weights="imagenet" Keras puts one more layer in, and the files look the
same. `expects` says which values tell a file of the one from a file of the other.
"""

import gzip
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../src/importers/keras/architectures")
NAMES = (
    "ResNet50 VGG16 VGG19 Xception ResNet101 ResNet152 ResNet50V2 ResNet101V2 ResNet152V2 InceptionV3 InceptionResNetV2 "
    "MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large DenseNet121 DenseNet169 DenseNet201 NASNetMobile NASNetLarge "
    "EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7 "
    "EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S EfficientNetV2M EfficientNetV2L "
    "ConvNeXtTiny ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge"
).split()

SILENT = ("initializer", "regularizer", "constraint", "build_config", "compile_config", "seed")


def quiet(value):
    if isinstance(value, dict):
        return {key: quiet(item) for key, item in value.items() if not key.endswith(SILENT)}
    return [quiet(item) for item in value] if isinstance(value, list) else value


def keep(name, version, text, **more):
    os.makedirs(FOLDER, exist_ok=True)
    config = {"version": version, **more, "model": quiet(json.loads(text))}
    content = json.dumps(config, separators=(",", ":")).encode()
    with open(os.path.join(FOLDER, f"{name}@{version}.json.gz"), "wb") as file:
        file.write(gzip.compress(content, 9, mtime=0))
    print(name, version, len(content), flush=True)


def keep_scaled(name):
    """The network without weights, whose statistics are those of a new layer, and that of the published weights."""
    make = getattr(keras.applications, name)
    module = sys.modules[make.__module__]
    version = f"keras-{keras.__version__}"
    expects = {"layer": "normalization", "weight": "variance"}
    keep(name.lower(), version, make(weights=None).to_json(), expects={**expects, "values": [1, 1, 1]})
    keras.backend.clear_session()
    # Nothing is fetched: the network is made before its weights are loaded.
    module.file_utils.get_file = lambda *_, **__: ""
    keras.Model.load_weights = lambda *_, **__: None
    values = list(module.IMAGENET_STDDEV_RGB)
    keep(name.lower(), f"{version}-imagenet", make(weights="imagenet").to_json(), expects={**expects, "values": values})


def keep_older():
    """ResNet50 of Keras 2.0 to 2.2, whose weight file has the same name and layers of other names."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tf_keras
    from keras_applications import resnet50

    parts = {"backend": tf_keras.backend, "layers": tf_keras.layers, "models": tf_keras.models, "utils": tf_keras.utils}
    keep("resnet50", "keras-applications-1.0.8", resnet50.ResNet50(weights=None, **parts).to_json())


if sys.argv[1:] == ["older"]:
    keep_older()
    sys.exit()

# Nothing is computed: weights of zeros are made quickest.
for random in (keras.initializers.VarianceScaling, keras.initializers.TruncatedNormal):
    random.__call__ = lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype)

for name in sys.argv[1:] or NAMES:
    keras.backend.clear_session()
    if name.startswith("EfficientNetB"):
        keep_scaled(name)
        continue
    model = getattr(keras.applications, name)(weights=None)
    keep(name.lower(), f"keras-{keras.__version__}", model.to_json())
    del model
