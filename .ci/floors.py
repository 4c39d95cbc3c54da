"""Print every `name>=version` of setup.cfg as `name==version`: the constraints of the lowest supported environment."""

import configparser
import pathlib
import re

settings = configparser.ConfigParser()
settings.read(pathlib.Path(__file__).resolve().parents[1] / "setup.cfg", encoding="utf-8")
extras = settings["options.extras_require"]
lists = [settings["options"]["install_requires"], *(extras[name] for name in extras if name not in ("dev", "test"))]
floors = {}
for line in "\n".join(lists).split("\n"):
    if found := re.match(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)", line.strip()):
        name, version = found.groups()
        if floors.setdefault(name, version) != version:
            raise SystemExit(f"setup.cfg declares two floors for {name}: {floors[name]} and {version}.")
print(*(f"{name}=={version}" for name, version in sorted(floors.items())), sep="\n")
