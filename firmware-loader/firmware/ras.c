// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What the host asks of a card that is to last: counters of errors, a spare page in place of a bad
 * one, no way back behind a security version. Errors go into the log as they come.
 */
#include "ras.h"

#include "clock.h"
#include "hw.h"
#include "log.h"

#define PAGE		4096u

/* Errors must not keep us from work, nor push all else out of the log: so many in a time. */
#define LOG_AT_ONCE	4
#define LOG_EVERY_NS	(50 * NS_PER_MS)

static const char * const block_names[OGPU_RAS_BLOCKS] = {
	[OGPU_RAS_VRAM] = "VRAM",
	[OGPU_RAS_CACHE] = "cache",
	[OGPU_RAS_UNIT] = "compute units",
	[OGPU_RAS_MC] = "management core",
	[OGPU_RAS_LINK] = "link",
};

static bool records;		/* there may be some */
static uint64_t next_log;	/* none before */

/**
 * ras_look() - there may be new records
 */
void ras_look(void)
{
	records = true;
}

/**
 * ras_deadline() - when to call ras_run() again although nothing changes
 *
 * Return: a time, CLOCK_NEVER if there are no records.
 */
uint64_t ras_deadline(void)
{
	return records ? next_log : CLOCK_NEVER;
}

/**
 * ras_run() - put new records into the log
 * @now: time
 */
void ras_run(uint64_t now)
{
	uint32_t record, block, i;

	if (!records || now < next_log)
		return;
	next_log = now + LOG_EVERY_NS;
	for (i = 0; i < LOG_AT_ONCE; i++) {
		record = hw_read(OGPU_MC_RAS_RECORD);
		if (!(record & OGPU_RAS_RECORD_VALID)) {
			records = false;
			return;
		}
		block = FIELD_GET(OGPU_RAS_RECORD_BLOCK, record);
		log_line("%s error in %s at 0x%llx%s",
			 FIELD_GET(OGPU_RAS_RECORD_SEVERITY, record) == OGPU_RAS_SEV_CORRECTED ?
			 "corrected" : "uncorrectable",
			 block < OGPU_RAS_BLOCKS ? block_names[block] : "unknown block",
			 (unsigned long long)hw_read64(OGPU_MC_RAS_ADDR_LO),
			 record & OGPU_RAS_RECORD_LOST ? ", records before it were lost" : "");
	}
}

static enum ogpu_msg_status retire(uint64_t addr)
{
	hw_write64(OGPU_MC_RETIRE_LO, addr);
	hw_write(OGPU_MC_RETIRE, 1);
	switch (hw_read(OGPU_MC_RETIRE)) {
	case OGPU_RETIRE_OK:
		log_line("page 0x%llx of VRAM retired", (unsigned long long)addr);
		return OGPU_MSG_OK;
	case OGPU_RETIRE_NO_SPARE:
		return OGPU_MSG_ENOSPC;
	default:
		return OGPU_MSG_EINVAL;
	}
}

/**
 * ras_request() - tell the counters of a block, or retire a page
 * @query: the request
 * @answer: filled in, all of it
 */
enum ogpu_msg_status ras_request(const struct ogpu_msg_ras_query *query,
				 struct ogpu_msg_ras *answer)
{
	enum ogpu_msg_status status = OGPU_MSG_OK;
	uint32_t base;

	if (query->op > OGPU_RAS_OP_RETIRE || query->block >= OGPU_RAS_BLOCKS ||
	    (query->op == OGPU_RAS_OP_QUERY && query->addr) ||
	    (query->op == OGPU_RAS_OP_RETIRE && (query->block || query->addr % PAGE)))
		return OGPU_MSG_EINVAL;
	if (query->op == OGPU_RAS_OP_RETIRE)
		status = retire(query->addr);

	base = OGPU_MC_RAS_BLOCK(query->block);
	answer->block = query->block;
	answer->corrected = hw_read(base + OGPU_RAS_CORRECTED);
	answer->uncorrected = hw_read(base + OGPU_RAS_UNCORRECTED);
	answer->deferred = hw_read(base + OGPU_RAS_DEFERRED);
	answer->addr = hw_read64(base + OGPU_RAS_ADDR_LO);
	answer->queue = hw_read(base + OGPU_RAS_QUEUE);
	answer->spares = hw_read(OGPU_MC_SPARES);
	return status;
}

/**
 * svn_commit() - raise the fuse counter of the security version
 * @request: to what
 * @answer: filled in: what it is now
 */
enum ogpu_msg_status svn_commit(const struct ogpu_msg_svn *request, struct ogpu_msg_svn *answer)
{
	if (request->rsvd || request->svn > hw_read(OGPU_MC_SVN))
		return OGPU_MSG_EINVAL;
	hw_write(OGPU_MC_FUSE_SVN, request->svn);
	answer->svn = hw_read(OGPU_MC_FUSE_SVN);
	if (answer->svn < request->svn)
		return OGPU_MSG_EHW;
	log_line("no firmware below security version %lu any more", answer->svn);
	return OGPU_MSG_OK;
}
