// SPDX-License-Identifier: MIT
/* Finding, opening and querying cards. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

/* Render nodes: their numbers. */
#define FIRST_NODE	128
#define MAX_NODES	64

struct ogpu_device {
	int fd;
	char pci[32];
	struct drm_ogpu_query_device info;
};

int ogpu_ioctl(const struct ogpu_device *dev, unsigned long request, void *arg)
{
	return drmIoctl(dev->fd, request, arg) ? -errno : 0;
}

/* 0 if the file is an ogpu device whose uapi we speak. */
static int check_version(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	int ret = 0;

	if (!version)
		return -EINVAL;
	if (strcmp(version->name, "ogpu"))
		ret = -EINVAL;
	else if (version->version_major != DRM_OGPU_VERSION_MAJOR)
		ret = -EPROTO;
	drmFreeVersion(version);
	return ret;
}

static void pci_address(char *text, size_t size, const drmDevicePtr drm)
{
	if (drm->bustype == DRM_BUS_PCI)
		snprintf(text, size, "%04x:%02x:%02x.%x", drm->businfo.pci->domain,
			 drm->businfo.pci->bus, drm->businfo.pci->dev, drm->businfo.pci->func);
}

static void read_pci_address(struct ogpu_device *dev)
{
	drmDevicePtr drm;

	if (drmGetDevice2(dev->fd, 0, &drm))
		return;
	pci_address(dev->pci, sizeof(dev->pci), drm);
	drmFreeDevice(&drm);
}

static int open_node(const char *node, struct ogpu_device **out)
{
	struct ogpu_device *dev;
	int ret;

	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;

	dev->fd = open(node, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0) {
		ret = -errno;
		goto err_free;
	}
	ret = check_version(dev->fd);
	if (ret)
		goto err_close;
	ret = ogpu_query(dev, DRM_OGPU_QUERY_DEVICE, &dev->info, sizeof(dev->info));
	if (ret)
		goto err_close;
	read_pci_address(dev);
	*out = dev;
	return 0;

err_close:
	close(dev->fd);
err_free:
	free(dev);
	return ret;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct ogpu_card *)a)->pci_address,
		      ((const struct ogpu_card *)b)->pci_address);
}

/* Render nodes of all drivers, as /sys tells them. Returns their number, 0 also without /sys. */
static int find_nodes(struct ogpu_card *cards)
{
	drmDevicePtr list[MAX_NODES];
	int i, devices, count = 0;

	devices = drmGetDevices2(0, list, MAX_NODES);
	for (i = 0; i < devices; i++) {
		struct ogpu_card *card = &cards[count];

		if (!(list[i]->available_nodes & (1 << DRM_NODE_RENDER)))
			continue;
		snprintf(card->node, sizeof(card->node), "%s", list[i]->nodes[DRM_NODE_RENDER]);
		pci_address(card->pci_address, sizeof(card->pci_address), list[i]);
		count++;
	}
	if (devices > 0)
		drmFreeDevices(list, devices);
	qsort(cards, count, sizeof(*cards), by_address);
	return count;
}

/* Those that there may be. */
static int guess_nodes(struct ogpu_card *cards)
{
	int i;

	for (i = 0; i < MAX_NODES; i++)
		snprintf(cards[i].node, sizeof(cards[i].node), "/dev/dri/renderD%d",
			 FIRST_NODE + i);
	return MAX_NODES;
}

/*
 * Opens all nodes, up to @stop of ours. Returns how many there are, or why none of ours can be
 * opened.
 */
static int open_nodes(struct ogpu_card *out, uint32_t max, int stop, struct ogpu_device **opened)
{
	struct ogpu_card *cards;
	int i, ret, nodes, count = 0, error = -ENOENT;

	cards = calloc(MAX_NODES, sizeof(*cards));
	if (!cards)
		return -ENOMEM;
	nodes = find_nodes(cards);
	if (!nodes)
		nodes = guess_nodes(cards);
	for (i = 0; i < nodes && count < stop; i++) {
		struct ogpu_device *dev;

		ret = open_node(cards[i].node, &dev);
		if (ret && ret != -EINVAL && ret != -ENOENT)	/* not a card of another driver */
			error = ret;
		if (ret)
			continue;
		if ((uint32_t)count < max)
			out[count] = cards[i];
		count++;
		if (opened)
			*opened = dev;
		else
			ogpu_device_close(dev);
	}
	free(cards);
	return count ? count : error;
}

int ogpu_device_list(struct ogpu_card *cards, uint32_t max)
{
	int count = open_nodes(cards, max, MAX_NODES, NULL);

	return count < 0 && count != -ENOMEM ? 0 : count;
}

int ogpu_device_open(const char *node, struct ogpu_device **dev)
{
	int count;

	if (node)
		return open_node(node, dev);
	count = open_nodes(NULL, 0, 1, dev);
	return count < 0 ? count : 0;
}

void ogpu_device_close(struct ogpu_device *dev)
{
	if (!dev)
		return;
	close(dev->fd);
	free(dev);
}

int ogpu_device_fd(const struct ogpu_device *dev)
{
	return dev->fd;
}

const struct drm_ogpu_query_device *ogpu_device_info(const struct ogpu_device *dev)
{
	return &dev->info;
}

const char *ogpu_device_pci_address(const struct ogpu_device *dev)
{
	return dev->pci;
}

int ogpu_query(struct ogpu_device *dev, enum drm_ogpu_query_type type, void *out, size_t size)
{
	struct drm_ogpu_query query = {
		.type = type,
		.size = size,
		.pointer = (uintptr_t)out,
	};

	memset(out, 0, size);
	return ogpu_ioctl(dev, DRM_IOCTL_OGPU_QUERY, &query);
}
