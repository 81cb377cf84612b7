"""Records what real clients send as ModelInferRequest; the two clients cannot be in one process.

    python scripts/clients/record_grpc.py tritonclient > test/fixtures/open-inference-grpc/tritonclient.json
    python scripts/clients/record_grpc.py kserve > test/fixtures/open-inference-grpc/kserve.json

Made with tritonclient 2.73.0 and kserve 0.21.0, protobuf 6.33.6, numpy 2.x.
"""

import base64
import json
import sys

import numpy as np

recorded = {}


def keep(name, message):
    recorded[name] = base64.b64encode(message.SerializeToString(deterministic=True)).decode()


def record_tritonclient():
    import tritonclient.grpc as triton
    from tritonclient.grpc._utils import _get_inference_request

    def triton_input(name, value, datatype):
        one = triton.InferInput(name, list(value.shape), datatype)
        one.set_data_from_numpy(value)
        return one

    def triton_request(model, inputs, version="", request_id="", outputs=None, priority=0, timeout=None, parameters=None, sequence_id=0):
        return _get_inference_request(
            model_name=model, inputs=inputs, model_version=version, request_id=request_id, outputs=outputs,
            sequence_id=sequence_id, sequence_start=sequence_id != 0, sequence_end=False, priority=priority,
            timeout=timeout, parameters=parameters,
        )

    ints = [triton_input(f"INPUT{i}", np.arange(16, dtype=np.int32).reshape(1, 16) + i, "INT32") for i in (0, 1)]
    keep("simple", triton_request("simple", ints))
    keep(
        "everything",
        triton_request(
            "simple", ints, "1", "r-1", [triton.InferRequestedOutput("OUTPUT1", class_count=3), triton.InferRequestedOutput("OUTPUT0")],
            priority=2, timeout=1_500_000, parameters={"note": "é", "flag": True, "count": 7},
        ),
    )
    texts = np.array([["a", "é", ""]], dtype=np.object_)
    keep("texts", triton_request("identity-bytes", [triton_input("x", texts, "BYTES")]))
    halves = np.array([[1, -2, np.inf]], dtype=np.float16)
    keep("halves", triton_request("identity-fp16", [triton_input("x", halves, "FP16")]))
    keep("sequence", triton_request("simple", ints, sequence_id=7))


def record_kserve():
    from kserve import InferInput, InferRequest

    def kserve_request(model, value, datatype):
        one = InferInput("x", list(value.shape), datatype)
        one.set_data_from_numpy(value, binary_data=False)
        return InferRequest(model, [one], request_id="k-1").to_grpc()

    keep("floats", kserve_request("identity-fp32", np.array([[1.5, -2.25]], np.float32), "FP32"))
    keep("longs", kserve_request("identity-int64", np.array([[-1, 2**62 + 1]], np.int64), "INT64"))
    keep("bytes", kserve_request("identity-uint8", np.array([[0, 255]], np.uint8), "UINT8"))
    keep("bools", kserve_request("identity-bool", np.array([[True, False]]), "BOOL"))
    keep("texts", kserve_request("identity-bytes", np.array([["a", "é"]], dtype=np.object_), "BYTES"))


{"tritonclient": record_tritonclient, "kserve": record_kserve}[sys.argv[1]]()
print(json.dumps(recorded, indent=2))
