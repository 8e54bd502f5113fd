# SPDX-License-Identifier: MIT
"""embed.py OUTPUT NAME=FILE...: a C header with each file's bytes as `static const char NAME[]`."""

import sys


def main() -> None:
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write("/* Made by scripts/embed.py; do not edit. */\n#pragma once\n")
        for pair in sys.argv[2:]:
            name, path = pair.split("=", 1)
            with open(path, "rb") as file:
                data = file.read()
            out.write(f"static const char {name}[] = {{\n")
            for start in range(0, len(data), 20):
                row = data[start : start + 20]
                out.write(",".join(str(byte - 256 if byte > 127 else byte) for byte in row) + ",\n")
            out.write("};\n")


if __name__ == "__main__":
    main()
