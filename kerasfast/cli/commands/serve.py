"""`kerasfast serve`: a trained model behind HTTP."""

import argparse

from kerasfast.basics.quiet import start_tensorflow
from kerasfast.cli.models import IMAGE, add_model, open_model
from kerasfast.cli.options import Commands, command

EXAMPLES = """
kerasfast serve pets.kerasfast
curl -F pictures=@cat.jpg -F pictures=@dog.jpg http://127.0.0.1:8000/predict
curl --data-binary @cat.jpg http://127.0.0.1:8000/predict
curl -F table=@new_rows.csv http://127.0.0.1:8000/predict
curl --json '{"rooms": 4, "town": "Lund"}' http://127.0.0.1:8000/predict
"""
MORE = (
    "GET / is a page to try it, GET /health says what is served, POST /predict takes pictures, or rows as "
    "JSON or CSV where the model is of a table. Pictures that arrive together are predicted together. Needs the extra "
    "`serve`."
)


def add(commands: Commands) -> None:
    """Add the command."""
    serve = command(commands, "serve", "serve a model over HTTP", run, more=MORE, examples=EXAMPLES)
    add_model(serve)
    serve.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for all of the network (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    serve.add_argument(
        "--max-megabytes", type=float, default=20.0, metavar="N", help="of a request (default: %(default)s)"
    )
    serve.add_argument(
        "--max-rows", type=int, default=100_000, metavar="N", help="of a table in a request (default: %(default)s)"
    )
    serve.add_argument("--max-pictures", type=int, default=32, metavar="N", help="of a request (default: %(default)s)")
    serve.add_argument("--runtime", choices=("keras", "onnx"), default="keras", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    try:
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise ImportError(f"Serving needs {error.name}: pip install 'kerasfast[serve]'.") from error
    start_tensorflow(compute=True)
    kind, predictor = open_model(options.model, runtime=options.runtime)
    most = int(options.max_megabytes * 1e6)
    if kind == IMAGE:
        from kerasfast.serve.app import picture_app

        app = picture_app(predictor, most_bytes=most, most_pictures=options.max_pictures)
    else:
        from kerasfast.serve.table_app import table_app

        app = table_app(predictor, most_bytes=most, most_rows=options.max_rows)
    print(f"Serving {predictor.model.name} at http://{options.host}:{options.port} (Ctrl-C stops it).", flush=True)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")
    return 0
