// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Lane operations for x86-64 hosts with AVX-512. */
#ifdef __x86_64__

#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")

#define CU_VEC_NAME	cu_vec_v4
#define CU_VEC_TEXT	"x86-64-v4"
#include "cu_vec_impl.h"

#endif
