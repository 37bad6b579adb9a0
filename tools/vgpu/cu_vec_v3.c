// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Lane operations for x86-64 hosts with AVX2 and FMA. */
#ifdef __x86_64__

#pragma GCC target("arch=x86-64-v3")
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")

#define CU_VEC_NAME	cu_vec_v3
#define CU_VEC_TEXT	"x86-64-v3"
#include "cu_vec_impl.h"

#endif
