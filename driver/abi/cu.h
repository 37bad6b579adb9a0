/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What a work-item sees: instruction set, start state, apertures, control registers.
 *
 * A work-item is an RV64IMAFDC hart in user mode (lp64d ABI) with a flat 64-bit address space.
 * Addresses below 2^48 go through the MMU. Local memory (shared by the workgroup) and private
 * memory (of the one work-item) are on-chip and lie in apertures above. At its start pc is the
 * dispatch's entry, a0 its args, sp the end of private memory, ra OGPU_CU_EXIT; all other
 * registers are zero. Jumping to OGPU_CU_EXIT ends the work-item. ecall is the workgroup barrier:
 * it waits until every work-item of the group that has not ended has reached a barrier, and makes
 * the memory accesses before it visible to the group. ebreak stops the queue with OGPU_QERR_TRAP.
 */
#ifndef _OGPU_ABI_CU_H_
#define _OGPU_ABI_CU_H_

#define OGPU_CU_LOCAL_BASE	0x0001000000000000
#define OGPU_CU_PRIVATE_BASE	0x0002000000000000
#define OGPU_CU_EXIT		0x0003000000000000

/* Read-only control registers, readable with csrr. */
#define OGPU_CSR_GLOBAL_ID_X	0xcc0	/* group id * group size + local id */
#define OGPU_CSR_GLOBAL_ID_Y	0xcc1
#define OGPU_CSR_GLOBAL_ID_Z	0xcc2
#define OGPU_CSR_LOCAL_ID_X	0xcc3
#define OGPU_CSR_LOCAL_ID_Y	0xcc4
#define OGPU_CSR_LOCAL_ID_Z	0xcc5
#define OGPU_CSR_GROUP_ID_X	0xcc6
#define OGPU_CSR_GROUP_ID_Y	0xcc7
#define OGPU_CSR_GROUP_ID_Z	0xcc8
#define OGPU_CSR_LOCAL_SIZE_X	0xcc9
#define OGPU_CSR_LOCAL_SIZE_Y	0xcca
#define OGPU_CSR_LOCAL_SIZE_Z	0xccb
#define OGPU_CSR_NUM_GROUPS_X	0xccc
#define OGPU_CSR_NUM_GROUPS_Y	0xccd
#define OGPU_CSR_NUM_GROUPS_Z	0xcce
#define OGPU_CSR_LOCAL_BYTES	0xccf	/* local memory of this dispatch */

#endif
