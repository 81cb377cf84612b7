"""The real gRPC clients against a running server, by hand.

    bin/modelship serve FOLDER --port 0 --grpc-port 9000        (scripts/clients/run-grpc.ts does it all)
    python scripts/clients/grpc_clients.py triton 127.0.0.1:9000
    python scripts/clients/grpc_clients.py tensorflow 127.0.0.1:9000 examples/digits/7.png
    python scripts/clients/grpc_clients.py descriptors

Needs tritonclient[grpc] and grpcio-health-checking, grpcio-reflection; tensorflow-serving-api with tensorflow.
Seen to pass with tritonclient 2.73.0, tensorflow-serving-api 2.21.0, grpcio 1.85.3.
"""

import asyncio
import sys

import grpc
import numpy as np

passed = []


def check(name, ok, shown=""):
    print(("ok   " if ok else "FAIL ") + name + (f"  {shown}" if shown else ""))
    passed.append(bool(ok))


def refused(name, code, call):
    try:
        call()
    except Exception as error:  # each client has its own class
        status = error.status() if hasattr(error, "status") else str(error.code())
        check(name, code in str(status), status)
    else:
        check(name, False, "was not refused")


def simple_inputs(module):
    values = [np.arange(16, dtype=np.int32).reshape(1, 16), np.full((1, 16), 3, np.int32)]
    inputs = []
    for i, value in enumerate(values):
        one = module.InferInput(f"INPUT{i}", [1, 16], "INT32")
        one.set_data_from_numpy(value)
        inputs.append(one)
    return values, inputs


dtypes = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "FP16": np.float16,
    "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}


def triton(url):
    import tritonclient.grpc as client
    from tritonclient.utils import InferenceServerException

    c = client.InferenceServerClient(url)
    check("is_server_live", c.is_server_live())
    check("is_server_ready", c.is_server_ready())
    check("is_model_ready", c.is_model_ready("simple") and not c.is_model_ready("no-such"))
    server = c.get_server_metadata()
    check("get_server_metadata", server.name == "modelship", server.version)
    meta = c.get_model_metadata("simple", as_json=True)
    check("get_model_metadata", meta["inputs"][0]["shape"] == ["-1", "16"], meta["platform"])
    config = c.get_model_config("simple", as_json=True)["config"]
    check("get_model_config", config["input"][0]["dims"] == ["16"], config["max_batch_size"])
    index = c.get_model_repository_index(as_json=True)["models"]
    check("get_model_repository_index", {"simple", "digits"} <= {m["name"] for m in index})
    refused("load_model", "PERMISSION_DENIED", lambda: c.load_model("simple"))
    refused("unload_model", "PERMISSION_DENIED", lambda: c.unload_model("simple"))
    refused("get_system_shared_memory_status", "UNIMPLEMENTED", c.get_system_shared_memory_status)
    refused("get_trace_settings", "UNIMPLEMENTED", c.get_trace_settings)
    refused("get_log_settings", "UNIMPLEMENTED", c.get_log_settings)
    refused("infer of no model", "NOT_FOUND", lambda: c.infer("no", simple_inputs(client)[1]))

    (a, b), inputs = simple_inputs(client)
    result = c.infer("simple", inputs, request_id="r1", headers={"x-request-id": "py-1"})
    check("infer", np.array_equal(result.as_numpy("OUTPUT0"), a + b) and result.get_response().id == "r1")
    outputs = [client.InferRequestedOutput("OUTPUT1")]
    result = c.infer("simple", inputs, model_version="1", outputs=outputs, client_timeout=10, timeout=5_000_000, priority=1)
    check("infer of one output", np.array_equal(result.as_numpy("OUTPUT1"), a - b) and result.as_numpy("OUTPUT0") is None)
    for algorithm in ("gzip", "deflate"):
        result = c.infer("simple", inputs, compression_algorithm=algorithm)
        check(f"infer with {algorithm}", np.array_equal(result.as_numpy("OUTPUT0"), a + b))
    refused("client_timeout", "DEADLINE_EXCEEDED", lambda: c.infer("slow", [slow_input(client)], client_timeout=0.3))

    for name, dtype in dtypes.items():
        value = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype) if name != "BYTES" else np.array([["a", "é", ""], ["x" * 300, "b", "c"]], dtype=object)
        one = client.InferInput("x", [2, 3], name)
        one.set_data_from_numpy(value)
        got = c.infer(f"identity-{name.lower()}", [one]).as_numpy("y")
        if name == "BYTES":
            got = np.vectorize(lambda element: element.decode())(got)
        check(f"infer {name}", np.array_equal(got, value))

    with open(sys.argv[3] if len(sys.argv) > 3 else "examples/digits/7.png", "rb") as file:
        picture = np.array([file.read()], dtype=np.object_)
    one = client.InferInput("images", [1], "BYTES")
    one.set_data_from_numpy(picture)
    scores = c.infer("digits", [one]).as_numpy(c.get_model_metadata("digits").outputs[0].name)
    check("infer of a picture", int(scores.argmax()) == 7)
    name = c.get_model_metadata("digits").outputs[0].name
    top = c.infer("digits", [one], outputs=[client.InferRequestedOutput(name, class_count=2)]).as_numpy(name)
    check("classification", b":7" in top.reshape(-1)[0], top.reshape(-1)[0])

    large = client.InferInput("x", [1500, 1000], "FP32")
    values = np.random.rand(1500, 1000).astype(np.float32)
    large.set_data_from_numpy(values)
    check("infer of 6 MB", np.array_equal(c.infer("identity-fp32", [large]).as_numpy("y"), values))

    answers = []
    handles = [c.async_infer("simple", inputs, lambda result, error: answers.append((result, error))) for _ in range(50)]
    for _ in range(400):
        if len(answers) == 50:
            break
        import time
        time.sleep(0.025)
    check("async_infer × 50", len(answers) == 50 and all(e is None for _, e in answers) and len(handles) == 50)

    import queue

    got = queue.Queue()
    c.start_stream(lambda result, error: got.put((result, error)))
    for i in range(20):
        c.async_stream_infer("simple" if i != 7 else "no", inputs, request_id=str(i))
    seen = [got.get(timeout=20) for _ in range(20)]
    c.stop_stream()
    order = [result.get_response().id if result else "error" for result, _ in seen]
    check("async_stream_infer", order == [str(i) if i != 7 else "error" for i in range(20)])

    stats = c.get_inference_statistics("simple", as_json=True)["model_stats"][0]
    check("get_inference_statistics", int(stats["inference_stats"]["success"]["count"]) > 50, stats["inference_count"])
    c.close()
    asyncio.run(triton_aio(url))
    health(url)
    reflection(url)
    _ = InferenceServerException


def slow_input(module):
    one = module.InferInput("x", [1, 4], "FP32")
    one.set_data_from_numpy(np.array([[100_000, 0, 0, 0]], np.float32))
    return one


async def triton_aio(url):
    import tritonclient.grpc.aio as client

    async with client.InferenceServerClient(url) as c:
        (a, b), inputs = simple_inputs(client)
        check("aio live, ready", await c.is_server_live() and await c.is_model_ready("simple"))
        results = await asyncio.gather(*(c.infer("simple", inputs) for _ in range(50)))
        check("aio infer × 50", all(np.array_equal(r.as_numpy("OUTPUT1"), a - b) for r in results))

        async def requests():
            for i in range(10):
                yield {"model_name": "simple", "inputs": inputs, "request_id": str(i)}

        ids = [result.get_response().id async for result, error in c.stream_infer(requests()) if error is None]
        check("aio stream_infer", ids == [str(i) for i in range(10)])


def health(url):
    try:
        from grpc_health.v1 import health_pb2, health_pb2_grpc
    except ImportError:
        print("skipped: grpcio-health-checking is not installed")
        return
    stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(url))
    for service in ("", "inference.GRPCInferenceService", "tensorflow.serving.PredictionService"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service))
        check(f"health of {service!r}", answer.status == 1)
    refused("health of no service", "NOT_FOUND", lambda: stub.Check(health_pb2.HealthCheckRequest(service="no")))
    check("health watch", next(iter(stub.Watch(health_pb2.HealthCheckRequest()))).status == 1)


def reflection(url):
    try:
        from google.protobuf.descriptor_pool import DescriptorPool
        from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
    except ImportError:
        print("skipped: grpcio-reflection is not installed")
        return
    database = ProtoReflectionDescriptorDatabase(grpc.insecure_channel(url))
    services = database.get_services()
    pool = DescriptorPool(database)
    methods = {s: [m.name for m in pool.FindServiceByName(s).methods] for s in services}
    check("reflection", "ModelInfer" in methods["inference.GRPCInferenceService"] and "Predict" in methods["tensorflow.serving.PredictionService"], len(services))


def tensorflow(url):
    import tensorflow as tf
    from tensorflow_serving.apis import (
        classification_pb2, get_model_metadata_pb2, get_model_status_pb2, inference_pb2, model_management_pb2,
        model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc, regression_pb2,
    )

    channel = grpc.insecure_channel(url)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def predict(model, inputs, signature="", version=None, outputs=()):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        if version is not None:
            request.model_spec.version.value = version
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(value)
        request.output_filter.extend(outputs)
        return stub.Predict(request, 10.0)

    answer = predict("half-plus-two", {"x": tf.make_tensor_proto([2.0, 3.0, 4.0])})
    check("Predict half plus two", tf.make_ndarray(answer.outputs["y"]).tolist() == [3.0, 3.5, 4.0] and answer.model_spec.version.value == 1)
    constant = tf.make_tensor_proto(6.0, shape=[5])
    check("Predict of a constant", list(predict("half-plus-two", {"x": constant}).outputs["y"].float_val) == [5.0] * 5)
    for name, dtype in dtypes.items():
        value = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype) if name != "BYTES" else np.array([[b"a", b"", b"c"], [b"x" * 300, b"b", b"c"]], dtype=object)
        got = tf.make_ndarray(predict(f"identity-{name.lower()}", {"x": tf.make_tensor_proto(value)}).outputs["y"])
        check(f"Predict {name}", np.array_equal(got, value) and got.shape == (2, 3))
    with open(sys.argv[3] if len(sys.argv) > 3 else "examples/digits/7.png", "rb") as file:
        images = tf.make_tensor_proto([file.read()], shape=[1])
    # As the client of article 003: any output name, its float_val.
    answer = predict("digits", {"images": images}, "predict_images")
    (scores,) = answer.outputs.values()
    check("Predict predict_images", int(np.argmax(scores.float_val)) == 7, scores.tensor_shape.dim[1].size)
    x = {"x": tf.make_tensor_proto([1.0])}
    refused("Predict of no model", "NOT_FOUND", lambda: predict("no", x))
    refused("Predict of no signature", "FAILED_PRECONDITION", lambda: predict("half-plus-two", x, "no"))
    refused("Predict of no input", "INVALID_ARGUMENT", lambda: predict("half-plus-two", {"z": x["x"]}))
    refused("Predict of no output", "INVALID_ARGUMENT", lambda: predict("half-plus-two", x, outputs=["z"]))

    example = tf.train.Example(features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=[2.0]))}))
    regress = regression_pb2.RegressionRequest()
    regress.model_spec.name = "half-plus-two"
    regress.input.example_list.examples.append(example)
    check("Regress", [r.value for r in stub.Regress(regress).result.regressions] == [3.0])
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name = "half-plus-two"
    classify.input.example_list.examples.append(example)
    check("Classify", stub.Classify(classify).result.classifications[0].classes[0].score == 3.0)
    multi = inference_pb2.MultiInferenceRequest()
    task = multi.tasks.add()
    task.model_spec.name = "half-plus-two"
    task.method_name = "tensorflow/serving/regress"
    multi.input.example_list.examples.append(example)
    check("MultiInference", stub.MultiInference(multi).results[0].regression_result.regressions[0].value == 3.0)

    meta = get_model_metadata_pb2.GetModelMetadataRequest()
    meta.model_spec.name = "digits"
    meta.metadata_field.append("signature_def")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    stub.GetModelMetadata(meta).metadata["signature_def"].Unpack(signatures)
    check("GetModelMetadata", {"serving_default", "predict_images"} <= set(signatures.signature_def))
    service = model_service_pb2_grpc.ModelServiceStub(channel)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "digits"
    versions = service.GetModelStatus(status).model_version_status
    check("GetModelStatus", versions[0].state == get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    reload = model_management_pb2.ReloadConfigRequest()
    reload.config.model_config_list.config.add(name="digits", base_path="/models/digits", model_platform="tensorflow")
    refused("HandleReloadConfigRequest", "PERMISSION_DENIED", lambda: service.HandleReloadConfigRequest(reload))


def descriptors():
    """The fields of proto/ have the numbers and types of the clients' own descriptors."""
    import base64
    import re
    from pathlib import Path

    from google.protobuf import descriptor_pb2

    text = Path("src/grpc/descriptor-files.ts").read_text()
    ours = {}
    for body in re.findall(r"base64: \[(.*?)\]", text, re.S):
        file = descriptor_pb2.FileDescriptorProto()
        file.ParseFromString(base64.b64decode("".join(re.findall(r"'(.*?)'", body))))

        def walk(space, messages):
            for message in messages:
                full = f"{space}.{message.name}"
                ours[full] = {f.name: (f.number, f.type, f.label) for f in message.field}
                walk(full, message.nested_type)

        walk(file.package, file.message_type)
    pools = []
    for module in ("tritonclient.grpc.service_pb2", "tensorflow_serving.apis.prediction_service_pb2", "tensorflow_serving.apis.model_service_pb2", "grpc_health.v1.health_pb2", "grpc_reflection.v1alpha.reflection_pb2"):
        try:
            __import__(module)
        except ImportError:
            print(f"skipped: {module} is not installed")
    from google.protobuf import descriptor_pool

    pools.append(descriptor_pool.Default())
    known = 0
    for name, fields in ours.items():
        if name in ("tensorflow.serving.StatusProto",):
            continue
        try:
            theirs = pools[0].FindMessageTypeByName(name)
        except KeyError:
            continue
        known += 1
        for field, (number, kind, label) in fields.items():
            other = theirs.fields_by_name.get(field)
            repeated = other is not None and (other.is_repeated if hasattr(other, "is_repeated") else other.label == 3)
            same = other is not None and other.number == number and other.type == kind and (label == 3) == bool(repeated)
            if not same:
                check(f"{name}.{field}", False, f"{number} {kind}")
    check("descriptors", known > 0, f"{known} of {len(ours)} messages are known to the installed clients")


if sys.argv[1] == "descriptors":
    descriptors()
else:
    {"triton": triton, "tensorflow": tensorflow}[sys.argv[1]](sys.argv[2])
print(f"{sum(passed)} of {len(passed)} passed")
sys.exit(0 if all(passed) else 1)
