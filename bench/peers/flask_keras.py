"""Article 000's stack: Flask's own development server in front of a Keras model. Arguments: port."""

import sys

import flask
from keras_resnet import load_model, prepare, top5

app = flask.Flask(__name__)
model = load_model()


@app.post("/predict")
def predict():
    image = flask.request.files["image"].read()
    scores = model.predict(prepare(image), verbose=0)[0]
    return {"predictions": top5(scores), "success": True}


app.run(port=int(sys.argv[1]))
