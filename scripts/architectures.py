"""Writes src/importers/keras/architectures/: the configurations of keras.applications, as Keras gives them.

    python architectures.py [NAME …]         (keras 3.15.1, tensorflow-cpu 2.21.0)
    python architectures.py older 1.0.8      (tf_keras 2.21.0, keras_applications 1.0.8)
    python architectures.py older 1.0.4      (tf_keras 2.21.0, keras_applications 1.0.4)

They are for files that hold weights only. Each is what model.to_json() gives for a network with its top, without it and
with each pooling, packed: what all of them have in common stands there once (`model`), then what each ends with
(`heads`). Where what Keras writes depends on an argument, a mark stands for it: `$shape`, `$classes`, `$activation`,
`$width:N` (the N-th number that depends on alpha; `widths` has them all), `$pad:K:L` (the padding before a convolution
of a kernel K, after L halvings of the picture). Nothing is ours but these and what is left out: initialisers,
regularisers, constraints and shapes of tensors, which say nothing of what a model answers.

Beside them it writes a sum for every network that Keras made, to test/fixtures/keras-weights/architectures.txt: the
test architectures.test.ts makes the same networks from the marks, and compares.

EfficientNetB0 to B7 are two networks each: with weights="imagenet" Keras puts one more layer in, and the files look the
same. `expects` says which values tell a file of the one from a file of the other.
"""

import gzip
import hashlib
import json
import os
import struct
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "../src/importers/keras/architectures")
SUMS = os.path.join(HERE, "../test/fixtures/keras-weights/architectures.txt")
NAMES = (
    "ResNet50 VGG16 VGG19 Xception ResNet101 ResNet152 ResNet50V2 ResNet101V2 ResNet152V2 InceptionV3 InceptionResNetV2 "
    "MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large DenseNet121 DenseNet169 DenseNet201 NASNetMobile NASNetLarge "
    "EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6 EfficientNetB7 "
    "EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S EfficientNetV2M EfficientNetV2L "
    "ConvNeXtTiny ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge"
).split()
# The published ones first, then some that people train.
ALPHAS = {
    "MobileNet": (1.0, 0.75, 0.5, 0.25, 0.125, 0.1, 0.2, 1.25, 1.5),
    "MobileNetV2": (1.0, 1.4, 1.3, 0.75, 0.5, 0.35),
    "MobileNetV3Small": (1.0, 0.75, 1.25),
    "MobileNetV3Large": (1.0, 0.75),
}
# Odd and even at every halving; none is smaller than any network takes.
SIZES = [(97, 133), (128, 96), (150, 107), (224, 224), (331, 240), (229, 300), (100, 101)]

SILENT = ("initializer", "regularizer", "constraint", "build_config", "compile_config", "seed", "build_input_shape")


def quiet(value):
    if isinstance(value, list):
        return [quiet(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__keras_tensor__":
        return {"class_name": "__keras_tensor__", "config": {"keras_history": value["config"]["keras_history"]}}
    if value.get("class_name") == "Sequential":
        # Inside of a network nothing reads the shape that its input had.
        for layer in value["config"]["layers"]:
            layer["config"].pop("batch_shape", None)
    return {key: quiet(item) for key, item in value.items() if not key.endswith(SILENT)}


def plain_numbers(value):
    """Every number as the bytes of a double, which Python and JavaScript write alike."""
    if isinstance(value, dict):
        return {key: plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_numbers(item) for item in value]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "#" + struct.pack(">d", value).hex() if is_number else value


def sum_of(config):
    text = json.dumps(plain_numbers(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Pad(tuple):
    """The padding that correct_pad gave, with what it was asked."""


class Built:
    """A network that Keras made: its configuration, and where the size of the picture went into it."""

    def __init__(self, name, model, pads):
        config = quiet(json.loads(model.to_json()))
        self.config = {key: config[key] for key in ("module", "class_name", "config", "registered_name") if key in config}
        self.config["config"]["name"] = name
        self.layers = self.config["config"]["layers"]
        self.outputs = self.config["config"]["output_layers"]
        self.shape = list(model.input_shape[1:])
        self.pads = pads
        self.flatten = flattened(model)


def flattened(model):
    """The Dense layer whose kernel depends on the size of the picture."""
    for before, layer in zip(model.layers, model.layers[1:]):
        if type(before).__name__ == "Flatten" and type(layer).__name__ == "Dense":
            _, height, width, channels = before.input.shape
            return {"layer": layer.name, "rows": height * width * channels, "channels": channels}
    return None


def merge(values, mark):
    """One configuration of several that differ in values only; `mark` gives what stands for those."""
    first = values[0]
    if all(value == first for value in values):
        return first
    if all(isinstance(value, dict) for value in values):
        assert all(value.keys() == first.keys() for value in values), "other keys"
        return {key: merge([value[key] for value in values], mark) for key in first}
    if all(isinstance(value, list) for value in values):
        assert all(len(value) == len(first) for value in values), "other layers"
        return [merge(list(items), mark) for items in zip(*values)]
    return mark(values)


def halvings(size, wanted):
    count = 0
    while size != wanted:
        assert size > wanted, "no size of this picture halved"
        size, count = (size + 1) // 2, count + 1
    return count


def marks_of(built, has_valid_stem):
    """By the name of a padding layer, what stands for its padding."""
    size = (built.shape[0] - 1) // 2 if has_valid_stem else built.shape[0]
    return {name: f"$pad:{kernel}:{halvings(size, wanted)}" for name, (kernel, wanted) in built.pads.items()}


def marked(built, marks):
    layers = json.loads(json.dumps(built.layers))
    for layer in layers:
        config = layer["config"]
        for key in ("batch_shape", "batch_input_shape"):
            if key in config:
                config[key] = "$shape"
        if layer["config"]["name"] in marks:
            config["padding"] = marks[layer["config"]["name"]]
    return layers


class Recorder:
    """Makes one network in all its forms, and writes them as one file."""

    def __init__(self, name, version, make, *, fixed_top=False, valid_stem=False, has_activation=True, asked=None, alphas=(), more=None):
        self.name, self.version, self.make = name, version, make
        self.fixed_top, self.valid_stem, self.has_activation, self.alphas = fixed_top, valid_stem, has_activation, alphas
        self.asked, self.more = asked, more or {}
        self.sums = []

    def build(self, head, shape=None, classes=1000, activation="softmax", alpha=None):
        options = {"include_top": head == "top", "input_shape": shape}
        if head == "top":
            options.update(classes=classes, classifier_activation=activation)
        elif head != "none":
            options["pooling"] = head
        if alpha is not None:
            options["alpha"] = alpha
        built = self.make(**options)
        size = "x".join("?" if side is None else str(side) for side in built.shape)
        kind = (head, size, classes, activation, 1 if alpha is None else f"{alpha:g}")
        self.sums.append(" ".join(map(str, (f"{self.name}@{self.version}", *kind, sum_of(built.config)))))
        return built

    def record(self):
        first = self.build("top")
        sides = first.shape[:2] if first.shape[0] else [224, 224]
        known = first if first.shape[0] else self.build("top", (*sides, 3))
        smallest = self.asked.get("min_size", 32)
        sizes = [size for size in SIZES if min(size) >= smallest]
        marks = marks_of(known, self.valid_stem)
        top = self.tops(first, marks, sizes[0])
        none = self.build("none", (*sizes[1], 3))
        count = next(i for i, (layer, other) in enumerate(zip(top["layers"], marked(none, marks) + [None])) if layer != other)
        body = top["layers"][:count]
        # The cells of NASNet compare sizes, and are others where these are open.
        is_open = not self.asked.get("require_flatten", False) and not self.valid_stem
        ends = {"none": none, "avg": self.build("avg", (None, None, 3) if is_open else (*sizes[2], 3))}
        ends["max"] = self.build("max", (*sizes[2], 3))
        if marks:
            # The largest networks take minutes; their layers are made by the same code.
            further = sizes[3:] if len(body) < 300 else sizes[4:5]
            for size in [*further, (smallest, smallest + 1)]:
                self.build("none", (*size, 3))
        heads = {"top": None}
        for head, built in ends.items():
            heads[head] = self.head(body, marked(built, marks), built.outputs)
        layers = self.widen(top["layers"], marks, top["found"]) if len(self.alphas) > 1 else top["layers"]
        body, heads["top"] = layers[:count], {"layers": layers[count:], "output": first.outputs}
        config = {key: value for key, value in first.config["config"].items() if key != "output_layers"}
        known_shape = {"shape": first.shape, "smallest": smallest, "isOpen": is_open, **self.channels(none, sizes[1])}
        if self.valid_stem:
            known_shape["hasValidStem"] = True
        model = {**first.config, "config": {**config, "layers": body}}
        self.write({"version": self.version, **self.more, **known_shape, **top["found"], "model": model, "heads": heads})

    def tops(self, first, marks, size):
        """The network with its top, with all marks in it."""
        found = {}
        layers = marked(first, marks)
        if self.fixed_top:
            other = self.build("top", activation=None)
            mark = lambda values: self.mark(values, (1000, "softmax"), (1000, "linear"))
        else:
            activation = "sigmoid" if self.has_activation else "softmax"
            other = self.build("top", (*size, 3), 7, activation)
            mark = lambda values: self.mark(values, (1000, "softmax"), (7, activation))
            if first.flatten and first.flatten["rows"] != other.flatten["rows"]:
                stride = 32
                rows = [built.flatten["channels"] * (built.shape[0] // stride) * (built.shape[1] // stride) for built in (first, other)]
                assert rows == [first.flatten["rows"], other.flatten["rows"]], rows
                found["flatten"] = {"layer": first.flatten["layer"], "channels": first.flatten["channels"], "stride": stride}
        layers = merge([layers, marked(other, marks)], mark)
        return {"layers": layers, "found": found}

    @staticmethod
    def mark(values, first, other):
        for name, pair in zip(("$classes", "$activation"), zip(first, other)):
            if tuple(values) == pair:
                return name
        raise AssertionError(f"{values} depend on what?")

    def widen(self, layers, marks, found):
        numbers = []

        def mark(values):
            if isinstance(values[0], str):
                assert len(set(values)) == 1, values
            numbers.append(values)
            return f"$width:{len(numbers) - 1}"

        wide, kept = [], []
        for alpha in self.alphas:
            built = self.build("top", (224, 224, 3), alpha=alpha)
            # Those of the arguments above stay marks.
            filled = json.loads(json.dumps(layers))
            try:
                merge([without_values(filled), without_values(marked(built, marks))], lambda values: values)
            except AssertionError:
                print(self.name, self.version, "alpha", alpha, "is another network", flush=True)
                self.sums.pop()
                continue
            kept.append(alpha)
            wide.append(keep_marks(filled, marked(built, marks)))
        layers = merge(wide, mark)
        found["widths"] = {f"{alpha:g}": [row[i] for row in numbers] for i, alpha in enumerate(kept)}
        for alpha in kept[1:]:
            self.build("none", (128, 96, 3), alpha=alpha)
        return layers

    def head(self, body, layers, output):
        assert layers[: len(body)] == body, "the layers before the head differ"
        return {"layers": layers[len(body) :], "output": output}

    def channels(self, none, size):
        """Whether other pictures than of three channels get the same network."""
        if self.fixed_top:
            return {"channels": 3}
        gray = self.build("none", (*size, 1))
        if [layer["config"] for layer in gray.layers[1:]] == [layer["config"] for layer in none.layers[1:]]:
            return {}
        self.sums.pop()
        return {"channels": 3}

    def write(self, config):
        os.makedirs(FOLDER, exist_ok=True)
        content = json.dumps(config, separators=(",", ":")).encode()
        key = f"{self.name}@{self.version}"
        with open(os.path.join(FOLDER, f"{key}.json.gz"), "wb") as file:
            file.write(gzip.compress(content, 9, mtime=0))
        lines = open(SUMS).read().splitlines() if os.path.exists(SUMS) else []
        kept = [line for line in lines if not line.startswith(f"{key} ")]
        with open(SUMS, "w") as file:
            file.write("\n".join(sorted({*kept, *self.sums})) + "\n")
        print(key, len(content), len(self.sums), flush=True)


def without_values(value):
    """The structure alone: of lists how long they are, of texts and numbers nothing."""
    if isinstance(value, dict):
        return {key: without_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_values(item) if isinstance(item, (dict, list)) else None for item in value]
    return value if isinstance(value, str) and not value.startswith("$") else None


def keep_marks(marks, values):
    """The values, but where there is a mark."""
    if isinstance(marks, str) and marks.startswith("$"):
        return marks
    if isinstance(marks, dict):
        return {key: keep_marks(marks[key], values[key]) for key in marks}
    if isinstance(marks, list):
        return [keep_marks(mark, value) for mark, value in zip(marks, values)]
    return values


def record_today(names):
    import keras
    from keras.src.applications import imagenet_utils
    from keras.src.backend.common import global_state, variables

    version = f"keras-{keras.__version__}"
    # The weights of a network are not made.
    variables.initialize_all_variables = lambda: global_state.set_global_attribute("uninitialized_variables", [])
    correct_pad, obtain_input_shape = imagenet_utils.correct_pad, imagenet_utils.obtain_input_shape
    padding_init = keras.layers.ZeroPadding2D.__init__
    pads, asked = {}, {}

    def remember(inputs, kernel_size):
        pad = Pad(correct_pad(inputs, kernel_size))
        kernel = kernel_size if isinstance(kernel_size, int) else kernel_size[0]
        pad.asked = (kernel, inputs.shape[1])
        return pad

    def init(self, padding=(1, 1), *args, **kwargs):
        padding_init(self, padding, *args, **kwargs)
        if isinstance(padding, Pad):
            pads[self.name] = padding.asked

    def obtain(input_shape, **options):
        asked.update(options)
        return obtain_input_shape(input_shape, **options)

    imagenet_utils.correct_pad, imagenet_utils.obtain_input_shape = remember, obtain
    keras.layers.ZeroPadding2D.__init__ = init

    def maker(name, weights, **fixed):
        def make(**options):
            keras.backend.clear_session()
            pads.clear()
            with keras.StatelessScope():
                model = getattr(keras.applications, name)(weights=weights, **fixed, **options)
            return Built(name.lower(), model, dict(pads))

        return make

    def record(name, suffix="", weights=None, fixed=None, **more):
        asked.clear()
        make = maker(name, weights, **(fixed or {}))
        options = {"valid_stem": name.startswith("NASNet"), "asked": asked, "alphas": ALPHAS.get(name, ())}
        Recorder(name.lower(), version + suffix, make, **options, **more).record()

    for name in names:
        if name.startswith("MobileNetV3"):
            record(name)
            record(name, "-minimalistic", fixed={"minimalistic": True})
        elif name.startswith("EfficientNetB"):
            expects = {"layer": "normalization", "weight": "variance"}
            record(name, more={"expects": {**expects, "values": [1, 1, 1]}})
            module = sys.modules[getattr(keras.applications, name).__module__]
            # Nothing is fetched: the network is made before its weights are loaded.
            module.file_utils.get_file = lambda *_, **__: ""
            load, keras.Model.load_weights = keras.Model.load_weights, lambda *_, **__: None
            values = list(module.IMAGENET_STDDEV_RGB)
            record(name, "-imagenet", "imagenet", more={"expects": {**expects, "values": values}}, fixed_top=True)
            keras.Model.load_weights = load
        else:
            record(name)


def record_older(release):
    """ResNet50 of Keras 2.0 to 2.2, whose weight file has the same name and layers of other names."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import keras_applications
    import tf_keras

    assert keras_applications.__version__ == release if hasattr(keras_applications, "__version__") else release == "1.0.4"
    parts = {"backend": tf_keras.backend, "layers": tf_keras.layers, "models": tf_keras.models, "utils": tf_keras.utils}
    if release == "1.0.4":
        keras_applications.set_keras_submodules(engine=tf_keras.models, **parts)
        parts = {}
    from keras_applications import resnet50

    def make(classifier_activation="softmax", **options):
        assert classifier_activation == "softmax", "it had no such argument"
        tf_keras.backend.clear_session()
        model = resnet50.ResNet50(weights=None, **options, **parts)
        return Built("resnet50", model, {})

    asked = {"min_size": 197 if release == "1.0.4" else 32}
    like = {
        "like": "keras-applications-1.0.8",
        "differs": "pads nothing before its first pooling",
    }
    Recorder("resnet50", f"keras-applications-{release}", make, has_activation=False, asked=asked, more=like if release == "1.0.4" else {}).record()


if __name__ == "__main__":
    if sys.argv[1:2] == ["older"]:
        record_older(sys.argv[2])
    else:
        record_today(sys.argv[1:] or NAMES)
