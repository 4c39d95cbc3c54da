"""`kerasfast kaggle`: data and submissions of competitions."""

import argparse

from kerasfast.cli.options import Commands, answer, command

EXAMPLES = """
kerasfast kaggle download dog-breed-identification breeds
kerasfast kaggle submit dog-breed-identification run/submission.csv.gz -m "EfficientNet, 3 epochs"
"""
MORE = "Uses Kaggle's own client (extra `kaggle`) and your API token; competitions want their rules accepted first."


def add(commands: Commands) -> None:
    """Add the command."""
    kaggle = command(commands, "kaggle", "download a competition's data, or hand in", run, more=MORE, examples=EXAMPLES)
    actions = kaggle.add_subparsers(dest="action", required=True, metavar="download | submit")
    download = actions.add_parser("download", help="download the data and unpack it")
    download.add_argument("competition", help="its name in the address of its page")
    download.add_argument("folder", metavar="DIR", help="where the files go")
    submit = actions.add_parser("submit", help="hand in a submission")
    submit.add_argument("competition", help="its name in the address of its page")
    submit.add_argument("file", metavar="FILE", help="the submission")
    submit.add_argument("-m", "--message", default="", help="a note on it (default: the file's name)")


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from kerasfast import competitions

    if options.action == "download":
        files = competitions.download(options.competition, options.folder)
        text = f"{len(files)} files in {options.folder}. Next: kerasfast train {options.folder}"
        answer(options, {"files": [str(file) for file in files]}, text)
        return 0
    message = competitions.submit(options.competition, options.file, options.message)
    answer(options, {"message": message}, message)
    return 0
