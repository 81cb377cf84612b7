"""tritonclient and tensorflow-serving-api change what a server serves: by hand, never in .ci/run.

  pip install "tritonclient[http,grpc]==2.73.0" tensorflow-serving-api==2.21.0
  MODELS=$(mktemp -d); tools/node24 -e "import('./test/models/plus.ts').then(({ writePlus }) => {
    for (const version of [1, 2]) writePlus('$MODELS/plus', version);
    writePlus('$MODELS/other', 5);
  })"
  bin/modelship serve $MODELS --model-control explicit
  python scripts/clients/model_control.py $MODELS

The two packages may be in two environments: what cannot be imported is left out, and said so.
"""

import json
import sys

models = sys.argv[1]


def check(what, holds):
    print("ok" if holds else "WRONG", what)
    if not holds:
        sys.exit(1)


def refused(what, call, text):
    try:
        call()
    except Exception as error:  # each client has its own
        check(f"{what} is refused: {error}", text in str(error))
    else:
        check(f"{what} is refused", False)


def load_with_configuration(name, client, config_of):
    def load(**config):
        client.load_model("plus", config=json.dumps(config))

    load(backend="onnxruntime", version_policy={"specific": {"versions": [1]}})
    check(f"{name}: version 1 alone", client.is_model_ready("plus", "1") and not client.is_model_ready("plus", "2"))
    config = config_of(client)
    load(**config)
    load(**{**config, "instance_group": [{"kind": "KIND_CPU", "count": 2}]})
    check(f"{name}: what it says of itself, changed", client.is_model_ready("plus", "1"))
    refused(f"{name}: a batch of -1", lambda: load(max_batch_size=-1), "parameters.config: max_batch_size")
    refused(f"{name}: optimization", lambda: load(optimization={}), '"optimization"')
    files = {"file:1/model.onnx": b"abc"}
    refused(f"{name}: files", lambda: client.load_model("plus", config="{}", files=files), "file:1/model.onnx")
    client.unload_model("plus")
    check(f"{name}: unloaded", not client.is_model_ready("plus"))
    client.load_model("plus")
    check(f"{name}: without a configuration the newest", client.is_model_ready("plus", "2"))


def reload_configuration():
    import grpc
    from google.protobuf import text_format
    from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

    stub = model_service_pb2_grpc.ModelServiceStub(grpc.insecure_channel("localhost:9000"))

    def reload(config):
        request = model_management_pb2.ReloadConfigRequest()
        text_format.Parse("config { model_config_list { config { %s } } }" % config, request)
        return stub.HandleReloadConfigRequest(request, 60)

    named = 'name: "plus" model_platform: "tensorflow"'
    refused("tfs: the root itself", lambda: reload(f'{named} base_path: "{models}"'), "holds several models")
    versions = "model_version_policy { specific { versions: 1 versions: 2 } }"
    label = 'version_labels { key: "stable" value: 1 }'
    answer = reload(f'{named} base_path: "{models}/plus" {versions} {label}')
    check("tfs: a label and two versions", answer.status.error_code == 0)


try:
    import tritonclient.grpc
    import tritonclient.http
except ImportError:
    print("left out: tritonclient is not installed")
else:
    http = tritonclient.http.InferenceServerClient("localhost:8080")
    load_with_configuration("http", http, lambda c: c.get_model_config("plus"))
    grpc_client = tritonclient.grpc.InferenceServerClient("localhost:9000")
    load_with_configuration("grpc", grpc_client, lambda c: c.get_model_config("plus", as_json=True)["config"])

try:
    reload_configuration()
except ImportError:
    print("left out: tensorflow-serving-api is not installed")
