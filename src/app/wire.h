/* SPDX-License-Identifier: MIT */
/* wire.h - moved to flow/wire.h, so that the doors may use it. Include that one. */
#pragma once
#include "flow/wire.h"
