/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What a work-item sees: instruction set, start state, apertures, control registers.
 *
 * A work-item is an RV64IMAFDC hart in user mode (lp64d ABI) with a flat 64-bit address space.
 * Addresses below 2^48 go through the MMU. Local memory (shared by the workgroup, on-chip) and
 * private memory (of the one work-item, in the save area) lie in apertures above. At its start pc
 * is the dispatch's entry, a0 its args, sp the end of private memory, ra OGPU_CU_EXIT; all other
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
#define OGPU_CSR_LANE		0xcd0	/* number of this work-item in its wave */
#define OGPU_CSR_LANES		0xcd1	/* work-items in a full wave */

/*
 * Wave operations: R-type instructions in the opcode space custom-0, funct7 is the operation. Each
 * waits until no lane of the wave can go on without one. Then of the lanes that wait at another
 * than a barrier those at the lowest pc do theirs together, and are its active lanes; if there are
 * none, all that wait at wave barriers go on, wherever these are.
 */
#define OGPU_WAVE_OPCODE	0x0b
#define OGPU_WAVE_BARRIER	0x00	/* rd, rs1 and rs2 are x0 */
#define OGPU_WAVE_BALLOT	0x01	/* bit n: lane n is active and its rs1 is not 0 */
#define OGPU_WAVE_FIRST		0x02	/* rs1 of the lowest active lane */
#define OGPU_WAVE_SHUFFLE	0x03	/* rs1 of lane rs2 modulo lanes; not active: the own rs1 */
#define OGPU_WAVE_ADD		0x10	/* of rs1 of all active lanes; funct3 is the type */
#define OGPU_WAVE_MIN		0x11
#define OGPU_WAVE_MAX		0x12

/* funct3 of the last three, 0 for the others. Results of 32 bits are sign-extended. */
#define OGPU_WAVE_U32		0
#define OGPU_WAVE_S32		1
#define OGPU_WAVE_F32		2	/* bits in integer registers; sums go in lane order */
#define OGPU_WAVE_U64		3

/*
 * Instruction set: what the stock compiler takes as -march (libogpu.pc says the same), and what
 * there is besides.
 */
#define OGPU_CU_MARCH	"rv64gc_zba_zbb_zicond_zfh"
#define OGPU_CU_ISA	"rv64imafdc_zicsr_zifencei_zba_zbb_zicond_zfbfmin_zfh_xogpuwave"

#endif
