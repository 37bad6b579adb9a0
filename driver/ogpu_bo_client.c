// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Who pays for buffers: accounts of open files.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/list.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"

/**
 * ogpu_mem_client_create() - make an account for a file that is being opened
 *
 * Return: it, with one reference, or NULL.
 */
struct ogpu_mem_client *ogpu_mem_client_create(void)
{
	struct ogpu_mem_client *client = kzalloc_obj(*client, GFP_KERNEL_ACCOUNT);

	if (!client)
		return NULL;

	kref_init(&client->ref);
	INIT_LIST_HEAD(&client->copies.works);
	client->user = get_uid(current_user());
	client->memlock = capable(CAP_IPC_LOCK) ? ULONG_MAX : rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	return client;
}

/**
 * ogpu_mem_client_get() - take a reference
 * @client: the account, or NULL
 *
 * Return: @client.
 */
struct ogpu_mem_client *ogpu_mem_client_get(struct ogpu_mem_client *client)
{
	if (client)
		kref_get(&client->ref);

	return client;
}

static void ogpu_mem_client_release(struct kref *ref)
{
	struct ogpu_mem_client *client = container_of(ref, struct ogpu_mem_client, ref);

	free_uid(client->user);
	kfree(client);
}

/**
 * ogpu_mem_client_put() - drop a reference
 * @client: the account, or NULL
 *
 * Any context.
 */
void ogpu_mem_client_put(struct ogpu_mem_client *client)
{
	if (client)
		kref_put(&client->ref, ogpu_mem_client_release);
}

/**
 * ogpu_mem_client_pin() - memory is locked for the sake of other devices
 * @client: who made the buffer
 * @size: bytes
 *
 * Return: 0; -ENOMEM: the user would have locked more than he may (RLIMIT_MEMLOCK).
 */
int ogpu_mem_client_pin(struct ogpu_mem_client *client, u64 size)
{
	unsigned long pages = size >> PAGE_SHIFT;
	unsigned long locked = atomic_long_add_return(pages, &client->user->locked_vm);

	if (locked <= client->memlock)
		return 0;
	atomic_long_sub(pages, &client->user->locked_vm);

	return -ENOMEM;
}

/**
 * ogpu_mem_client_unpin() - undo ogpu_mem_client_pin()
 * @client: who made the buffer
 * @size: bytes
 */
void ogpu_mem_client_unpin(struct ogpu_mem_client *client, u64 size)
{
	atomic_long_sub(size >> PAGE_SHIFT, &client->user->locked_vm);
}
