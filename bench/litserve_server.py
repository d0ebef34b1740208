"""LitServe with a Keras model and its batching, in whichever environment has LitServe.

python -m bench.litserve_server PORT
"""

import sys
from typing import Any

import litserve

from bench.engine_servers import BATCH_SIZE, KerasModel
from earthgql.models.protocol import Scores

BATCH_TIMEOUT_S = 0.05


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002
        self.keras = KerasModel()

    def decode_request(self, request: dict[str, str]) -> Any:
        return self.keras.read(request["place"])

    def batch(self, inputs: list[Any]) -> list[Any]:
        return list(inputs)

    def predict(self, x: Any) -> Scores:
        return self.keras.scores(x)

    def unbatch(self, output: Scores) -> list[Any]:
        return list(output)

    def encode_response(self, output: Any) -> dict[str, list[float]]:
        return {"scores": output.tolist()}


if __name__ == "__main__":
    api = Api(max_batch_size=BATCH_SIZE, batch_timeout=BATCH_TIMEOUT_S)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, timeout=300)
    server.run(
        port=int(sys.argv[1]), host="127.0.0.1", log_level="error", generate_client_file=False
    )
