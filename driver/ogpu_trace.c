// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The code of the tracepoints (ogpu_trace.h).
 */
#ifndef __CHECKER__
#define CREATE_TRACE_POINTS
#include "ogpu_trace.h"
#endif
