/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A small vfio-user client that starts ogpu-vgpu and plays QEMU.
 *
 * Functions assert by cmocka; those that return an int give the error of the server's answer.
 */
#ifndef OGPU_TEST_VGPU_CLIENT_H
#define OGPU_TEST_VGPU_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "abi/regs.h"
#include "discovery.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define ROOT_KEY_SIZE	32
#define SECRET_KEY_SIZE	64

struct server {
	pid_t pid;
	char dir[64];
	char socket[96], control[96], key[96];
	uint8_t public_key[ROOT_KEY_SIZE], secret_key[SECRET_KEY_SIZE];
	int conn;		/* of the client, -1 if not connected */
	int ctl;		/* control socket, -1 if not connected */
	uint16_t next_id;
	int last_fd;		/* came with the last reply, -1 if none */
	uint8_t *vram;		/* BAR 2, mapped, NULL if not */
	size_t vram_size;
};

/* Options that follow the usual ones, ended by NULL; may be NULL. */
void server_start(struct server *s, const char *const *options);
int server_wait(struct server *s);	/* exit status after it ends on its own */
int server_stop(struct server *s);	/* SIGTERM, then server_wait() */

void client_connect(struct server *s);		/* without negotiation */
void client_disconnect(struct server *s);
void client_negotiate(struct server *s);
void client_map_vram(struct server *s);
void client_send_raw(struct server *s, const void *data, size_t size);
bool client_is_closed(struct server *s);	/* waits until the server hangs up */
int client_request(struct server *s, uint16_t command, const void *body, size_t size,
		   const int *fds, unsigned int fd_count, void *reply, size_t reply_size);

int client_read(struct server *s, uint32_t region, uint64_t offset, void *buf, uint32_t size);
int client_write(struct server *s, uint32_t region, uint64_t offset, const void *buf,
		 uint32_t size);
/* A write that nobody answers; of at most 32 bytes. */
void client_post(struct server *s, uint32_t region, uint64_t offset, const void *buf,
		 uint32_t size);
uint32_t reg_read(struct server *s, uint32_t offset);
void reg_write(struct server *s, uint32_t offset, uint32_t value);
uint32_t config_read(struct server *s, uint32_t offset, uint32_t size);
void config_write(struct server *s, uint32_t offset, uint32_t value, uint32_t size);
unsigned int config_find_cap(struct server *s, unsigned int id);	/* 0: none */

int dma_map(struct server *s, uint64_t addr, uint64_t size, uint32_t flags, int fd,
	    uint64_t offset);
int dma_unmap(struct server *s, uint64_t addr, uint64_t size, uint32_t flags);
int set_irq_fd(struct server *s, uint32_t vector, int fd);

/* One command of the control socket; the answer, a cJSON object, is the caller's to delete. */
struct cJSON *control(struct server *s, const char *line);
bool control_ok(struct server *s, const char *line);

enum {
	CMD_VERSION = 1, CMD_DMA_MAP, CMD_DMA_UNMAP, CMD_GET_INFO, CMD_GET_REGION_INFO,
	CMD_GET_IRQ_INFO = 7, CMD_SET_IRQS, CMD_REGION_READ, CMD_REGION_WRITE, CMD_RESET = 13,
};

#define REGION_CONFIG	7

#endif
