// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Instruction fetch of the compute units.
 *
 * Each unit keeps copies of code pages together with their decoded instructions. Whether a copy is
 * still what memory holds is looked up once in each epoch; an epoch ends with a fence.i and, if
 * the card is not strict, with a dispatch and whenever translations or pointers are dropped. If it
 * is, a copy stays until an invalidation or a CACHE packet with CODE names its page. What has been
 * decoded survives as long as the bytes are the same.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/cu.h"
#include "cu.h"
#include "engines.h"

/* In instructions that take as long at most. */
#define COST_COMPARE	8	/* of a page of code with its copy */
#define COST_COPY	32	/* and of what has been decoded */

static bool fetch_fault(struct cu *cu, uint64_t pc)
{
	enum ogpu_fault_reason reason = OGPU_FAULT_VA_RANGE;

	if (pc >= OGPU_CU_LOCAL_BASE && pc < OGPU_CU_EXIT)
		reason = OGPU_FAULT_APERTURE;
	return cu_fault(cu, pc, OGPU_ACCESS_EXEC, reason);
}

/* Make sure that the copy is what memory holds. */
static bool compare(struct cu *cu, struct cu_code *code, uint64_t pc)
{
	uint64_t start = pc & ~(uint64_t)(MMU_PAGE - 1);
	uint64_t since = engines_code_count(vgpu_engines(cu->gpu));
	struct mmu_page page;

	if (pc >> OGPU_VA_BITS)
		return fetch_fault(cu, pc);
	if (!mmu_translate(&cu->mmu, start, OGPU_ACCESS_EXEC, &page, &cu->error.fault)) {
		cu->error.error = OGPU_QERR_MEMORY;
		cu->error.fault.va = pc;
		return false;
	}
	cu->budget -= mmu_take_work(&cu->mmu) + COST_COMPARE;
	if (memcmp(code->raw, page.host, MMU_PAGE)) {
		cu->budget -= COST_COPY;
		memcpy(code->raw, page.host, MMU_PAGE);
		memset(code->insn, 0, CU_PAGE_INSNS * sizeof(code->insn[0]));
		code->written = 0;
	}
	code->page = pc >> 12;
	code->asid = cu->mmu.asid;
	code->since = since;
	code->epoch = cu->code_epoch;
	return true;
}

/**
 * cu_code_begin() - A dispatch begins on the unit, or goes on.
 * @cu: unit, with the address space of the dispatch
 */
void cu_code_begin(struct cu *cu)
{
	struct engines *eng = vgpu_engines(cu->gpu);

	if (!cu->strict) {
		cu->code_epoch++;
		return;
	}
	for (unsigned int i = 0; i < CU_CODE_PAGES; i++) {
		struct cu_code *code = cu->code[i];

		if (code && code->asid == cu->mmu.asid &&
		    engines_code_dropped(eng, code->asid, code->page << 12, &code->since))
			code->epoch = 0;
	}
}

static bool invalidated(const struct cu *cu, const struct tlbi_log *log,
			const struct cu_code *code)
{
	const uint64_t va = code->page << 12;

	if (log->count - cu->code_tlbis > TLBI_LOG)
		return true;
	for (uint64_t n = cu->code_tlbis; n != log->count; n++)
		if (tlbi_covers(&log->entry[n % TLBI_LOG], code->asid, va, va + MMU_PAGE - 1))
			return true;
	return false;
}

/**
 * cu_code_enter() - The unit is in the memory bracket again, and something had to be dropped.
 * @cu: unit, inside the memory bracket
 */
void cu_code_enter(struct cu *cu)
{
	const struct tlbi_log *log = vgpu_mem_tlbi_log(cu->gpu);

	if (!cu->strict)
		cu->code_epoch++;
	for (unsigned int i = 0; i < CU_CODE_PAGES; i++)
		if (cu->code[i] && invalidated(cu, log, cu->code[i]))
			cu->code[i]->epoch = 0;
	cu->code_tlbis = log->count;
}

/**
 * cu_code_page() - The decoded page that holds an instruction.
 * @cu: unit, inside the memory bracket
 * @pc: address of the instruction
 *
 * Return: NULL with cu->error set if it cannot be executed.
 */
struct cu_code *cu_code_page(struct cu *cu, uint64_t pc)
{
	struct cu_code **slot = &cu->code[(pc >> 12) % CU_CODE_PAGES];
	struct cu_code *code = *slot;

	if (!code) {
		code = calloc(1, sizeof(*code));
		if (!code) {
			cu->error.error = OGPU_QERR_ENGINE;
			return NULL;
		}
		code->insn[CU_PAGE_INSNS].op = CU_PAGE_END;
		*slot = code;
	}
	if (code->page != pc >> 12 || code->asid != cu->mmu.asid ||
	    code->epoch != cu->code_epoch) {
		code->epoch = 0;
		if (!compare(cu, code, pc))
			return NULL;
	}
	cu->dirty |= code->written;
	return code;
}

static void note_register(struct cu *cu, struct cu_code *code, const struct cu_insn *insn)
{
	if (insn->rd == CU_REG_SINK)
		return;
	code->written |= 1ull << insn->rd;
	cu->dirty |= 1ull << insn->rd;
}

/**
 * cu_code_decode() - Decode an instruction at its first use.
 * @cu: unit
 * @code: page that holds @pc
 * @pc: address of the instruction
 *
 * Return: the instruction, with an op other than CU_UNKNOWN.
 */
struct cu_insn *cu_code_decode(struct cu *cu, struct cu_code *code, uint64_t pc)
{
	uint32_t offset = pc & (MMU_PAGE - 1), word = 0;
	struct cu_insn *insn = &code->insn[offset / 2];

	if (offset + 4 <= MMU_PAGE)
		memcpy(&word, code->raw + offset, 4);
	else
		memcpy(&word, code->raw + offset, 2);
	if ((word & 3) == 3 && offset + 4 > MMU_PAGE) {
		insn->op = CU_SPLIT;
		return insn;
	}
	cu_decode(insn, word);
	note_register(cu, code, insn);
	return insn;
}

/**
 * cu_code_decode_split() - Decode an instruction that lies on two pages.
 * @cu: unit
 * @code: page that holds the first half
 * @pc: address of the instruction
 *
 * Return: the instruction, good until the next call; NULL with cu->error set if the second half
 * cannot be fetched.
 */
struct cu_insn *cu_code_decode_split(struct cu *cu, struct cu_code *code, uint64_t pc)
{
	uint16_t low, high;
	struct cu_code *next;

	memcpy(&low, code->raw + MMU_PAGE - 2, 2);
	next = cu_code_page(cu, pc + 2);
	if (!next)
		return NULL;
	memcpy(&high, next->raw, 2);
	cu_decode(&cu->split, (uint32_t)high << 16 | low);
	note_register(cu, next, &cu->split);
	return &cu->split;
}
