"""Article 004's model server: takes up to 32 pictures from the list every 250 ms. Environment: REDIS_PORT."""

import base64
import json
import os
import time

import numpy as np
import redis
from keras_resnet import load_model, top5

store = redis.Redis(port=int(os.environ["REDIS_PORT"]))
model = load_model()

while True:
    with store.pipeline() as pipe:
        pipe.lrange("image_queue", 0, 31)
        pipe.ltrim("image_queue", 32, -1)
        queue, _ = pipe.execute()
    if queue:
        rows = [json.loads(item) for item in queue]
        batch = np.stack(
            [np.frombuffer(base64.b64decode(row["image"]), "float32").reshape(224, 224, 3) for row in rows]
        )
        for row, scores in zip(rows, model.predict(batch, verbose=0)):
            store.set(row["id"], json.dumps(top5(scores)))
    time.sleep(0.25)
