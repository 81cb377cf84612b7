"""Open Inference REST with the clients that people have: tritonclient (http, aio) and the KServe SDK.

open-inference-rest.ts starts the server with the models that are asked here. Each line that is printed is a
check that passed; the first that fails ends the run.
"""

import asyncio
import sys

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient.utils import InferenceServerException

address, folder = sys.argv[1:]
base = f"http://{address}"
passed = 0


def check(what, holds):
    global passed
    if not holds:
        raise SystemExit(f"FAILED {what}")
    passed += 1
    print(f"ok {what}")


def refused(what, call, *parts):
    try:
        call()
    except InferenceServerException as error:
        text = f"{error.status()} {error.message()}"
        check(f"{what}: {text[:110]}", all(part in text for part in parts))
        return
    raise SystemExit(f"FAILED {what}: it was answered")


def tensor(module, name, array, datatype, binary=True):
    made = module.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def recorded(name):
    """The proxy of open-inference-rest.ts keeps the bytes of such a request."""
    return {"x-record": name}


ones = np.ones((1, 16), dtype=np.int32)
counting = np.arange(16, dtype=np.int32).reshape(1, 16)


def simple_inputs(module, binary=True):
    return [
        tensor(module, "INPUT0", counting, "INT32", binary),
        tensor(module, "INPUT1", ones, "INT32", binary),
    ]


def is_simple(result):
    return (result.as_numpy("OUTPUT0") == counting + 1).all() and (
        result.as_numpy("OUTPUT1") == counting - 1
    ).all()


samples = {
    "BOOL": np.array([[True, False, True]]),
    "UINT8": np.array([[0, 255, 7]], dtype=np.uint8),
    "UINT16": np.array([[0, 65535, 7]], dtype=np.uint16),
    "UINT32": np.array([[0, 2**32 - 1, 7]], dtype=np.uint32),
    "UINT64": np.array([[0, 2**64 - 1, 7]], dtype=np.uint64),
    "INT8": np.array([[-128, 127, 7]], dtype=np.int8),
    "INT16": np.array([[-32768, 32767, 7]], dtype=np.int16),
    "INT32": np.array([[-(2**31), 2**31 - 1, 7]], dtype=np.int32),
    "INT64": np.array([[-(2**63), 2**63 - 1, 7]], dtype=np.int64),
    "FP16": np.array([[0.5, -65504, 6e-8]], dtype=np.float16),
    "FP32": np.array([[0.1, -1.5e38, 1e-45]], dtype=np.float32),
    "FP64": np.array([[0.1, -1.5e308, 5e-324]], dtype=np.float64),
    "BYTES": np.array([["", "é😀", 'a"b\n']], dtype=object),
}


def same(a, b, datatype):
    if datatype == "BYTES":
        texts = [x.decode() if isinstance(x, bytes) else x for x in a.flatten()]
        return texts == list(b.flatten()) and a.shape == b.shape
    return a.dtype == b.dtype and a.shape == b.shape and (a == b).all()


def check_descriptions(client):
    check("server live", client.is_server_live())
    check("server ready", client.is_server_ready())
    check("model ready", client.is_model_ready("simple"))
    check("version ready", client.is_model_ready("simple", "1"))
    check("no such model is not ready", not client.is_model_ready("none"))
    metadata = client.get_server_metadata()
    check("server metadata", "binary_tensor_data" in metadata["extensions"])
    metadata = client.get_model_metadata("simple")
    check("model metadata", metadata["inputs"][0] == {"name": "INPUT0", "datatype": "INT32", "shape": [-1, 16]})
    config = client.get_model_config("simple")
    check("model config", config["max_batch_size"] >= 8 and config["input"][0]["dims"] == [16])
    index = client.get_model_repository_index()
    check("repository index", {"name": "simple", "version": "1", "state": "READY", "reason": ""} in index)
    statistics = client.get_inference_statistics("simple", "1")["model_stats"][0]
    check("statistics", statistics["inference_stats"]["success"]["count"] > 0)
    check("statistics of all", len(client.get_inference_statistics()["model_stats"]) > 5)


def check_inference(client):
    result = client.infer("simple", simple_inputs(http), headers=recorded("tritonclient-binary"))
    check("infer, binary both ways", is_simple(result))
    result = client.infer("simple", simple_inputs(http, False), request_id="42", model_version="1", headers=recorded("tritonclient-json"))
    check("infer, JSON in, with id and version", is_simple(result) and result.get_response()["id"] == "42")
    outputs = [
        http.InferRequestedOutput("OUTPUT1", binary_data=False),
        http.InferRequestedOutput("OUTPUT0", binary_data=True),
    ]
    inputs = [tensor(http, "INPUT0", counting, "INT32", False), tensor(http, "INPUT1", ones, "INT32")]
    result = client.infer("simple", inputs, outputs=outputs, headers=recorded("tritonclient-mixed"))
    check("infer, JSON and binary mixed both ways", is_simple(result))
    check("outputs in the order of the request", [one["name"] for one in result.get_response()["outputs"]] == ["OUTPUT1", "OUTPUT0"])
    result = client.infer("simple", simple_inputs(http), priority=2, timeout=20_000_000, parameters={"mine": "own", "count": 3, "flag": True})
    check("infer with priority, timeout and own parameters", is_simple(result))
    for datatype, array in samples.items():
        name = f"identity-{datatype.lower()}"
        result = client.infer(name, [tensor(http, "x", array, datatype)])
        check(f"{datatype} in binary", same(result.as_numpy("y"), array, datatype))
        if datatype == "FP16":
            continue
        result = client.infer(name, [tensor(http, "x", array, datatype, False)], outputs=[http.InferRequestedOutput("y", binary_data=False)])
        check(f"{datatype} in JSON", same(result.as_numpy("y"), array, datatype))
    empty = np.zeros((0, 4), dtype=np.float32)
    result = client.infer("identity-fp32", [tensor(http, "x", empty, "FP32")])
    check("no rows", result.as_numpy("y").shape == (0, 4))
    strange = np.array([[np.nan, np.inf, -np.inf, -0.0]], dtype=np.float32)
    result = client.infer("identity-fp32", [tensor(http, "x", strange, "FP32", False)], outputs=[http.InferRequestedOutput("y", binary_data=False)], headers=recorded("tritonclient-nan"))
    check("NaN, infinities and -0 in JSON", result.as_numpy("y").tobytes() == strange.tobytes())
    for sent in ["gzip", "deflate"]:
        for wanted in ["gzip", "deflate", None]:
            big = np.tile(np.arange(100, dtype=np.float32), (50, 1))
            headers = recorded(f"tritonclient-{sent}") if wanted == sent else None
            result = client.infer("identity-fp32", [tensor(http, "x", big, "FP32")], request_compression_algorithm=sent, response_compression_algorithm=wanted, headers=headers)
            check(f"{sent} in, {wanted} out", (result.as_numpy("y") == big).all())
    scores = np.sin(np.arange(128, dtype=np.float32)).reshape(2, 64)
    for binary in [True, False]:
        output = http.InferRequestedOutput("scores", binary_data=binary, class_count=3)
        result = client.infer("mlp", [tensor(http, "x", scores, "FP32")], outputs=[output], headers=recorded("tritonclient-classes") if binary else None)
        texts = [x.decode() if isinstance(x, bytes) else x for x in result.as_numpy("scores").flatten()]
        check(f"classes: {texts[0]}", result.as_numpy("scores").shape == (2, 3) and all(len(text.split(":")) == 3 for text in texts))
    pending = [client.async_infer("simple", simple_inputs(http)) for _ in range(20)]
    check("20 at once", all(is_simple(one.get_result()) for one in pending))
    picture = open(f"{folder}/7-shadow.jpg", "rb").read()
    pictures = np.array([picture, picture], dtype=object)
    result = client.infer("digits", [tensor(http, "images", pictures, "BYTES")], headers=recorded("tritonclient-pictures"))
    scores = result.as_numpy(result.get_response()["outputs"][0]["name"])
    check("two JPEGs as BYTES", scores.shape == (2, 10) and (scores.argmax(axis=1) == 7).all())
    body, length = http.InferenceServerClient.generate_request_body(simple_inputs(http))
    response = client._post("v2/models/simple/infer", body, {"Inference-Header-Content-Length": length}, None)
    length = int(response["Inference-Header-Content-Length"])
    check("a body made apart", is_simple(http.InferenceServerClient.parse_response_body(response.read(), header_length=length)))
    response = client._post("v2/models/half-plus-two/infer", np.array([2, 3, 4], np.float32).tobytes(), {"Inference-Header-Content-Length": 0, **recorded("raw")}, None)
    length = int(response["Inference-Header-Content-Length"])
    result = http.InferenceServerClient.parse_response_body(response.read(), header_length=length)
    check("a raw binary request", result.as_numpy("y").tolist() == [3, 3.5, 4])


def check_refusals(client):
    refused("unknown model", lambda: client.infer("none", simple_inputs(http)), "404", "Request for unknown model: 'none' is not found")
    refused("unknown version", lambda: client.infer("simple", simple_inputs(http), model_version="9"), "404")
    refused("missing input", lambda: client.infer("simple", simple_inputs(http)[:1]), "400", "INPUT1")
    wrong = [tensor(http, "INPUT0", counting.astype(np.float32), "FP32"), simple_inputs(http)[1]]
    refused("wrong dtype", lambda: client.infer("simple", wrong), "400", "inference input 'INPUT0' data-type is 'FP32', but model 'simple' expects 'INT32'")
    wrong = [tensor(http, "INPUT0", counting[:, :15], "INT32"), simple_inputs(http)[1]]
    refused("wrong shape", lambda: client.infer("simple", wrong), "400", "unexpected shape for input 'INPUT0' for model 'simple'. Expected [-1, 16], got [1, 15]")
    refused("a sequence", lambda: client.infer("simple", simple_inputs(http), sequence_id=7, sequence_start=True), "501", "sequences")
    refused("load", lambda: client.load_model("simple"), "403", "--model-control explicit")
    refused("load with a configuration", lambda: client.load_model("simple", config="{}"), "403")
    refused("unload", lambda: client.unload_model("simple"), "403", "--model-control explicit")
    refused("trace settings", client.get_trace_settings, "501")
    refused("log settings", client.get_log_settings, "501")
    refused("shared memory", client.get_system_shared_memory_status, "501")
    refused("CUDA shared memory", client.unregister_cuda_shared_memory, "501")


async def check_aio():
    async with aio.InferenceServerClient(address) as client:
        check("aio: ready", await client.is_server_ready() and await client.is_model_ready("simple"))
        metadata = await client.get_model_metadata("simple")
        check("aio: metadata", metadata["outputs"][1]["name"] == "OUTPUT1")
        check("aio: config", (await client.get_model_config("simple"))["name"] == "simple")
        check("aio: index", len(await client.get_model_repository_index()) > 5)
        check("aio: statistics", len((await client.get_inference_statistics())["model_stats"]) > 5)
        result = await client.infer("simple", simple_inputs(aio), headers=recorded("tritonclient-aio"))
        check("aio: infer", is_simple(result))
        results = await asyncio.gather(*[client.infer("simple", simple_inputs(aio, n % 2 == 0)) for n in range(20)])
        check("aio: 20 at once", all(is_simple(one) for one in results))
        big = np.tile(np.arange(100, dtype=np.float32), (50, 1))
        result = await client.infer("identity-fp32", [tensor(aio, "x", big, "FP32")], request_compression_algorithm="gzip", response_compression_algorithm="gzip")
        check("aio: gzip both ways", (result.as_numpy("y") == big).all())
        try:
            await client.infer("none", simple_inputs(aio))
            raise SystemExit("FAILED aio: unknown model was answered")
        except InferenceServerException as error:
            check(f"aio: {error.message()[:60]}", "unknown model: 'none'" in error.message())


async def check_kserve():
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        check("kserve: live", await client.is_server_live(base) is True)
        check("kserve: ready", await client.is_server_ready(base) is True)
        check("kserve: model ready", await client.is_model_ready(base, "simple") is True)
        check("kserve: no such model", await client.is_model_ready(base, "none") is False)
        for binary in [False, True]:
            inputs = []
            for name, array in [("INPUT0", counting), ("INPUT1", ones)]:
                made = InferInput(name, list(array.shape), "INT32")
                made.set_data_from_numpy(array, binary_data=binary)
                inputs.append(made)
            request = InferRequest(model_name="simple", infer_inputs=inputs, request_id="k")
            response = await client.infer(base, request, model_name="simple", headers=recorded(f"kserve-{'binary' if binary else 'json'}"))
            sums = response.outputs[0].as_numpy()
            check(f"kserve: infer, {'binary' if binary else 'JSON'} in", (sums == counting + 1).all() and response.id == "k")
        texts = InferInput("x", [1, 2], "BYTES")
        texts.set_data_from_numpy(np.array([["a", "é"]], dtype=object), binary_data=True)
        response = await client.infer(base, InferRequest(model_name="identity-bytes", infer_inputs=[texts]), model_name="identity-bytes")
        check(f"kserve: texts: {response.outputs[0].data}", list(np.array(response.outputs[0].data).flatten()) == ["a", "é"])
        try:
            await client.infer(base, {"inputs": []}, model_name="none")
            raise SystemExit("FAILED kserve: unknown model was answered")
        except Exception as error:
            check(f"kserve: {str(error)[:70]}", "unknown model: 'none'" in str(error))


with http.InferenceServerClient(address, concurrency=4) as client:
    check_inference(client)
    check_descriptions(client)
    check_refusals(client)
asyncio.run(check_aio())
asyncio.run(check_kserve())
print(f"{passed} checks passed")
