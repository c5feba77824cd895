/*
 * The backend of hosts that have no emitter, and of builds with floating point
 * in software: it emits nothing. The interpreter, which runs the same
 * micro-ops threaded, is the engine there (jit_available() is false).
 */
#include "jit/jit.h"

const struct backend backend_portable = {.name = "portable"};
