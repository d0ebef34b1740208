"""What `make bench` runs: `python -m bench NAME --help`."""

import importlib
import sys

BENCHMARKS = {
    "encodings": "ways to write scores into an answer: sizes, times to write and to read",
    "catalog": "look-ups among a million tiles, against bare SQL",
    "engines": "cold tiles, against Flask with Keras, LitServe, TensorFlow and OpenVINO's own",
    "flow": "requests that come together: batches, clicks under a viewport, classifying ahead",
    "warm": "stored answers over HTTP, against a floor, bare Strawberry and tipg",
}


def main() -> None:
    names = sys.argv[1:2]
    if not names or names[0] not in BENCHMARKS:
        print("usage: python -m bench NAME [--help]\n")
        for name, what in BENCHMARKS.items():
            print(f"  {name:10} {what}")
        sys.exit(0 if names in ([], ["--help"], ["-h"]) else 2)
    importlib.import_module(f"bench.{names[0]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
