"""Article 004's web server: pictures go onto a Redis list as base64 tensors, answers are polled for.

Environment: REDIS_PORT."""

import asyncio
import base64
import json
import os
import uuid

import redis
from fastapi import FastAPI, File, HTTPException
from keras_resnet import prepare

app = FastAPI()
store = redis.Redis(port=int(os.environ["REDIS_PORT"]))


@app.post("/predict")
async def predict(img_file: bytes = File(...)):
    key = str(uuid.uuid4())
    pixels = prepare(img_file).astype("float32").tobytes()
    store.rpush("image_queue", json.dumps({"id": key, "image": base64.b64encode(pixels).decode()}))
    for _ in range(100):
        await asyncio.sleep(0.25)
        answer = store.get(key)
        if answer is not None:
            store.delete(key)
            return {"success": True, "predictions": json.loads(answer)}
    raise HTTPException(400, "no answer in time")
