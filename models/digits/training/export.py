"""A checkpoint to ONNX: `python export.py checkpoint.pt model.onnx [TEMPERATURE]`.

The graph is written by hand, layer by layer, in opset 17. Batch norms and the input's
normalisation are folded into the convolutions, the logits are divided by the temperature, and
the weights are stored as float16 and cast once, when the model is loaded.
"""

import os
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from model import MEAN, STD, DigitNet, Residual


def load(path):
    saved = torch.load(path, map_location="cpu")
    model = DigitNet(tuple(saved["widths"]), tuple(saved.get("blocks", (1, 1))))
    model.load_state_dict(saved["weights"])
    return model.eval()


def folded(conv, bn):
    """The weight and bias of a convolution with its batch norm."""
    scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    return conv.weight * scale[:, None, None, None], bn.bias - bn.running_mean * scale


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def name(self, what):
        self.count += 1
        return f"{what}_{self.count}"

    def weight(self, tensor):
        """A float16 constant and its cast; the name of the float32 result."""
        name = self.name("weight")
        half = tensor.detach().numpy().astype(np.float16)
        self.constants.append(numpy_helper.from_array(half, name + "_half"))
        return self.add("Cast", [name + "_half"], to=TensorProto.FLOAT)

    def bias(self, tensor):
        name = self.name("bias")
        self.constants.append(numpy_helper.from_array(tensor.detach().numpy().astype(np.float32), name))
        return name

    def add(self, op, inputs, **attributes):
        out = self.name(op.lower())
        self.nodes.append(helper.make_node(op, inputs, [out], name=out, **attributes))
        return out

    def conv(self, x, conv, weight, bias, padding=True):
        pad = conv.kernel_size[0] // 2 if padding else 0
        return self.add("Conv", [x, self.weight(weight), self.bias(bias)], kernel_shape=list(conv.kernel_size),
                        strides=list(conv.stride), pads=[pad] * 4, group=conv.groups)

    def relu(self, x):
        return self.add("Relu", [x])


def first_layer(graph, block):
    """Normalisation ahead of a zero-padded convolution: pad with the mean instead, then fold."""
    weight, bias = folded(*block)
    weight = weight / STD
    bias = bias - MEAN * weight.sum((1, 2, 3))
    pads = graph.name("pads")
    graph.constants.append(numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), pads))
    x = graph.add("Pad", ["image", pads, graph.bias(torch.tensor(MEAN))])
    return graph.conv(x, block[0], weight, bias, padding=False)


def build(model, temperature=1.0):
    graph = Graph()
    layers = list(model.features)
    x = first_layer(graph, layers[0])
    for layer in layers[1:]:
        if isinstance(layer, torch.nn.ReLU):
            x = graph.relu(x)
        elif isinstance(layer, Residual):
            y = graph.relu(graph.conv(x, layer.a[0], *folded(*layer.a)))
            y = graph.conv(y, layer.b[0], *folded(*layer.b))
            x = graph.relu(graph.add("Add", [x, y]))
        else:
            x = graph.conv(x, layer[0], *folded(*layer))
    x = graph.relu(graph.conv(x, model.pool, *folded(model.pool, model.bn), padding=False))
    x = graph.add("Flatten", [x], axis=1)
    head = model.head
    weight, bias = graph.weight(head.weight / temperature), graph.bias(head.bias / temperature)
    graph.nodes.append(helper.make_node("Gemm", [x, weight, bias], ["logits"], name="logits", transB=1))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 32, 32])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    made = helper.make_model(
        helper.make_graph(graph.nodes, "digits", [image], [logits], graph.constants),
        opset_imports=[helper.make_opsetid("", 17)], producer_name="modelship-digits",
    )
    made.ir_version = 8
    onnx.checker.check_model(made, full_check=True)
    return made


def main(checkpoint, out, temperature=1.0):
    model = load(checkpoint)
    with torch.inference_mode():
        made = build(model, float(temperature))
    onnx.save(made, out + ".new")
    os.replace(out + ".new", out)

    import onnxruntime

    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).random((7, 3, 32, 32), np.float32)
    with torch.inference_mode():
        want = model(torch.from_numpy(x)).numpy() / float(temperature)
    got = session.run(["logits"], {"image": x})[0]
    print(os.path.getsize(out), "bytes; largest difference from torch", abs(want - got).max())


if __name__ == "__main__":
    main(*sys.argv[1:])
