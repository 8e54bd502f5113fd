/* moved to src/flow/wire.c: edit it there; this file is removed soon and is not compiled */
